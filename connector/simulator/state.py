"""All that one simulator keeps while it runs: its Front, its raw log, its fault rules."""

from connector.simulator.clock import Clock
from connector.simulator.faults import Faults
from connector.simulator.front import Front
from connector.simulator.request_log import RequestLog
from connector.simulator.switches import Switches
from connector.simulator.world import World


class State:
    """Reached by the wire (`asgi.py`), by the control routes (`control.py`), and by tests in the same event loop."""

    def __init__(self, world: World, switches: Switches, clock: Clock) -> None:
        self.clock = clock
        self.front = Front(world, switches, clock)
        self.log = RequestLog()
        self.faults = Faults()
        self._switches_at_start = switches

    def reset(self) -> None:
        """As just started: nothing arrived, nothing accepted, no faults, the switches of the start."""
        self.front.switches = self._switches_at_start
        self.front.forget()
        self.log = RequestLog()
        self.faults = Faults()
