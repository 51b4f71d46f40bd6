"""All that one simulator keeps while it runs: its Front, its raw log, its fault rules."""

from connector.simulator.blobs import Blobs
from connector.simulator.clock import Clock
from connector.simulator.faults import Faults
from connector.simulator.front import Front
from connector.simulator.profiles import Settings
from connector.simulator.request_log import RequestLog
from connector.simulator.store import Store
from connector.simulator.world import World


class State:
    """Reached by the wire (`exchange.py`), by the control routes, and by tests in the same event loop.

    With a store, what it holds is there from the start, and what changes goes into it.
    """

    def __init__(self, world: World, settings: Settings, clock: Clock, store: Store | None = None) -> None:
        self.clock = clock
        blobs = Blobs(store.files) if store is not None else Blobs()
        self.front = Front(world, settings.switches, clock, blobs)
        self.log = RequestLog()
        self.faults = Faults()
        self.faults.replace(settings.faults, settings.switches.seed)
        self._settings = settings
        self._store = store
        if store is not None:
            store.restore(self.front, self.log)
            self.front.changes = []
            self.front.settled = lambda entry: store.settled(self.front, entry)

    def reset(self) -> None:
        """As just started for the first time: nothing arrived, nothing accepted, the switches and faults of the start."""
        self.front.switches = self._settings.switches
        self.front.forget()
        self.front.blobs.clear()
        self.clock.reset()
        self.log = RequestLog()
        self.faults = Faults()
        self.faults.replace(self._settings.faults, self._settings.switches.seed)
        if self._store is not None:
            self._store.clear()

    def close(self) -> None:
        """Let go of files, after the last request. Idempotent."""
        self.front.blobs.close()
        if self._store is not None:
            self.front.settled = None
            self._store.close()
