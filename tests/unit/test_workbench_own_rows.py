"""What tests of mapping files bring along: rows of the channels table, and schemas by the topic's own names."""

import json
from pathlib import Path

import yaml

from connector.workbench.testing.run import run_tests
from tests.unit.config_files import CONFIG, MAPPING, folder, loaded
from tests.unit.test_workbench_run_tests import NOTE, RULES, lines, outcome, result

ROWS = {"line-1": {"channel": "cha_9", "company": "other", "app": "not-configured"}}


def test_a_tests_own_rows_stand_for_the_configured_table(tmp_path: Path) -> None:
    """Wholly: a line that only the table has is unknown; and their apps need not be configured."""
    here = {"channel": "cha_9", "company": "other", "app": "not-configured"}
    assert result(tmp_path, {"value": NOTE}, here, channels=ROWS).status == "ok"
    unknown = {**NOTE, "line_id": "chat-1"}
    assert result(tmp_path, {"value": unknown}, {"channel": "cha_2"}).status == "ok"
    one = result(tmp_path, {"value": unknown}, {"error": "channel directory"}, channels=ROWS)
    assert (one.status, lines(one)) == ("ok", [])


def test_own_rows_leave_the_app_of_a_written_channel_as_it_is(tmp_path: Path) -> None:
    """It is the only configured one, whatever apps the rows name."""
    rules = RULES.replace("'${channels[value.line_id]}'", "cha_5")
    test = {"record": {"value": NOTE}, "expect": {"channel": "cha_5", "app": "main"}, "channels": ROWS}
    assert outcome(tmp_path, test, rules=rules).passed


def test_a_table_in_kafka_is_not_read_and_the_failure_says_so(tmp_path: Path) -> None:
    """A test with rows of its own needs none."""
    config = CONFIG.replace("channels: channels.csv", "channels_topic: lines")
    said = (
        "the channels table is in Kafka (front.channels_topic), and is not read for tests: "
        "give this test, or its file, `channels:` with the rows that it needs"
    )
    record = {"value": {"line_id": "line-1", "call_id": "c", "text": "t"}}
    expect = {"operation": "add-call-summary"}
    document = yaml.safe_load(MAPPING)
    document["topics"]["calls.v1"]["tests"] = [
        {"record": record, "expect": expect},
        {"record": record},
        {"record": record, "expect": expect, "channels": ROWS},
        {"record": record, "expect": {"operation": "update-call"}, "channels": ROWS},
    ]
    found = run_tests(loaded(folder(tmp_path, config=config, calls=yaml.safe_dump(document))))
    assert [(one.status, one.why) for one in found.results] == [
        ("failed", said),
        ("failed", said),
        ("ok", None),
        ("failed", None),
    ]


def test_a_name_means_the_topics_own_schema(tmp_path: Path) -> None:
    """Those of `value.schemas`, before one that ships; with its namespace or without; the last of a name."""
    fields = [{"name": name, "type": "string"} for name in NOTE]
    older = {"type": "record", "name": "CallCreated", "namespace": "acme", "fields": fields[:-1]}
    newer = {**older, "fields": fields}
    document = yaml.safe_load(MAPPING)
    topic = document["topics"]["calls.v1"]
    topic["value"] = {"schemas": ["older.avsc", "newer.avsc"]}
    topic["rules"][0]["body"] = {"content": "${schema.namespace}"}
    topic["tests"] = [
        {"record": {"schema": name, "value": NOTE}, "expect": {"body": {"content": "acme"}}}
        for name in ("CallCreated", "acme.CallCreated")
    ]
    topic["tests"].append({"record": {"schema": "CallCreated", "value": {**NOTE, "line_id": 1}}})
    file = folder(tmp_path, calls=yaml.safe_dump(document))
    for name, schema in (("older", older), ("newer", newer)):
        (tmp_path / "mappings" / f"{name}.avsc").write_text(json.dumps(schema))
    assert [(one.status, one.why) for one in run_tests(loaded(file)).results] == [
        ("ok", None),
        ("ok", None),
        ("error", "record: value.line_id is a whole number (schema CallCreated wants string)"),
    ]
