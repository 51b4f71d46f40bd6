"""Any schedule of answers, revokes and losses keeps the laws: no loss, order per key, every commit true when it is made."""

from collections import Counter
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.answers import Answer, Answered, NotSent, Unknown
from connector.core.offset_map import Believed, CommitEntry, read
from tests.support import virtual_time
from tests.support.world import LOG, TP, Sent, Stage, record

KEYS = st.lists(st.sampled_from(["a", "b", "c", "bad", "skip", "three"]), min_size=1, max_size=25)
ANSWERS = st.lists(
    st.sampled_from([202, 202, 202, 503, 400, 429, 401, 403, 404, "lost", "unsent"]), min_size=30, max_size=30
)
DELAYS = st.lists(st.sampled_from([0.01, 0.3, 2.0]), min_size=7, max_size=7)
MOVES = st.lists(st.tuples(st.sampled_from(["revoke", "lost"]), st.sampled_from([0.1, 1.0, 6.0])), max_size=4)


class Schedule:
    """One drawn schedule and what it makes of the records."""

    def __init__(self, keys: list[str], answers: list[int | str], delays: list[float]) -> None:
        self.keys = keys
        self.calm = False
        self.accepted: Counter[int] = Counter()
        self._answers = answers
        self._delays = delays
        self._turn = count()
        self._stage: Stage

    def play(self, stage: Stage) -> None:
        """Give the stage its Front and its witness."""
        self._stage = stage
        stage.front.script = self._answer
        stage.front.delay = lambda _sent: self._delays[len(stage.front.sent) % len(self._delays)]
        stage.coordinator.watch = self._check

    def settled(self) -> set[int]:
        """Offsets whose fate is durable now: a record of three requests after three acceptances at least."""
        done = {offset for offset, key in enumerate(self.keys) if key == "skip"}
        done |= {letter.source.offset for letter in self._stage.letters.letters}
        return done | {
            offset
            for offset, times in self.accepted.items()
            if times >= (3 if self.keys[offset] == "three" else 1)
        }

    def _answer(self, sent: Sent, _n: int) -> Answer:
        drawn = 202 if self.calm else self._answers[next(self._turn) % len(self._answers)]
        if drawn == "lost":
            return Unknown("timeout")
        if drawn == "unsent":
            return NotSent("connect")
        if drawn == 202:
            self.accepted[_offset(sent)] += 1
        return Answered(int(drawn))

    def _check(self, entry: CommitEntry) -> None:
        """Everything below a committed offset, and everything that its map names, is settled at that moment."""
        believed = read(entry.metadata, LOG, entry.offset)
        assert isinstance(believed, Believed)
        named = {number for first, end in believed.settled for number in range(first, end)}
        assert set(range(entry.offset)) | named <= self.settled(), "a commit that is not true"


def _offset(sent: Sent) -> int:
    return int(sent.id.rsplit("-", 1)[1])


@given(KEYS, ANSWERS, DELAYS, MOVES)
@settings(max_examples=150, deadline=None)
def test_any_answers_keep_the_laws(
    keys: list[str], answers: list[int | str], delays: list[float], moves: list[tuple[str, float]]
) -> None:
    """Random records, answers, delays, revokes and losses: no loss, order per key, every commit true when made."""
    virtual_time.run(_play(Schedule(keys, answers, delays), moves))


async def _play(schedule: Schedule, moves: list[tuple[str, float]]) -> None:
    keys = schedule.keys
    async with Stage(in_flight=3, request_deadline_s=3.0, probe_interval_s=5.0, partition_records=6) as stage:
        schedule.play(stage)
        start, metadata = 0, None
        for epoch, (move, after) in enumerate([*moves, ("end", 0.0)], start=1):
            stage.assign(start, metadata=metadata, epoch=epoch)
            stage.pipeline.received(
                [record(offset, key, epoch=epoch) for offset, key in enumerate(keys) if offset >= start]
            )
            if move == "end":
                break
            await stage.quiet(after)
            if move == "lost":
                stage.pipeline.lost([TP])
            else:
                await stage.pipeline.revoke([TP], 2.5)
            committed = stage.coordinator.committed()
            if committed is not None:
                start, metadata = committed.offset, committed.metadata
        schedule.calm = True
        await stage.quiet(300.0)
    assert schedule.settled() == set(range(len(keys))), "every record is accepted, dead-lettered or skipped"
    final = stage.coordinator.committed()
    assert final is not None
    assert final.offset == len(keys)
    for key in set(keys):
        firsts = list(dict.fromkeys(_offset(sent) for sent in stage.front.sent if sent.key == key))
        assert firsts == sorted(firsts), "first requests of a key come in offset order"
