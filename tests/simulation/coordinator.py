"""The group coordinator: members, generations (classic) or member epochs (KIP-848), and committed offsets.

Like the real one it fences members, not partitions: whoever is a member of the current generation may commit any partition.
A member is expelled when it has been silent for a session time-out. `ClassicGroup` and `ConsumerGroup` differ in how
partitions move; what is common is here. Members call in through `client.py`, which has the network between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from connector.core.records import TopicPartition
from tests.simulation.kernel import Kernel
from tests.simulation.log import Cluster

OK, UNKNOWN_TOPIC = 0, 3
TOO_LARGE_METADATA, LOADING, NOT_AVAILABLE, NOT_COORDINATOR = 12, 14, 15, 16
ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCING, STALE_EPOCH = 22, 25, 27, 113
TOO_LARGE_COMMIT = -1
"""Not 28: a broker names no size (docs/decisions/kafka-facts.md)."""
INVALID_SIZE = 28


class Member(Protocol):
    """A client as the coordinator knows it. It is called at once: the caller has waited for the network already."""

    @property
    def name(self) -> str: ...
    @property
    def held(self) -> Mapping[TopicPartition, object]:
        """What it says it owns."""

    def poke(self) -> None:
        """It sends a heartbeat soon: there is something to hear."""

    def joined(self, member_id: str, epoch: int, partitions: Sequence[TopicPartition]) -> None:
        """The answer to its join, or to a heartbeat that changes what it owns."""

    def responsive(self) -> bool:
        """Its heartbeats arrive."""


@dataclass(slots=True)
class Known:
    """A member as the coordinator sees it. `epoch`: what its commits must carry."""

    id: str
    client: Member
    epoch: int = 0
    current: dict[TopicPartition, None] = field(default_factory=dict)
    """What it was given and has not given back."""
    target: list[TopicPartition] = field(default_factory=list)
    joined: bool = False
    expires: int = 0


@dataclass(frozen=True, slots=True)
class Committed:
    """What the coordinator holds of a partition."""

    offset: int
    metadata: str
    leader_epoch: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One partition of a commit as it came over the wire."""

    tp: TopicPartition
    offset: int
    metadata: str
    leader_epoch: int | None


class Witness(Protocol):
    """Told what the coordinator does, when it does it."""

    def applied(self, client: Member | None, entry: Entry) -> None: ...
    def too_large(self, client: Member, entry: Entry) -> None:
        """It is refused for the size of its text, whatever that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTimes:
    """Seconds."""

    session: float
    heartbeat: float
    rebalance: float


class Group:
    """What both protocols share: members, offsets, silence, moving."""

    def __init__(
        self, kernel: Kernel, random: Random, cluster: Cluster, times: GroupTimes, topics: Sequence[str]
    ) -> None:
        self.kernel = kernel
        self.random = random
        self.cluster = cluster
        self.times = times
        self.topics = topics
        self.witness: Witness
        self.members: dict[str, Known] = {}
        self.offsets: dict[TopicPartition, Committed] = {}
        self.history: list[tuple[float, str, Entry]] = []
        self.metadata_max = 4096
        self.commit_max = 1_000_000
        self.down: tuple[float, int] = (0.0, OK)
        """Until when it is away, and what it answers meanwhile."""
        self.inject: list[int] = []
        """Errors that the next commits are answered with, whatever they say."""
        self._serial = 0

    # --- offsets ----------------------------------------------------------------------------------------------

    def commit(
        self, client: Member, member_id: str | None, epoch: int, entries: Sequence[Entry]
    ) -> list[int]:
        """An answer for each entry; what is answered `OK` is applied now."""
        refusal = self.unavailable() or self._refuses(member_id, epoch)
        if refusal == OK and self.inject:
            refusal = self.inject.pop(0)
            for entry in entries if refusal in (TOO_LARGE_METADATA, INVALID_SIZE) else ():
                self.witness.too_large(client, entry)
        if refusal == OK and sum(len(entry.metadata) for entry in entries) > self.commit_max:
            refusal = TOO_LARGE_COMMIT
        if refusal != OK:
            return [refusal] * len(entries)
        answers = []
        for entry in entries:
            if (
                entry.metadata and len(entry.metadata) + 1 > self.metadata_max
            ):  # the client sends a NUL behind it
                answers.append(TOO_LARGE_METADATA)
                continue
            if (
                entry.tp not in self.cluster.logs
            ):  # brokers look into their metadata before the coordinator is asked
                answers.append(UNKNOWN_TOPIC)
                continue
            answers.append(OK)
            self.apply(client, entry)
        return answers

    def apply(self, client: Member | None, entry: Entry) -> None:
        """Make it the committed offset. `client` None: an operator or somebody else's program."""
        self.history.append((self.kernel.now, client.name if client else "operator", entry))
        self.witness.applied(client, entry)
        self.offsets[entry.tp] = Committed(entry.offset, entry.metadata, entry.leader_epoch)

    def unavailable(self) -> int:
        """What it answers while it moves or loads; 0 when it serves."""
        until, code = self.down
        return code if self.kernel.now < until else OK

    def _refuses(self, member_id: str | None, epoch: int) -> int:
        if member_id is None:
            return UNKNOWN_MEMBER if self.members else OK
        known = self.members.get(member_id)
        return UNKNOWN_MEMBER if known is None else self.fences(known, epoch)

    def fences(self, known: Known, epoch: int) -> int:
        """The error of a member whose epoch is not the current one; 0 if it is."""
        raise NotImplementedError

    # --- members ----------------------------------------------------------------------------------------------

    def join(self, client: Member, member_id: str | None) -> None:
        """It wants to be a member, or to take part in a rebalance."""
        raise NotImplementedError

    def _known(self, client: Member, member_id: str | None) -> tuple[Known, bool]:
        """The member, and whether it is new. What it was before, under another id, is forgotten."""
        known = self.members.get(member_id or "")
        if known is not None:
            return known, False
        for old in [old for old in self.members.values() if old.client is client]:
            del self.members[old.id]
        self._serial += 1
        known = Known(f"{client.name}#{self._serial}", client)
        self.members[known.id] = known
        if not client.responsive():
            self.silent(client)
        return known, True

    def heartbeat(self, member_id: str, client: Member) -> int:
        """0, or the error that it is answered with."""
        raise NotImplementedError

    def rebalance(self) -> None:
        """Members, or the partitions of a topic, have changed."""
        raise NotImplementedError

    def leave(self, member_id: str | None) -> None:
        """It goes, or is put out (`expel`)."""
        if self.members.pop(member_id or "", None) is not None:
            self.kernel.trace("coordinator", f"{member_id} left")
            self.rebalance()

    def owner(self, tp: TopicPartition) -> Member | None:
        """Who was given it."""
        return next((known.client for known in self.members.values() if tp in known.current), None)

    def silent(self, client: Member) -> None:
        """Its heartbeats stop: it is expelled a session after its last one, which may have been just before."""
        for known in self.members.values():
            if known.client is client:
                known.expires += 1
                last = self.kernel.now - self.random.uniform(0.0, self.times.heartbeat)
                self.kernel.at(last + self.times.session, self._expire, known, known.expires)

    def speaks(self, client: Member) -> None:
        """Its heartbeats arrive again."""
        for known in self.members.values():
            if known.client is client:
                known.expires += 1

    def _expire(self, known: Known, number: int) -> None:
        if known.expires != number or self.members.get(known.id) is not known:
            return
        until, _ = self.down
        if self.kernel.now < until:  # nobody counts while it moves, and the new one counts from its start
            self.kernel.at(until + self.times.session, self._expire, known, number)
            return
        self.kernel.trace("coordinator", f"{known.id} expelled: silent")
        self.leave(known.id)

    def away(self, seconds: float, code: int) -> None:
        """It moves to another broker, or loads."""
        self.down = (self.kernel.now + seconds, code)
        self.kernel.after(seconds + 0.001, self._back)

    def _back(self) -> None:
        for known in list(self.members.values()):
            known.client.poke()

    def _balanced(self, members: Sequence[Known], held: Mapping[str, Sequence[TopicPartition]]) -> None:
        """Set targets: as even as can be, moving as little as can be (sticky)."""
        wanted = sorted(tp for tp in self.cluster.logs if tp.topic in self.topics)
        least, more = divmod(len(wanted), len(members))
        taken: dict[TopicPartition, None] = {}
        for known in members:
            known.target = []
        # Those that hold most may keep the odd ones.
        for known in sorted(members, key=lambda known: -len(held[known.id])):
            quota = least + (1 if more > 0 else 0)
            keep = [tp for tp in held[known.id] if tp in wanted and tp not in taken][:quota]
            if len(keep) > least:
                more -= 1
            known.target = keep
            taken.update(dict.fromkeys(keep))
        for tp in wanted:
            if tp not in taken:
                poorest = min(members, key=lambda known: len(known.target))
                poorest.target.append(tp)
