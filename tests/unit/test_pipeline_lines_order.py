"""Records of unknown lines when their wait ends: whose row is waited for, what comes first, and how much at once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connector.config import Loaded
from connector.core.records import Record, TopicPartition
from connector.pipeline.aside import AT_ONCE
from tests.support.virtual_time import run
from tests.support.world import SCHEMA, TP, Clock, Stage, record
from tests.unit.test_pipeline_lines import BODY, BY_LINE, BY_ROOM, HEAD, in_room, scene, write

WHEN = f"""{HEAD}    rules:
      - name: shop
        when: '${{channels[value.channel].company == "shop"}}'
        operation: sync-inbound-message
        channel: '${{channels[headers.second]}}'
        order_by: ['${{headers.room}}', '${{value.conversation}}']
{BODY}"""
BY_RULES_LET = WHEN.replace("'${headers.room}'", "'${room}'").replace(
    "      - name: shop\n", "      - name: shop\n        let: {room: '${headers.room}'}\n"
)
"""The key is known once its rule is, and only the row of the first line says that."""


def of_two(offset: int, line: str, second: str) -> Record:
    """A message that is looked at by one line, and goes to another's channel."""
    headers = (("room", b"r"), ("second", second.encode()))
    return replace(record(offset, "a", channel=line), headers=headers)


def lines(stage: Stage) -> set[str]:
    """Those whose row is waited for."""
    return set(stage.pipeline.partitions[TP].lines)


def now_ms() -> int:
    """Kafka's clock."""
    return round(Clock(asyncio.get_running_loop().time).wall() * 1000)


# --- whose row ----------------------------------------------------------------------------------------------------------


def test_a_key_waits_for_the_row_of_whichever_record_has_become_its_first(tmp_path: Path) -> None:
    """The first row tells that a record belongs before what waits already: its second row is waited for, not theirs."""

    async def story() -> None:
        known = scene(tmp_path, BY_RULES_LET)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([of_two(0, "x", "y"), of_two(1, "old", "z"), of_two(2, "old", "old")])
            assert lines(stage) == {"x", "z"}
            write(stage, known, x="cha_1")
            assert lines(stage) == {"y"}
            assert stage.pipeline.partitions[TP].records_without_line == 3
            write(stage, known, y="cha_2")
            await stage.quiet()
            assert stage.front.ids == ["0"]
            assert lines(stage) == {"z"}
            write(stage, known, z="cha_3")
            await stage.quiet()
            assert stage.front.ids == ["0", "1", "2"]
            assert not stage.pipeline.partitions[TP].aside

    run(story())


def test_a_new_first_record_may_come_while_its_key_is_being_released(tmp_path: Path) -> None:
    """Both lines get their rows at once; the key is not let go before the record that came first in it."""

    async def story() -> None:
        known = scene(tmp_path, BY_RULES_LET)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([of_two(0, "x", "y"), of_two(1, "old", "z")])
            write(stage, known, x="cha_1", z="cha_3")
            await stage.quiet()
            assert stage.front.ids == []
            assert lines(stage) == {"y"}
            assert stage.pipeline.partitions[TP].records_without_line == 2
            write(stage, known, y="cha_2")
            await stage.quiet()
            assert stage.front.ids == ["0", "1"]

    run(story())


# --- which key ----------------------------------------------------------------------------------------------------------


def test_a_record_whose_condition_needs_the_line_holds_the_order_key_of_all_rules(tmp_path: Path) -> None:
    """Whichever rule it will come to, it will have that key: nothing of the same key may go before it."""

    async def story() -> None:
        known = scene(tmp_path, WHEN)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([of_two(0, "x", "old"), of_two(1, "old", "old")])
            await stage.quiet(100.0)
            assert stage.front.ids == []
            write(stage, known, x="cha_1")
            await stage.quiet()
            assert stage.front.ids == ["0", "1"]

    run(story())


def test_a_key_that_only_one_rule_can_tell_is_not_held(tmp_path: Path) -> None:
    """Then the records of the line wait together, and others go on."""

    async def story() -> None:
        known = scene(tmp_path, BY_RULES_LET)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([of_two(0, "x", "old"), of_two(1, "old", "old")])
            await stage.quiet()
            assert stage.front.ids == ["1"]

    run(story())


# --- how old ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("swapped", [False, True])
def test_a_record_that_waits_for_its_row_does_not_become_too_old(tmp_path: Path, swapped: bool) -> None:
    """Its age was judged when it came; one that is too old already when it comes is skipped, row or not."""

    async def story() -> None:
        known = scene(tmp_path, BY_LINE.replace("    rules:", "    max_age_s: 3600\n    rules:", 1))
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            now = now_ms()
            fresh = replace(record(0, channel="new"), timestamp_ms=now)
            stage.pipeline.received([fresh, replace(record(1, channel="new"), timestamp_ms=now - 3_601_000)])
            await stage.quiet(7200.0)
            if swapped:
                stage.pipeline.swap(replace(known.mappings, hash="new"))
            write(stage, known, new="cha_1")
            await stage.quiet()
            assert stage.front.ids == ["0"]
            assert stage.facts.count("settled", "messages", "skipped") == 1

    run(story())


@pytest.mark.parametrize("text", [BY_ROOM, BY_LINE], ids=["its key is known", "it is a wall"])
def test_a_record_that_waits_for_its_schema_does_not_become_too_old(tmp_path: Path, text: str) -> None:
    """A registry that is down for long must not lose what was read in time."""

    async def story() -> None:
        known = scene(tmp_path, text.replace("    rules:", "    max_age_s: 3600\n    rules:", 1))
        async with Stage(maps=known.mappings) as stage:
            stage.schemas.delay = 7200.0
            stage.schemas.script = lambda _ref, _n: SCHEMA
            stage.assign()
            stage.pipeline.received([replace(in_room(0, "r", "old", schema=2), timestamp_ms=now_ms())])
            await stage.quiet(8000.0)
            assert stage.front.ids == ["0"]

    run(story())


# --- lines that no row can have -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looked_up", "said"),
    [
        ("[value.id, 5][1]", "lines are text, but this is a number: write `channels[string(...)]`"),
        ("[value.id, true][1]", "lines are text, but this is true or false: write `channels[string(...)]`"),
        (
            "value.channel",
            "the line is an empty text, and no row has that: let `when` tell what becomes of such records",
        ),
    ],
)
@pytest.mark.parametrize("policy", ["wait", "dead_letter"])
def test_a_line_that_no_row_can_have_is_a_dead_letter_that_says_why(
    tmp_path: Path, looked_up: str, said: str, policy: str
) -> None:
    """Nobody can ever write its row, so nothing waits for it."""

    async def story() -> None:
        text = BY_LINE.replace("channels[value.channel]", f"channels[{looked_up}]")
        known = scene(tmp_path, text.replace("channel: wait", f"channel: {policy}"))
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([record(0, channel="")])
            await stage.quiet()
            assert stage.letters.reasons() == ["mapping_failed"]
            told = dict(stage.letters.letters[0].headers)["__connect.errors.exception.message"] or b""
            assert told.decode().endswith(f"the key is not in channels ({said})")
            assert not lines(stage)

    run(story())


# --- how much at once ---------------------------------------------------------------------------------------------------

MANY = 3 * AT_ONCE


def test_what_a_row_releases_is_taken_in_a_few_at_a_time(tmp_path: Path) -> None:
    """Of all partitions together, so that a step of the loop has an end; and nothing is lost."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings, in_flight=MANY) as stage:
            tps = [TopicPartition("messages", number) for number in range(4)]
            for tp in tps:
                stage.assign(tp=tp)
                stage.pipeline.received(
                    [record(n, f"{n}", channel="new", tp=tp) for n in range(AT_ONCE // 2)]
                )
            await stage.quiet()

            def waiting() -> int:
                parts = (stage.pipeline.partitions[tp] for tp in tps)
                return sum(len(wait.records) for part in parts for wait in part.aside.values())

            write(stage, known, new="cha_1")
            assert waiting() == AT_ONCE
            write(stage, known, more="cha_2")
            assert waiting() == AT_ONCE
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert waiting() == 0
            await stage.quiet()
            assert len(stage.front.sent) == 2 * AT_ONCE

    run(story())


def _nothing(_stage: Stage, _known: Loaded) -> None: ...


def _swap(stage: Stage, known: Loaded) -> None:
    stage.pipeline.swap(replace(known.mappings, hash="new"))


def _row_goes_and_comes(stage: Stage, known: Loaded) -> None:
    write(stage, known, new=None)
    write(stage, known, new="cha_1")


def _another_row(stage: Stage, known: Loaded) -> None:
    write(stage, known, another="cha_2")


@pytest.mark.parametrize("meanwhile", [_nothing, _swap, _row_goes_and_comes, _another_row])
@pytest.mark.parametrize("text", [BY_LINE, BY_ROOM], ids=["line", "room"])
def test_nothing_overtakes_what_is_being_released(
    tmp_path: Path, text: str, meanwhile: Callable[[Stage, Loaded], None]
) -> None:
    """Records of its line and room that are read between two steps come behind it, whatever else happens there."""

    async def story() -> None:
        known = scene(tmp_path, text)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([in_room(n, "r", "new") for n in range(MANY)])
            stage.pipeline.received([in_room(MANY, "other", "another")])
            await stage.quiet()
            write(stage, known, new="cha_1")
            meanwhile(stage, known)
            stage.pipeline.received([in_room(MANY + 1, "r", "new")])
            await asyncio.sleep(0)
            stage.pipeline.received([in_room(MANY + 2, "r", "new")])
            await stage.quiet(100.0)
            sent = [number for number in stage.front.ids if number != str(MANY)]
            assert sent == [str(n) for n in [*range(MANY), MANY + 1, MANY + 2]]
            assert (str(MANY) in stage.front.ids) is (meanwhile is _another_row)

    run(story())


def test_a_row_that_goes_while_its_records_are_released_holds_the_rest(tmp_path: Path) -> None:
    """In order, together with what is read meanwhile; the next row sends them."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([record(n, channel="new") for n in range(MANY)])
            write(stage, known, new="cha_1")
            write(stage, known, new=None)
            stage.pipeline.received([record(MANY, channel="new")])
            await stage.quiet(100.0)
            assert stage.front.ids == [str(n) for n in range(AT_ONCE)]
            write(stage, known, new="cha_1")
            await stage.quiet(100.0)
            assert stage.front.ids == [str(n) for n in range(MANY + 1)]

    run(story())


def test_a_partition_that_goes_while_its_records_are_released_keeps_the_rest(tmp_path: Path) -> None:
    """They are the next owner's."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings, in_flight=MANY) as stage:
            stage.assign()
            stage.pipeline.received([record(n, f"{n}", channel="new") for n in range(MANY)])
            write(stage, known, new="cha_1")
            await stage.pipeline.revoke([TP], 5.0)
            await stage.quiet()
            assert len(stage.front.sent) <= AT_ONCE
            stage.assign(epoch=2)
            stage.pipeline.received([record(n, f"{n}", channel="new", epoch=2) for n in range(MANY)])
            await stage.quiet()
            assert {int(number) for number in stage.front.ids} == set(range(MANY))

    run(story())
