"""Keys of the channels file that are written out: a warning where one is in no row."""

from pathlib import Path

import pytest

from tests.unit.config_files import CHANNELS, CONFIG, folder, loaded

HEAD = "version: 1\ntopics:\n  calls.v1:\n    start: earliest\n"
RULE = (
    "    rules:\n"
    "      - name: summary\n"
    "        operation: add-call-summary\n"
    "        channel: '{}'\n"
    "        path: {{external_call_id: '${{value.call_id}}'}}\n"
    "        body: {{content: x}}\n"
)


def warnings(path: Path, channel: str, **more: str) -> list[str]:
    """Of a rule whose channel this is, in line 8."""
    found = loaded(folder(path, calls=HEAD + RULE.format(channel), **more))
    return [said.replace(f"{path}/", "") for said in found.warnings]


@pytest.mark.parametrize(
    ("channel", "place", "key"),
    [
        ('${channels["+1317555"]}', "8:29", "+1317555"),
        ("${channels.line1}", "8:29", "line1"),
        ('${value.a == "b" ? channels["x"] : channels[value.line_id]}', "8:46", "x"),
        ('${has(channels.y) ? channels.x : channels["line-1"]}', "8:47", "x"),
        ('${{"a": channels["x"]}[value.a]}', "8:35", "x"),
        ('${channels["line-1"]}', None, ""),
        ("${channels[value.line_id]}", None, ""),
        ('${channels[?"x"].orValue(channels["line-1"])}', None, ""),
        ('${"x" in channels ? channels["x"] : channels["line-1"]}', None, ""),
        ('${has(channels.x) ? channels.x : channels["line-1"]}', None, ""),
        ('${has(channels.x) || "x" in channels ? channels["line-1"] : channels["chat-1"]}', None, ""),
    ],
)
def test_a_key_that_is_in_no_row_is_a_warning_with_its_place(
    tmp_path: Path, channel: str, place: str | None, key: str
) -> None:
    """A question about a key, a computed key, and one that has a row are nothing to warn of."""
    said = f"mappings/calls.yaml:{place}: the key {key!r} of channels is in no row of channels.csv"
    assert warnings(tmp_path, channel) == ([] if place is None else [said])


def test_lets_are_looked_at_and_tests_are_not(tmp_path: Path) -> None:
    """What stands in a test is a record, and no expression."""
    tests = (
        "    tests:\n"
        "      - {record: {value: {text: '${channels[\"gone\"]}'}}, expect: {dead_letter: true}}\n"
    )
    lets = "let: {main: '${channels[\"gone\"]}'}\n"
    found = loaded(folder(tmp_path, calls=lets + HEAD + RULE.format("${main}") + tests))
    said = [each.replace(f"{tmp_path}/", "") for each in found.warnings]
    assert said == ["mappings/calls.yaml:1:24: the key 'gone' of channels is in no row of channels.csv"]


def test_rows_of_a_topic_are_not_known_here(tmp_path: Path) -> None:
    """Nothing is read of it when files are checked."""
    config = CONFIG.replace("channels: channels.csv", "channels_topic: front.channels")
    file = folder(tmp_path, config=config, channels=CHANNELS, calls=HEAD + RULE.format('${channels["x"]}'))
    assert loaded(file).warnings == ()
