"""When two versions of a mapping may give a record different order keys: what is written decides, and doubt counts as a yes."""

from pathlib import Path

import pytest

from tests.unit.config_files import MAPPING, folder, loaded

TWO = """\
version: 1
let: {line: '${value.line_id}'}
topics:
  calls.v1:
    start: earliest
    let: {call: '${value.call_id}', note: '${value.text}'}
    rules:
      - {name: nothing, when: '${value.kind == "x"}', skip: true}
      - name: summary
        when: '${value.kind == "s"}'
        operation: add-call-summary
        channel: '${channels[line]}'
        path: {external_call_id: '${call}'}
        body: {content: '${note}'}
      - name: message
        operation: sync-inbound-message
        channel: '${channels[line]}'
        body:
          sender: {handle: h}
          body: b
          metadata: {external_id: '${value.id}', external_conversation_id: '${value.room}'}
"""
BY_KIND = TWO.replace("let: {call:", "let: {kind: '${value.kind}', call:").replace("value.kind ==", "kind ==")
"""Its conditions read a let."""
ORDERED = TWO.replace("    rules:", "    defaults: {order_by: ['${call}']}\n    rules:")


def signature(path: Path, text: str) -> str:
    return loaded(folder(path, calls=text)).mappings.topics["calls.v1"].order_signature


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (MAPPING, "value.text", "value.note"),
        (MAPPING, "name: summary", "name: another"),
        (MAPPING, "      - name", "      - {name: first, when: '${value.x == 1}', skip: true}\n      - name"),
        (MAPPING, "    rules:", "    max_age_s: 60\n    otherwise: skip\n    rules:"),
        (TWO, "note: '${value.text}'", "note: '${value.note}'"),
        (TWO, 'value.kind == "x"', 'value.kind == "y"'),
        (TWO, "value.id}", "value.uid}"),
        (TWO, "body: b", "body: c"),
        (ORDERED, "value.line_id", "value.line"),
        (ORDERED, 'value.kind == "s"', 'value.kind == "t"'),
    ],
)
def test_what_makes_no_key_may_change(tmp_path: Path, text: str, old: str, new: str) -> None:
    """Bodies, names, skips, and conditions where every rule has the same key."""
    assert old in text
    assert signature(tmp_path, text) == signature(tmp_path, text.replace(old, new))


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (MAPPING, "value.line_id", "value.line"),
        (MAPPING, "value.call_id", "value.id"),
        (MAPPING, "body:", "order_by: ['${key}']\n        body:"),
        (MAPPING, "    rules:", "    defaults: {order_by: ['${key}']}\n    rules:"),
        (TWO, "call: '${value.call_id}'", "call: '${value.id}'"),
        (TWO, "line: '${value.line_id}'", "line: '${value.line}'"),
        (TWO, "value.room", "value.conversation"),
        (TWO, 'value.kind == "s"', 'value.kind == "t"'),
        (ORDERED, "value.call_id", "value.id"),
        (BY_KIND, "kind: '${value.kind}'", "kind: '${value.sort}'"),
    ],
)
def test_what_makes_a_key_may_not(tmp_path: Path, text: str, old: str, new: str) -> None:
    """Channel, ids of call and conversation, `order_by`, defaults and the lets behind them; conditions where keys differ."""
    assert old in text
    changed = text.replace(old, new)
    assert signature(tmp_path, text) != signature(tmp_path, changed)


def test_a_call_and_a_conversation_of_one_id_are_two_things(tmp_path: Path) -> None:
    """What the request is about is part of its key, though channel and id are written alike."""
    message = MAPPING.replace("add-call-summary", "sync-inbound-message").replace(
        "        path: {external_call_id: '${value.call_id}'}\n        body: {content: '${value.text}'}\n",
        "        body:\n          sender: {handle: h}\n          body: b\n"
        "          metadata: {external_id: '1', external_conversation_id: '${value.call_id}'}\n",
    )
    assert signature(tmp_path, message) != signature(tmp_path, MAPPING)


def test_a_call_has_one_key_wherever_its_id_stands(tmp_path: Path) -> None:
    """In the body that creates it, in the path afterwards: then conditions decide nothing; a default for paths is no body's."""
    created = """\
      - name: created
        when: '${value.kind == "c"}'
        operation: create-call
        channel: '${channels[value.line_id]}'
        body:
          external_call_id: '${value.call_id}'
          parent_external_call_id: '${value.call_id}'
          initial_status: ringing
          direction: inbound
          from: {handle: '+1'}
          started_at: 1793700001250
"""
    text = MAPPING.replace("      - name", created + "      - name", 1)
    one = signature(tmp_path, text)
    assert one == signature(tmp_path, text.replace('kind == "c"', 'kind == "d"'))
    assert one != signature(
        tmp_path,
        text.replace(
            "\n          external_call_id: '${value.call_id}'", "\n          external_call_id: '${key}'"
        ),
    )


def test_a_mapper_is_known_by_its_name(tmp_path: Path) -> None:
    """Its code cannot change while the process runs; rules in its place are another thing."""
    mapper = "version: 1\ntopics:\n  calls.v1:\n    start: earliest\n    mapper: operator:{}\n"
    itself = signature(tmp_path, mapper.format("itemgetter"))
    assert itself == signature(tmp_path, mapper.format("itemgetter"))
    assert len({itself, signature(tmp_path, mapper.format("index")), signature(tmp_path, MAPPING)}) == 3
