"""Commits what has settled: on a timer, as a claim, and on revoke. One commit is outstanding at a time.

Two asynchronous commits can overtake each other in the client (the first, answered with a retriable error, lands after
the second): the next is built from the ledgers only when the last one's answer has come.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from connector.core.lease import Lease
from connector.core.offset_map import CommitEntry
from connector.core.records import TopicPartition
from connector.pipeline.partition import Partition
from connector.ports import Clock, CommitFailed, EventLog, Offsets, Telemetry

BATCH_BYTES = 256 * 1024
"""The broker stores a commit as one batch of its offsets topic, about 1 MiB at most; else it refuses every entry."""
ENTRY_BYTES = 320
"""What an entry takes beside its metadata and topic: numbers, and the group's name (249 at most) in the batch's key."""
TOO_LARGE = frozenset({"OFFSET_METADATA_TOO_LARGE", "INVALID_COMMIT_OFFSET_SIZE", "UNKNOWN"})
"""Errors 12 (one entry's text) and 28 or -1 (the whole commit), which the client tells of every entry alike."""
OF_ONE_TOPIC = frozenset({"UNKNOWN_TOPIC_OR_PART", "TOPIC_AUTHORIZATION_FAILED"})
"""Errors 3 and 29: a topic was deleted, or may not be read any more. Told of every entry alike, though others are stored."""
NO_MEMBER = frozenset({"UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION", "FENCED_INSTANCE_ID"})
"""Errors (25, 22, 82) after which no commit of this member can be taken: the group has expelled it."""
OUTDATED = "ILLEGAL_GENERATION"
"""Of these, the one that may be of a moment: a rebalance has ended, and the client is about to hear of it (error 22)."""
HOPELESS = NO_MEMBER | {"closed_epoch", "UNKNOWN_TOPIC_OR_PART"}
"""The same, or the partition has left us, or its topic is gone: made anew, it must not be given the old one's offset."""


class Committer:
    """The only caller of `Offsets.commit`. Every acknowledged one renews the lease."""

    def __init__(
        self,
        offsets: Offsets,
        partitions: Mapping[TopicPartition, Partition],
        lease: Lease,
        clock: Clock,
        telemetry: Telemetry,
        log: EventLog,
    ) -> None:
        self._offsets = offsets
        self._partitions = partitions
        self._lease = lease
        self._clock = clock
        self._telemetry = telemetry
        self._log = log
        self._lock = asyncio.Lock()
        self.claimed: Callable[[Partition], None] = lambda _part: None
        """Called when a partition may be worked on."""
        self.lease_renewed: Callable[[], None] = lambda: None
        """Called when requests may start again."""

    async def run(self, interval_s: float) -> None:
        """Commit every claimed partition whose settled offsets have changed, for ever; if none has, to renew the lease."""
        while True:
            await asyncio.sleep(interval_s)
            await self.commit(self._owned(), renew=True)

    def _owned(self) -> Iterator[Partition]:
        """Looked at when the first is asked for: while the last commit is out, partitions come and go."""
        yield from [part for part in self._partitions.values() if part.claimed]

    async def commit(
        self, partitions: Iterable[Partition], *, released: bool = False, renew: bool = False
    ) -> bool:
        """Commit those that differ from their last acknowledged entry; with `renew`, all when the lease wants it.

        True when nothing is left unacknowledged.

        Partitions that close meanwhile are left to their release. An entry that is too large for the broker is committed
        again at once, with half its map, down to none.
        """
        async with self._lock:
            unchanged = renew and self._lease.due(self._clock.monotonic())
            waiting = deque(partitions)  # iterated only now, when the last commit's answer has come
            complete = True
            while batch := self._batch(waiting, released=released, unchanged=unchanged):
                refused = await self._send([entry for _, entry in batch])
                topics = len({part.tp.topic for part, _ in batch})
                for part, entry in batch:
                    code = refused.get(part.tp)
                    # After an error it is unknown what the coordinator has: committed again even if nothing moves.
                    part.committed = entry if code is None else None
                    if code is None:
                        part.commits_alone = part.commits_by_topic = False
                        part.given_back |= released
                        if not part.claimed:  # the first acknowledgement of an assignment is its claim
                            part.claimed = True
                            self.claimed(part)
                        continue
                    part.refused = code
                    if self._otherwise(part, code, len(batch), topics):
                        waiting.append(part)
                    else:
                        complete = False
            return complete

    def _batch(
        self, waiting: deque[Partition], *, released: bool, unchanged: bool
    ) -> list[tuple[Partition, CommitEntry]]:
        """Entries to commit, built only now: what settled while the last commit was out belongs to this one."""
        batch: list[tuple[Partition, CommitEntry]] = []
        room = BATCH_BYTES
        while waiting:
            part = waiting[0]
            moved = part.committed is None or part.mark != part.committed_at
            wanted = not part.given_back if released else not part.closing and (moved or unchanged)
            if wanted:
                entry = part.entry(released=released)
                room -= ENTRY_BYTES + len(entry.metadata) + len(part.tp.topic)
                if batch and (room < 0 or part.commits_apart(batch[-1][0])):
                    break
                part.committed_at = part.mark
                batch.append((part, entry))
            waiting.popleft()
        return batch

    async def _send(self, entries: list[CommitEntry]) -> Mapping[TopicPartition, str]:
        """Hand one commit over and wait for its answer: what was refused, and why."""
        sent_at = self._clock.monotonic()
        answer = await self._offsets.commit(entries)
        refused = answer.refused if isinstance(answer, CommitFailed) else {}
        told = {code for code in refused.values() if code != "closed_epoch"}  # that one is our own word
        if told and NO_MEMBER.issuperset(told) and len(refused) == len(entries):
            self._lease.ended()
        if len(refused) < len(entries):
            ended = not self._lease.live(self._clock.monotonic())
            self._lease.renewed(sent_at)
            if ended:
                self.lease_renewed()
        for entry in entries:
            if entry.shed and entry.tp not in refused:
                self._telemetry.map_shed()
        self._telemetry.commit("error" if refused else "ok", self._clock.monotonic() - sent_at)
        if refused:
            codes = ",".join(sorted(set(refused.values())))
            self._log.warning("commit.failed", error_type=codes, partitions=len(refused))
        return refused

    def _otherwise(self, part: Partition, code: str, entries: int, topics: int) -> bool:
        """Whether it can be committed in another way, as the error may be another entry's: without other topics if it is
        one of a topic; if it is one of size alone, then with less of its map."""
        if code in OF_ONE_TOPIC and topics > 1:
            part.commits_by_topic = True
            return True
        if code in TOO_LARGE and entries > 1:
            part.commits_alone = True
            return True
        return code in TOO_LARGE and code != "UNKNOWN" and part.halve_map()
