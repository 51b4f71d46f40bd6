"""The stage of the model: simulated brokers, virtual time, and no chance at all."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import greenlet

from connector.core.records import TopicPartition
from tests.simulation.classic import ClassicGroup
from tests.simulation.client import SimClient
from tests.simulation.coordinator import Entry, Group, GroupTimes, Member
from tests.simulation.kernel import Kernel, Process
from tests.simulation.log import Cluster, PartitionLog, Stored
from tests.simulation.messages import ClientWorld
from tests.simulation.modern import ConsumerGroup
from tests.simulation.scripts.events import Events
from tests.simulation.scripts.stage import (
    COMMIT_MAX,
    EPOCH_ENDS,
    HEARTBEAT_S,
    MAX_POLL_S,
    METADATA_MAX,
    SESSION_S,
    SOCKET_S,
    GroupProtocol,
    Script,
)
from tests.simulation.thread import PollThread

UNTIL_S = 1000.0
TOPIC = "played"


class Even(Random):
    """Chance with one outcome: delays are in the middle, what is rare does not happen."""

    def random(self) -> float:
        """Neither early nor late."""
        return 0.5


class Deaf:
    """An observer of what passes that nobody asks."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class SimStage:
    """Implements `stage.Stage`. Each client is a process, all of them polled by one thread, as in the other stage."""

    def __init__(self, script: Script, protocol: GroupProtocol) -> None:
        self.topic = TOPIC
        self.protocol = protocol
        self.events = Events(with_empty=protocol == "consumer")
        self.kernel = Kernel()
        self.random = Even()
        self.cluster = Cluster()
        self.cluster.create(TOPIC, script.partitions, "made once")
        kind = ClassicGroup if protocol == "classic" else ConsumerGroup
        times = GroupTimes(session=SESSION_S, heartbeat=HEARTBEAT_S, rebalance=MAX_POLL_S)
        self.group: Group = kind(self.kernel, self.random, self.cluster, times, [TOPIC])
        self.group.witness = _Applied(self)
        self.group.metadata_max = METADATA_MAX
        self.group.commit_max = COMMIT_MAX
        self._world = ClientWorld(
            kernel=self.kernel,
            cluster=self.cluster,
            group=self.group,
            observer=Deaf(),
            classic=protocol == "classic",
            heartbeat=HEARTBEAT_S,
            session=SESSION_S,
            socket=SOCKET_S,
            max_poll=MAX_POLL_S,
        )
        self._clients: dict[str, SimClient] = {}
        self._script = greenlet.greenlet(lambda: script.play(self))
        self._own = self._thread("script")
        for number in range(script.partitions):
            self.produce(number, script.records)
        if script.two_leaders:
            self._log(0).truncate(EPOCH_ENDS)
            self.produce(0, 20)

    def run(self) -> Mapping[str, Sequence[str]]:
        """Play it to its end; what was told."""
        self.kernel.after(0.0, self._script.switch)
        self.kernel.run(lambda: self._script.dead, UNTIL_S)
        assert self._script.dead, "the script waits for what never comes"
        return self.events.lines()

    def _thread(self, name: str) -> PollThread:
        thread = PollThread(Process(self.kernel, name, 0.0, _broken))
        thread._greenlet = self._script
        return thread

    # --- stage.Stage ------------------------------------------------------------------------------------------

    def client(self, name: str) -> Any:
        """See `Stage`."""
        properties = {"error_cb": lambda _: None}
        made = SimClient(properties, self._thread(name), self._world, self.random)
        self._clients[name] = made
        return made

    def now(self) -> float:
        """Of the kernel."""
        return self.kernel.now

    def pass_time(self, seconds: float) -> None:
        """See `Stage`."""
        self._own.block(seconds)

    def produce(self, partition: int, count: int) -> None:
        """See `Stage`."""
        log = self._log(partition)
        for _ in range(count):
            log.append(
                Stored(log.end, log.tp, log.log_id, 0, 0, "conversation", "channel", "good", 1, b"value")
            )

    def transaction(self, partition: int, count: int) -> Callable[[bool], None]:
        """See `Stage`."""
        log = self._log(partition)
        log.begin()
        self.produce(partition, count)
        return lambda commit: log.finish(commit=commit)

    def delete_records(self, partition: int, before: int) -> None:
        """See `Stage`."""
        self._log(partition).retain(before)

    def answer_next_commit(self, error: int | None) -> None:
        """See `Stage`."""
        if error is not None:
            self.group.inject = [error]
            return
        for client in self._clients.values():
            client.answers_lost_until = UNTIL_S

    def cut(self, name: str) -> None:
        """See `Stage`."""
        self._clients[name].cut(UNTIL_S)

    def mend(self, name: str) -> None:
        """See `Stage`."""
        client = self._clients[name]
        client.cut_until = self.kernel.now
        client._healed()

    def held(self, partition: int) -> tuple[int, str | None] | None:
        """See `Stage`."""
        found = self.group.offsets.get(TopicPartition(TOPIC, partition))
        return None if found is None else (found.offset, found.metadata or None)

    def applied(self) -> Sequence[tuple[int, int]]:
        """See `Stage`."""
        return [(entry.tp.partition, entry.offset) for _, _, entry in self.group.history]

    def _log(self, partition: int) -> PartitionLog:
        return self.cluster.logs[TopicPartition(TOPIC, partition)]

    def next_answers_arrive(self) -> None:
        """What was to be lost is lost."""
        for client in self._clients.values():
            client.answers_lost_until = 0.0


class _Applied:
    """Implements `coordinator.Witness`: one answer is lost, not those after it."""

    def __init__(self, stage: SimStage) -> None:
        self._stage = stage

    def applied(self, client: Member | None, entry: Entry) -> None:
        """The answer leaves in the same instant."""
        self._stage.kernel.after(0.0, self._stage.next_answers_arrive)

    def too_large(self, client: Member, entry: Entry) -> None: ...


def _broken(error: BaseException) -> None:
    raise error
