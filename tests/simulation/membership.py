"""The group's side of a client: joining, heartbeats, callbacks, being fenced. See `client.py`."""

from collections.abc import Callable, Sequence
from random import Random

from connector.core.records import TopicPartition
from tests.simulation.coordinator import OK
from tests.simulation.fetching import Fetching
from tests.simulation.kernel import Life
from tests.simulation.messages import ClientWorld, Place, Rebalance
from tests.simulation.thread import PollThread


class Membership(Fetching):
    """Implements `coordinator.Member`. What runs in the background of librdkafka runs here without being polled."""

    def __init__(self, thread: PollThread, world: ClientWorld, random: Random) -> None:
        super().__init__(thread, world, random)
        self.cut_until = 0.0
        """The coordinator cannot be reached."""
        self._cut_since = 0.0
        self.held: dict[TopicPartition, None] = {}
        """What the app was given and has not been asked to give back."""
        self.member_id: str | None = None
        self.epoch = -1
        self.in_callback: str | None = None
        self.closed = False
        self._callbacks: dict[str, Callable[..., None]] = {}
        self._next: tuple[int, list[TopicPartition]] | None = None
        """An assignment that waits until the callbacks before it have run."""
        self._after_revoke: list[TopicPartition] = []
        self._fenced = False
        self._rejoin = False
        self._joining = False
        self._joins = 0
        self._joins_heard = 0
        """The newest of its joins that the coordinator has heard of, and therefore answers."""
        self._poking = False

    def network_whole(self) -> bool:
        """Packets between it and the coordinator arrive."""
        return self.kernel.now >= self.cut_until

    def responsive(self) -> bool:
        """Its heartbeats arrive."""
        return self.process.life is Life.RUNNING and self.network_whole() and not self.closed

    def reachable(self) -> bool:
        """It knows a coordinator that it can talk to."""
        return self.network_whole()

    def cut(self, seconds: float) -> None:
        """Packets to and from the coordinator are dropped, all others pass."""
        if self.network_whole():
            self._cut_since = self.kernel.now
        if self.world.classic:
            self.process.after(self.world.session, self._session_ends)
        self.cut_until = max(self.cut_until, self.kernel.now + seconds)
        self.world.group.silent(self)
        self.kernel.at(self.cut_until + 0.001, self._healed)

    def _session_ends(self) -> None:
        """The classic client gives up by itself what no heartbeat has confirmed for a session; under KIP-848 it never does."""
        silent = self.kernel.now - self._cut_since
        if self.member_id is not None and not self.network_whole() and silent >= self.world.session:
            self.fenced("no heartbeat was answered for a session")

    def _healed(self) -> None:
        if self.network_whole() and self.process.life is Life.RUNNING:
            self.world.group.speaks(self)
            if self._joining:
                self._joining = False
                self._join()
            self.poke()

    def die(self) -> None:
        """Its process is gone; nobody says so to the coordinator."""
        self.world.group.silent(self)
        self._unwatch()

    def thawed(self) -> None:
        """Its process was frozen."""
        self._healed()

    def poke(self) -> None:
        """Send a heartbeat soon."""
        if not self._poking and self.process.life is not Life.DEAD and not self.closed:
            self._poking = True
            self.process.after(self.random.uniform(0.001, self.world.heartbeat), self._heartbeat)

    def _heartbeat(self) -> None:
        self._poking = False
        if self.closed or self.member_id is None or not self.network_whole():
            return
        if self.world.group.unavailable():
            # It asks again: when the coordinator is back, it pokes only those who are members still.
            self.poke()
            return
        member_id = self.member_id
        code = self.world.group.heartbeat(member_id, self)
        if code == 27:
            self._rejoin_when_idle()
        elif code != OK:
            self.process.after(0.005, self._told_fenced, member_id, code)

    def _told_fenced(self, member_id: str, code: int) -> None:
        if self.member_id == member_id:
            self.fenced(f"error {code} on a heartbeat")

    def fenced(self, why: str) -> None:
        """It is no member any more: everything is lost."""
        self.kernel.trace(self.name, f"client: fenced: {why}")
        self.member_id = None
        self.epoch = -1
        self._next = None
        self._after_revoke = []
        self._fenced = True
        self._rejoin = False
        self._advance()

    def _advance(self) -> None:
        """When no callback waits or runs: what comes next."""
        if self._pending or self.in_callback or self.closed:
            return
        if self._fenced:
            self._fenced = False
            self._joining = False
            if self.held:
                self._put(Rebalance("lost", list(self.held)))
                self._rejoin = True
                return
            self._join()
        elif self._next is not None:
            epoch, partitions = self._next
            self._next = None
            self._on_target(epoch, partitions)
        elif self._rejoin:
            self._rejoin = False
            self._join()

    def _rejoin_when_idle(self) -> None:
        self._rejoin = True
        self._advance()

    def _join(self) -> None:
        if self._joining or self.closed:
            return
        self._joining = True
        self._joins += 1
        number = self._joins

        def join() -> None:
            self._joins_heard = max(self._joins_heard, number)
            self.world.group.join(self, self.member_id)

        self._ask(join)

    def _ask(self, request: Callable[[], object]) -> None:
        """A request to the coordinator: it arrives though its sender may be frozen meanwhile."""

        def arrive() -> None:
            if not self.network_whole():
                return
            if self.world.group.unavailable():
                self.kernel.after(0.3, arrive)
            else:
                request()

        self.kernel.after(self.random.uniform(0.002, 0.03), arrive)

    def joined(self, member_id: str, epoch: int, partitions: Sequence[TopicPartition]) -> None:
        """The coordinator's answer leaves it."""
        if self.network_whole():
            self.process.after(
                self.random.uniform(0.001, 0.02),
                self._answered,
                self._joins_heard,
                member_id,
                epoch,
                list(partitions),
            )

    def _answered(self, join: int, member_id: str, epoch: int, partitions: list[TopicPartition]) -> None:
        """What answers a join before the last is thrown away, or nobody would wait for the last one's answer any more.

        Source: librdkafka, rd_kafka_cgrp_handle_JoinGroup and rd_kafka_cgrp_handle_SyncGroup ("discarding outdated request").
        """
        if join == self._joins:
            self._joined(member_id, epoch, partitions)

    def _joined(self, member_id: str, epoch: int, partitions: list[TopicPartition]) -> None:
        if self.closed or (self.member_id is not None and self.member_id != member_id) or self._fenced:
            return
        if self.member_id is None and not self._joining:
            return
        self._joining = False
        self.member_id = member_id
        changed = self.epoch != epoch
        self.epoch = epoch
        if self.world.classic or changed or set(partitions) != set(self.held):
            self._next = (epoch, partitions)
            self._advance()
        if changed:
            self.poke()

    def _on_target(self, epoch: int, partitions: list[TopicPartition]) -> None:
        revoked = [tp for tp in self.held if tp not in partitions]
        added = [tp for tp in partitions if tp not in self.held]
        self.kernel.trace(
            self.name,
            f"client: epoch {epoch}: +{[tuple(tp) for tp in added]} -{[tuple(tp) for tp in revoked]}",
        )
        if revoked:
            self._after_revoke = added
            self._put(Rebalance("revoke", revoked))
        elif added or self.world.classic:
            self._put(Rebalance("assign", added))

    def _run(self, item: Rebalance) -> None:
        """Run the app's callback; it may block."""
        self._pending -= 1
        self._rewind_all()
        if item.kind != "lost" and self._fenced:
            self._advance()
            return
        if item.kind == "assign":
            self.held.update(dict.fromkeys(item.partitions))
        self.in_callback = item.kind
        try:
            self._callbacks[item.kind](self, [Place(*tp) for tp in item.partitions])
        finally:
            self.in_callback = None
        self._alive()
        self._go_on()
        for tp in item.partitions if item.kind != "assign" else ():
            self.held.pop(tp, None)
        if item.kind == "revoke" and not self._fenced:
            added, self._after_revoke = self._after_revoke, []
            self._put(Rebalance("assign", added))
            if self.world.classic:
                self._rejoin = True
                return
            self._poking = False
            self.process.after(0.0, self._heartbeat)
        self._advance()
