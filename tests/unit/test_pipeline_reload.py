"""Mappings swapped between records, in virtual time: nothing lost, order per key kept, and each record of one version only."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.answers import Answered
from connector.core.decode import SchemaId, SchemaRef
from connector.core.mapping import MappingSet
from connector.core.records import Record
from connector.pipeline.world import World
from connector.ports import GaveUp, RegistryUnavailable, SchemaAnswer
from tests.support import virtual_time
from tests.support.virtual_time import in_virtual_time
from tests.support.world import SCHEMA, TP, Sent, Stage, mappings, record
from tests.unit.config_files import folder, loaded

T = TypeVar("T")

MESSAGES = """\
version: 1
topics:
  messages:
    start: earliest
    rules:
      - name: version {version}
        operation: sync-inbound-message
        channel: cha_1
        {order_by}
        body:
          sender: {{handle: h}}
          body: '${{value.conversation == "bad" ? value.nothing : "{version}"}}'
          metadata: {{external_id: '${{value.id}}', external_conversation_id: '${{value.conversation}}'}}
"""
BY_ROOM = "order_by: ['${headers.room}']"


@cache
def version(name: str, order_by: str = "") -> MappingSet:
    """Messages whose text is the version's name, in order by conversation or by what `order_by` says."""
    with TemporaryDirectory() as path:
        file = folder(Path(path), messages=MESSAGES.format(version=name, order_by=order_by))
        return loaded(file).mappings


def in_room(offset: int, conversation: str, room: str = "r", *, schema: int = 1) -> Record:
    return replace(record(offset, conversation, schema=schema), headers=(("room", room.encode()),))


def by(stage: Stage) -> list[tuple[str, str]]:
    """Offset and version of each request, in order of arrival."""
    return [(sent.id.rsplit("-", 1)[1], json.loads(sent.content)["body"]) for sent in stage.front.sent]


def letters(stage: Stage) -> list[str]:
    """The mapping hash of each dead letter."""
    return [dict(letter.headers)["front.mapping.hash"].decode() for letter in stage.letters.letters]  # type: ignore[union-attr]


def slow(seconds: float) -> Callable[[Sent], float]:
    return lambda _: seconds


# --- the swap -----------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_record_in_flight_finishes_as_it_was_mapped_and_the_next_one_is_mapped_anew() -> None:
    """Two of the old version, one sent and one queued behind it; what comes later does not wait for them."""
    async with Stage(maps=version("old")) as stage:
        stage.front.delay = slow(10.0)
        stage.assign()
        stage.pipeline.received([record(0, "a"), record(1, "a")])
        await stage.quiet(1.0)
        assert stage.pipeline.swap(version("new")) == 0
        stage.pipeline.received([record(2, "b"), record(3, "a")])
        await stage.quiet(1.0)
        assert by(stage) == [("0", "old"), ("2", "new")]
        await stage.quiet(60.0)
        assert by(stage) == [("0", "old"), ("2", "new"), ("1", "old"), ("3", "new")]


@in_virtual_time
async def test_a_dead_letter_names_the_version_that_mapped_it_and_not_the_newest() -> None:
    """One that Front rejects after the swap, and one that each version cannot map."""
    async with Stage(maps=version("old")) as stage:
        stage.front.script = lambda _sent, _n: Answered(400)
        stage.front.delay = slow(5.0)
        stage.assign()
        stage.pipeline.received([record(0, "a"), record(1, "bad")])
        await stage.quiet(1.0)
        stage.pipeline.swap(version("new"))
        stage.pipeline.received([record(2, "bad")])
        await stage.quiet(20.0)
        old, new = version("old").hash, version("new").hash
        assert [letter.source.offset for letter in stage.letters.letters] == [1, 2, 0]
        assert letters(stage) == [old, new, old]
        assert old != new


@in_virtual_time
async def test_a_version_with_other_keys_waits_for_what_was_mapped_by_the_old_one() -> None:
    """Two conversations of one room: under the new version the second may not overtake the first, which is tried again."""
    async with Stage(maps=version("old")) as stage:
        stage.front.script = lambda sent, n: Answered(500 if sent.id.endswith("-0") and n < 3 else 202)
        stage.front.delay = slow(1.0)
        stage.assign()
        stage.pipeline.received([in_room(0, "a"), in_room(1, "b")])
        await stage.quiet(0.5)
        assert stage.pipeline.swap(version("new", BY_ROOM)) == 1
        stage.pipeline.received([in_room(2, "c"), in_room(3, "d", "other")])
        await stage.quiet(2.0)
        assert {number for number, _ in by(stage)} == {"0", "1"}
        await stage.quiet(30.0)
        ended = max(sent.ended or 0.0 for sent in stage.front.sent if sent.id.endswith(("-0", "-1")))
        later = [sent for sent in stage.front.sent if sent.id.endswith(("-2", "-3"))]
        assert len(later) == 2
        assert all(sent.at >= ended for sent in later)
        assert [text for number, text in by(stage) if number in "23"] == ["new", "new"]
        assert not stage.pipeline.partitions[TP].walled


@in_virtual_time
async def test_other_keys_make_no_partition_wait_that_has_nothing_in_hand() -> None:
    """Nor one whose records are all still unmapped, behind a schema that has not come."""
    async with Stage(maps=version("old")) as stage:
        stage.assign()
        assert stage.pipeline.swap(version("new", BY_ROOM)) == 0
        stage.pipeline.received([in_room(0, "a")])
        await stage.quiet(1.0)
        assert by(stage) == [("0", "new")]


@in_virtual_time
async def test_a_wall_ends_when_the_last_record_before_it_is_dead_lettered_or_skipped() -> None:
    """However a record ends, the partition goes on."""
    async with Stage(maps=version("old")) as stage:
        stage.front.script = lambda _sent, _n: Answered(400)
        stage.front.delay = slow(1.0)
        stage.assign()
        stage.pipeline.received([in_room(0, "a"), in_room(1, "bad")])
        await stage.quiet(0.001)
        assert stage.pipeline.swap(version("new", BY_ROOM)) == 1
        stage.pipeline.received([in_room(2, "c")])
        await stage.quiet(10.0)
        assert by(stage) == [("0", "old"), ("2", "new")]
        assert stage.pipeline.partitions[TP].ledger.unsettled == 0


@in_virtual_time
async def test_a_walled_partition_is_given_back_as_any_other() -> None:
    """What waits before the wall is the next owner's; the revoke is not held up."""
    async with Stage(maps=version("old")) as stage:
        stage.front.delay = slow(2.0)
        stage.assign()
        stage.pipeline.received([in_room(0, "a")])
        await stage.quiet(0.5)
        stage.pipeline.swap(version("new", BY_ROOM))
        stage.pipeline.received([in_room(1, "a")])
        await stage.pipeline.revoke([TP], 5.0)
        committed = stage.coordinator.committed()
        assert committed is not None
        assert committed.offset == 1
        assert by(stage) == [("0", "old")]


@in_virtual_time
async def test_what_waits_aside_is_mapped_by_the_version_in_use_when_it_can_be() -> None:
    """Not mapped yet, it belongs to no version: a mapping that is mended helps it, too. Its room keeps its order."""

    def late(_ref: SchemaRef, _n: int) -> SchemaAnswer:
        return SCHEMA if stage.front.loop_time() > 20.0 else RegistryUnavailable("down")

    async with Stage(maps=version("old", BY_ROOM)) as stage:
        stage.schemas.script = late
        stage.assign()
        stage.pipeline.received([in_room(0, "a", schema=2), in_room(1, "a"), in_room(2, "b", "other")])
        await stage.quiet(5.0)
        assert by(stage) == [("2", "old")]
        assert stage.pipeline.swap(version("new", BY_ROOM)) == 0
        stage.pipeline.received([in_room(3, "a")])
        await stage.quiet(5.0)
        assert by(stage) == [("2", "old")]
        await stage.quiet(60.0)
        assert by(stage) == [("2", "old"), ("0", "new"), ("1", "new"), ("3", "new")]


@in_virtual_time
async def test_what_waits_aside_comes_into_order_by_the_new_keys() -> None:
    """By conversation nobody knows the key of a record without its schema: it is a wall now, and nothing overtakes it."""

    def late(_ref: SchemaRef, _n: int) -> SchemaAnswer:
        return SCHEMA if stage.front.loop_time() > 20.0 else RegistryUnavailable("down")

    async with Stage(maps=version("old", BY_ROOM)) as stage:
        stage.schemas.script = late
        stage.assign()
        stage.pipeline.received([in_room(0, "a", "one", schema=2), in_room(1, "a", "two", schema=3)])
        await stage.quiet(5.0)
        assert stage.pipeline.swap(version("new")) == 0
        stage.pipeline.received([in_room(2, "a", "three")])
        await stage.quiet(5.0)
        assert by(stage) == []
        await stage.quiet(60.0)
        assert by(stage) == [("0", "new"), ("1", "new"), ("2", "new")]


# --- any schedule -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """A record, how long the next batch comes after it, and which version comes before that."""

    conversation: str
    room: str
    schema: int
    pause: float
    swap: str | None


RECORDS = st.lists(
    st.builds(
        Drawn,
        st.sampled_from(["a", "a", "b", "bad"]),
        st.sampled_from(["r", "s"]),
        st.sampled_from([1, 1, 1, 2]),
        st.sampled_from([0.0, 0.005, 0.3, 2.0]),
        st.sampled_from([None, None, "", BY_ROOM]),
    ),
    min_size=1,
    max_size=20,
)


@given(RECORDS, st.integers(0, 2**16))
@settings(max_examples=150, deadline=None)
def test_any_schedule_of_swaps_keeps_order_per_key_and_loses_nothing(records: list[Drawn], seed: int) -> None:
    """Under each version by its keys; and from a version with other keys nothing starts before all of the former has ended."""
    virtual_time.run(_play(records, seed))


async def _play(records: list[Drawn], seed: int) -> None:
    order_by = [""]
    async with Stage(maps=version("0"), in_flight=3) as stage:
        stage.schemas.script = lambda _ref, n: SCHEMA if n > 2 else RegistryUnavailable("down")

        def chance(sent: Sent, salt: int) -> int:
            return crc32(f"{sent.id} {seed} {salt}".encode()) % 3

        stage.front.delay = lambda sent: (0.01, 0.4, 1.5)[chance(sent, 1)]
        stage.front.script = lambda sent, n: Answered(503 if not chance(sent, 2) and n < 2 else 202)
        stage.assign()
        for offset, drawn in enumerate(records):
            stage.pipeline.received([in_room(offset, drawn.conversation, drawn.room, schema=drawn.schema)])
            if drawn.pause:
                await stage.quiet(drawn.pause)
            if drawn.swap is not None:
                stage.pipeline.swap(version(str(len(order_by)), drawn.swap))
                order_by.append(drawn.swap)
        await stage.quiet(120.0)
        part = stage.pipeline.partitions[TP]
        assert (part.ledger.unsettled, len(part.inbox), len(part.aside), part.walled) == (0, 0, 0, False)
    good = {offset for offset, drawn in enumerate(records) if drawn.conversation != "bad"}
    first: dict[int, tuple[float, int]] = {}
    last: dict[int, float] = {}
    for sent in stage.front.sent:
        offset = int(sent.id.rsplit("-", 1)[1])
        first.setdefault(offset, (sent.at, int(json.loads(sent.content)["body"])))
        last[offset] = sent.ended or 0.0
    assert set(first) == good
    assert {letter.source.offset for letter in stage.letters.letters} == set(range(len(records))) - good
    for earlier, later in combinations(sorted(good), 2):
        was, became = first[earlier][1], first[later][1]
        if was > became:
            continue  # it waited aside, and was mapped after the later one had gone under a key of its own
        key = attrgetter("room" if order_by[became] else "conversation")
        if order_by[was] != order_by[became] or key(records[earlier]) == key(records[later]):
            assert last[earlier] <= first[later][0], (earlier, later)


# --- mappers that take time ---------------------------------------------------------------------------------------------


@dataclass
class Calls:
    """Runs each call after `delay` seconds, as another thread would; a delay over `bound` is given up."""

    delays: deque[float] = field(default_factory=deque)
    bound: float = 5.0

    async def run(self, call: Callable[[], T]) -> T | GaveUp:
        delay = self.delays.popleft() if self.delays else 0.0
        await asyncio.sleep(min(delay, self.bound))
        return GaveUp("did not return within 5 s") if delay > self.bound else call()


def with_calls(stage: Stage, calls: Calls) -> None:
    """The stage's world with a place for mapper calls, before anything was taken in."""
    world: World = stage.pipeline.taking._world
    stage.pipeline.taking._world = replace(world, mapper_calls=calls)


@in_virtual_time
async def test_a_mapper_that_runs_is_a_wall_for_its_partition_and_for_no_other() -> None:
    """Its record's key is unknown meanwhile; the order of the partition is kept."""
    async with Stage() as stage:
        with_calls(stage, Calls(deque([3.0])))
        other = TP._replace(partition=1)
        stage.assign()
        stage.assign(tp=other)
        stage.pipeline.received([record(0, "a"), record(1, "a"), record(2, "b")])
        stage.pipeline.received([record(0, "c", tp=other)])
        await stage.quiet(2.0)
        assert [sent.id for sent in stage.front.sent] == ["messages-1-0"]
        await stage.quiet(5.0)
        assert [sent.id for sent in stage.front.sent[1:]] == ["messages-0-0", "messages-0-2", "messages-0-1"]


@in_virtual_time
async def test_a_mapper_that_hangs_makes_a_dead_letter_and_the_partition_goes_on() -> None:
    """With a reason that says how long it was waited for."""
    async with Stage() as stage:
        with_calls(stage, Calls(deque([1e9])))
        stage.assign()
        stage.pipeline.received([record(0, "a"), record(1, "a")])
        await stage.quiet(4.0)
        assert stage.front.sent == []
        await stage.quiet(5.0)
        assert stage.front.ids == ["1"]
        [letter] = stage.letters.letters
        headers = dict(letter.headers)
        assert headers["front.reason"] == b"mapping_failed"
        said = headers["__connect.errors.exception.message"]
        assert said == b"rule 'test', mapper: did not return within 5 s"


@in_virtual_time
async def test_a_record_that_a_mapper_has_in_hand_at_a_swap_finishes_under_the_old_version() -> None:
    """Its dead letter says so; what comes behind it waits for it if keys may differ."""
    async with Stage() as stage:
        with_calls(stage, Calls(deque([3.0])))
        stage.assign()
        stage.pipeline.received([record(0, "bad"), record(1, "a")])
        await stage.quiet(1.0)
        old = mappings("messages", "other")
        topics = {name: replace(topic, order_signature="other") for name, topic in old.topics.items()}
        assert stage.pipeline.swap(MappingSet(topics, "1")) == 1
        await stage.quiet(10.0)
        assert letters(stage) == ["0"]
        assert stage.front.ids == ["1"]
        assert stage.front.sent[0].at > 3.0


@in_virtual_time
async def test_a_partition_that_is_taken_away_while_its_mapper_runs_is_left_at_once() -> None:
    """Nothing has begun: the record is the next owner's, and what the mapper says later counts for nothing."""
    async with Stage() as stage:
        with_calls(stage, Calls(deque([3.0])))
        stage.assign()
        stage.pipeline.received([record(0, "a")])
        await stage.quiet(1.0)
        began = stage.front.loop_time()
        await stage.pipeline.revoke([TP], 5.0)
        assert stage.front.loop_time() - began < 0.1
        await stage.quiet(10.0)
        assert stage.front.sent == []
        assert stage.facts.count("stale_settle") == 0


@in_virtual_time
async def test_a_schema_that_is_being_fetched_is_asked_for_by_the_new_version_too() -> None:
    """A swap while a record waits for its schema: it is mapped anew when it comes, and nothing passes it meanwhile."""
    async with Stage(maps=version("old")) as stage:
        stage.schemas.script = lambda ref, _n: (
            SCHEMA
            if isinstance(ref, SchemaId) and stage.front.loop_time() > 5.0
            else RegistryUnavailable("down")
        )
        stage.assign()
        stage.pipeline.received([in_room(0, "a", schema=2), in_room(1, "b")])
        await stage.quiet(2.0)
        stage.pipeline.swap(version("new", BY_ROOM))
        await stage.quiet(30.0)
        assert by(stage) == [("0", "new"), ("1", "new")]
