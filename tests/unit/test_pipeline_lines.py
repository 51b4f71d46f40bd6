"""Records of a line that has no row in the channel directory yet: they wait, in order, and nothing else does. Virtual time."""

from dataclasses import replace
from pathlib import Path

import pytest

from connector.config import Loaded
from connector.core.mapping import ChannelRow
from connector.core.records import Record
from tests.support.virtual_time import run
from tests.support.world import SCHEMA, TP, Stage, record
from tests.unit.config_files import folder, loaded

HEAD = """\
version: 1
topics:
  messages: &messages
    start: earliest
    on_unknown_channel: wait
"""
BODY = """\
        body:
          sender: {handle: h}
          body: b
          metadata: {external_id: '${value.id}', external_conversation_id: '${value.conversation}'}
"""
BY_LINE = f"""{HEAD}    rules:
      - name: not ours
        when: '${{value.conversation == "skip"}}'
        skip: true
      - name: message
        operation: sync-inbound-message
        channel: '${{channels[value.channel]}}'
{BODY}"""
BY_ROOM = f"""{HEAD}    rules:
      - name: message
        operation: sync-inbound-message
        channel: '${{channels[value.channel]}}'
        order_by: ['${{headers.room}}']
{BODY}"""
BY_LET = BY_LINE.replace(
    "    rules:", "    let: {line: '${channels[value.channel]}', where: '${line.channel}'}\n    rules:"
).replace("'${channels[value.channel]}'\n        body", "'${where}'\n        body")
TWO_CHANNELS = f"""{HEAD}    rules:
      - name: both
        when: '${{value.conversation == "both"}}'
        requests:
          - operation: sync-inbound-message
            channel: '${{channels["old"]}}'
            body: &body
              sender: {{handle: h}}
              body: b
              metadata: {{external_id: '${{value.id}}', external_conversation_id: both}}
          - operation: sync-inbound-message
            channel: '${{channels[value.channel]}}'
            body: *body
      - name: one
        operation: sync-inbound-message
        channel: '${{channels["old"]}}'
        body: *body
""".replace(
    "*body",
    "{sender: {handle: h}, body: b, metadata: {external_id: '${value.id}', external_conversation_id: both}}",
).replace("&body\n", "\n")
BY_TWO_LINES = f"""{HEAD}    rules:
      - name: both
        requests:
          - operation: sync-inbound-message
            channel: '${{channels[value.channel]}}'
            body: BODY
          - operation: sync-inbound-message
            channel: '${{channels[headers.room]}}'
            body: BODY
""".replace(
    "BODY",
    "{sender: {handle: h}, body: b, metadata: {external_id: '${value.id}', external_conversation_id: all}}",
)
OLD = "key,channel,company,app\nold,cha_9,shop,main\n"


def scene(path: Path, text: str = BY_LINE) -> Loaded:
    """These mappings, and a directory with one line, `old`."""
    return loaded(folder(path, channels=OLD, messages=text))


def write(stage: Stage, scene: Loaded, **channels: str | None) -> None:
    """Rows of these lines are written, or removed."""
    rows = {
        line: None if channel is None else ChannelRow(key=line, channel=channel, company="shop", app="main")
        for line, channel in channels.items()
    }
    change = scene.channels.change(rows)
    assert not change.refused
    stage.pipeline.rows_came(frozenset(change.set))


def in_room(offset: int, room: str, line: str, *, schema: int = 1) -> Record:
    """A message of a line, ordered by its room."""
    return replace(record(offset, "a", channel=line, schema=schema), headers=(("room", room.encode()),))


def test_an_unknown_line_waits_and_others_flow(tmp_path: Path) -> None:
    """Its records come in order, and before one that is read in the moment in which the row appears."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            lines = ["new", "old", "new", "old", "new"]
            stage.pipeline.received([record(n, channel=line) for n, line in enumerate(lines)])
            await stage.quiet(3600.0)
            assert stage.front.ids == ["1", "3"]
            assert not stage.letters.letters
            assert stage.coordinator.committed().offset == 0  # type: ignore[union-attr]
            write(stage, known, new="cha_1")
            stage.pipeline.received([record(5, channel="new")])
            await stage.quiet()
            assert stage.front.ids == ["1", "3", "0", "2", "4", "5"]
            assert {sent.channel.real_id for sent in stage.front.sent[2:]} == {"cha_1"}
            assert stage.coordinator.committed().offset == 6  # type: ignore[union-attr]
            part = stage.pipeline.partitions[TP]
            assert not part.aside
            assert not part.lines

    run(story())


@pytest.mark.parametrize("text", [BY_LINE, BY_LET], ids=["channel", "let"])
def test_each_line_waits_for_its_own_row(tmp_path: Path, text: str) -> None:
    """Two lines: the row of one releases its records and no other. The lookup may be in a `let`."""

    async def story() -> None:
        known = scene(tmp_path, text)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            for n, line in enumerate(["x", "y", "x", "y"]):
                stage.pipeline.received([record(n, channel=line)])
            await stage.quiet()
            assert stage.front.ids == []
            write(stage, known, y="cha_2")
            await stage.quiet()
            assert stage.front.ids == ["1", "3"]
            write(stage, known, x="cha_1")
            await stage.quiet()
            assert stage.front.ids == ["1", "3", "0", "2"]

    run(story())


def test_a_record_that_makes_no_request_does_not_wait(tmp_path: Path) -> None:
    """A rule skips it before its line is looked up."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([record(0, "skip", channel="new"), record(1, "skip", channel="new")])
            await stage.quiet()
            assert stage.facts.count("settled", "messages", "skipped") == 2
            assert not stage.pipeline.partitions[TP].lines

    run(story())


def test_by_default_an_unknown_line_is_a_dead_letter_that_names_no_line(tmp_path: Path) -> None:
    """The line may be a phone number; the message says where it was looked up, and what to do."""

    async def story() -> None:
        known = scene(tmp_path, BY_LINE.replace("wait", "dead_letter"))
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([record(0, channel="+3725551234")])
            await stage.quiet()
            assert stage.letters.reasons() == ["mapping_failed"]
            said = dict(stage.letters.letters[0].headers)["__connect.errors.exception.message"] or b""
            assert said.decode() == (
                "rule 'message', channel: channels[value.channel]: the key is not in channels (add its row to the channel "
                "directory, or say `on_unknown_channel: wait` to the topic)"
            )

    run(story())


def test_records_of_one_order_key_wait_behind_the_one_whose_line_is_unknown(tmp_path: Path) -> None:
    """With order_by the key is known before the row is: it is held, whatever lines the records behind it have."""

    async def story() -> None:
        known = scene(tmp_path, BY_ROOM)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            rooms = [
                ("a", "old"),
                ("a", "x"),
                ("a", "old"),
                ("b", "old"),
                ("a", "y"),
                ("a", "old"),
                ("c", "x"),
            ]
            stage.pipeline.received([in_room(n, room, line) for n, (room, line) in enumerate(rooms)])
            await stage.quiet()
            assert stage.front.ids == ["0", "3"]
            write(stage, known, x="cha_1")
            await stage.quiet()
            assert sorted(stage.front.ids[2:]) == ["1", "2", "6"]
            write(stage, known, y="cha_2")
            await stage.quiet()
            assert stage.front.ids[5:] == ["4", "5"]

    run(story())


def test_one_key_waits_for_a_schema_and_for_a_row_in_turn(tmp_path: Path) -> None:
    """Whatever its first record lacks, what is behind it in its room waits, and comes in order."""

    async def story() -> None:
        known = scene(tmp_path, BY_ROOM)
        async with Stage(maps=known.mappings) as stage:
            stage.schemas.delay = 10.0
            stage.schemas.script = lambda _ref, _n: SCHEMA
            stage.assign()
            stage.pipeline.received(
                [in_room(0, "a", "old", schema=2), in_room(1, "a", "x"), in_room(2, "a", "old", schema=3)]
            )
            stage.pipeline.received([in_room(3, "a", "old"), in_room(4, "b", "old")])
            await stage.quiet(5.0)
            assert stage.front.ids == ["4"]
            await stage.quiet(30.0)
            assert stage.front.ids == ["4", "0"]
            write(stage, known, x="cha_1")
            await stage.quiet(30.0)
            assert stage.front.ids == ["4", "0", "1", "2", "3"]

    run(story())


def test_a_record_whose_second_channel_is_unknown_holds_the_key_of_its_first_request(tmp_path: Path) -> None:
    """What comes behind it in the conversation of its first request would overtake it otherwise."""

    async def story() -> None:
        known = scene(tmp_path, TWO_CHANNELS)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([record(0, "both", channel="x"), record(1, "one", channel="old")])
            await stage.quiet()
            assert stage.front.ids == []
            write(stage, known, x="cha_1")
            await stage.quiet()
            assert stage.front.ids == ["0", "0", "1"]

    run(story())


def by_two_lines(offset: int, line: str, second: str) -> Record:
    """A message whose first request goes to one line's channel, the second to another's."""
    return replace(record(offset, "a", channel=line), headers=(("room", second.encode()),))


def test_a_record_that_lacks_one_row_after_the_other_is_not_overtaken_in_between(tmp_path: Path) -> None:
    """With the first row its key is known: it holds that now, and what waited with it for the first row comes behind it."""

    async def story() -> None:
        known = scene(tmp_path, BY_TWO_LINES)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received([by_two_lines(0, "x", "y"), by_two_lines(1, "x", "old")])
            write(stage, known, x="cha_1")
            stage.pipeline.received([by_two_lines(2, "x", "old")])
            await stage.quiet()
            assert stage.front.ids == []
            write(stage, known, y="cha_2")
            await stage.quiet()
            assert stage.front.ids == ["0", "0", "1", "1", "2", "2"]

    run(story())


def test_a_record_that_was_read_first_goes_before_a_key_that_waits_for_another_row(tmp_path: Path) -> None:
    """Only its row tells that it belongs to that key; nothing before it lacks anything."""

    async def story() -> None:
        known = scene(tmp_path, BY_TWO_LINES)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            write(stage, known, b="cha_1")
            first, second, third = (
                by_two_lines(0, "a", "old"),
                by_two_lines(1, "b", "y"),
                by_two_lines(2, "b", "old"),
            )
            stage.pipeline.received([first, second, third])
            write(stage, known, a="cha_1")
            await stage.quiet()
            assert stage.front.ids == ["0", "0"]
            write(stage, known, y="cha_2")
            await stage.quiet()
            assert stage.front.ids == ["0", "0", "1", "1", "2", "2"]

    run(story())


def test_a_record_that_turns_out_to_belong_to_a_waiting_key_takes_its_place_there(tmp_path: Path) -> None:
    """Between what was read before it and what was read after it."""

    async def story() -> None:
        known = scene(tmp_path, BY_TWO_LINES)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            write(stage, known, b="cha_1")
            lines = [("b", "y"), ("a", "old"), ("b", "old")]
            stage.pipeline.received([by_two_lines(n, *both) for n, both in enumerate(lines)])
            write(stage, known, a="cha_1")
            await stage.quiet()
            assert stage.front.ids == []
            write(stage, known, y="cha_2")
            await stage.quiet()
            assert stage.front.ids == ["0", "0", "1", "1", "2", "2"]

    run(story())


def test_a_key_that_another_map_lacks_is_a_bad_record(tmp_path: Path) -> None:
    """Nobody will write it: only rows of the directory are waited for."""

    async def story() -> None:
        text = BY_LINE.replace("body: b\n", """body: '${{"one": "two"}[value.conversation]}'\n""")
        known = scene(tmp_path, text)
        async with Stage(maps=known.mappings) as stage:
            stage.assign()
            stage.pipeline.received(
                [record(0, "three-of-them", channel="old"), record(1, "one", channel="old")]
            )
            await stage.quiet()
            assert stage.letters.reasons() == ["mapping_failed"]
            assert stage.front.ids == ["1"]

    run(story())


def test_a_row_that_goes_leaves_the_queued_and_holds_the_next(tmp_path: Path) -> None:
    """What was mapped keeps its channel; what is read afterwards waits, and comes behind it when there is a row again."""

    async def story() -> None:
        known = scene(tmp_path)
        async with Stage(maps=known.mappings) as stage:
            stage.front.delay = lambda _sent: 10.0
            stage.assign()
            stage.pipeline.received([record(0, channel="old"), record(1, channel="old")])
            await stage.quiet(1.0)
            write(stage, known, old=None)
            stage.pipeline.received([record(2, channel="old")])
            await stage.quiet(100.0)
            assert stage.front.ids == ["0", "1"]
            write(stage, known, old="cha_9")
            await stage.quiet(100.0)
            assert stage.front.ids == ["0", "1", "2"]
            assert not stage.letters.letters

    run(story())
