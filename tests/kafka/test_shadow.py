"""The verb `shadow` whole, at a real broker and registry: topics, a window, a connector's dead letters, the channels topic.

Everything is called as its user calls it; what it sent (nothing) and committed (nothing) is asked of Front and the broker.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from connector import cli
from tests.kafka.conftest import CALLS, CHAT, Site, Topic
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.registry, pytest.mark.timeout(120)]


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["shadow", *(str(argument) for argument in arguments)])


def report(config: Path, against: Path, *more: object) -> dict[str, Any]:
    """The report as JSON, whose `differing` must agree with the exit code."""
    ended = call("--config", config, "--against", against, "--output", "json", *more)
    assert ended.exit_code in (0, 1), ended.output
    found: dict[str, Any] = json.loads(ended.stdout)
    assert ended.exit_code == (1 if found["differing"] else 0)
    return found


def checkout(config: Path, folder: Path, *changes: tuple[str, str]) -> Path:
    """The configuration's mapping files in another folder, as a git work tree of another version has them."""
    shutil.copytree(config.parent / "mappings", folder)
    for file in folder.glob("*.yaml"):
        text = file.read_text("utf-8")
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        file.write_text(text, "utf-8")
    return folder


RENAMED = ("name: '${value.sender.display_name}'", "name: '${value.sender.address}'")


def test_a_change_is_told_by_rule_and_field_and_nothing_is_sent_or_committed(
    site: Site, tmp_path: Path
) -> None:
    """Two of three messages differ in one field; a page is written; Front saw no request and no group came to be."""
    topic = site.topic(partitions=2)
    connector = site.connector(topic)
    named = {"address": "+12025550100", "display_name": "Nadia Ferrand", "email": None}
    ids = [site.message(topic, partition=at, sender=named) for at in (0, 1)]
    plain = {"address": "+12025550100", "display_name": "+12025550100", "email": None}
    ids.append(site.message(topic, sender=plain))
    against, page = checkout(connector.config, tmp_path / "main", RENAMED), tmp_path / "plan.html"
    found = report(connector.config, against, "--html", page)
    assert (found["records"], found["differing"], found["values"]) == (3, 2, "masked")
    (rule,) = found["rules"]
    assert (rule["topic"], rule["kind"], rule["records"]) == (topic.name, "changed", 2)
    assert rule["samples"][0]["diffs"] == [
        {
            "operation": "sync-inbound-message",
            "path": "body.sender.name",
            "old": "text of 12",
            "new": "text of 13",
        }
    ]
    assert "2 of 3 records differ" in page.read_text("utf-8")
    assert "Nadia" not in page.read_text("utf-8")
    text = call("--config", connector.config, "--against", against, "--show-values").stdout
    assert '- "+12025550100"' in text
    assert '+ "Nadia Ferrand"' in text
    assert site.requests(*ids) == []
    assert site.committed(connector.group) == {}


def test_the_same_version_has_no_difference_whatever_the_records_are(site: Site) -> None:
    """Among them what cannot be decoded, a tombstone and a schema that the registry does not have: dead letters alike."""
    topic = site.topic()
    connector = site.connector(topic)
    site.message(topic)
    for value in (b"not a record", None, b"\x00\x7f\xff\xff\xffx"):
        site.send(topic, value)
    found = report(connector.config, connector.config)
    assert found["differing"] == 0
    assert found["outcomes"] == {
        "requests": {"old": 1, "new": 1},
        "skip": {"old": 1, "new": 1},
        "dead_letter": {"old": 2, "new": 2},
    }


def test_a_record_that_one_version_cannot_decode_is_a_difference(site: Site, tmp_path: Path) -> None:
    """The key is text, and the other version takes it for Avro: a dead letter there, requests here."""
    topic = site.topic()
    connector = site.connector(topic)
    site.message(topic)
    against = checkout(connector.config, tmp_path / "main", ("key: {format: string}", "key: {format: avro}"))
    found = report(connector.config, against)
    (rule,) = found["rules"]
    assert (rule["kind"], rule["old"]["reason"]) == ("new", "decode_failed")
    assert rule["samples"][0]["old_message"].startswith("key: ")


def test_a_topic_of_one_version_alone_is_all_new_or_all_gone(site: Site, tmp_path: Path) -> None:
    """The other one does not read it."""
    one, other = site.topic(), site.topic(like=CALLS)
    both, alone = site.connector(one, other), site.connector(one)
    site.message(one)
    site.call(
        other,
        "CallCreated",
        call_id=site.new_id("c"),
        direction="INCOMING",
        remote_party={"number": "+12025550100"},
    )
    found = report(both.config, alone.config)
    (rule,) = found["rules"]
    assert (rule["topic"], rule["kind"], rule["old"]["outcome"]) == (other.name, "new", "not_mapped")
    assert report(alone.config, both.config)["rules"][0]["kind"] == "gone"
    assert report(both.config, alone.config, "--topic", one.name)["differing"] == 0


def test_a_window_and_a_number_choose_records(site: Site) -> None:
    """By the time of the record, its end not included; the last ones. Old ones are not left out for their age."""
    topic = site.topic(max_age_s=60)
    connector = site.connector(topic)
    for second in range(5):
        site.message(topic, at=1_700_000_000 + second)
    config = connector.config
    window = ("--from", "2023-11-14T22:13:21Z", "--to", "2023-11-14T22:13:23Z")
    assert report(config, config, *window)["records"] == 2
    assert report(config, config, "--last", 3)["outcomes"] == {"requests": {"old": 3, "new": 3}}


def test_dead_letters_are_taken_as_the_records_that_they_were(site: Site, tmp_path: Path) -> None:
    """A connector writes them; a mapping that is mended sends them; what somebody else wrote there is passed over."""
    topic, neighbour = site.topic(), site.topic()
    connector = site.connector(topic, neighbour)
    bad = site.message(topic, line_id="line-without-a-row")
    lost = site.send(neighbour, b"not a record")
    connector.begin_and_join()
    site.letters.of(lost)
    eventually(lambda: site.lag(connector, topic, neighbour) == 0, 20, "both letters")
    assert connector.terminate() == 0
    producer = Producer({"bootstrap.servers": site.kafka.bootstrap, "log_level": 0})
    producer.produce(site.letters.topic, b"a stranger's")
    assert producer.flush(10) == 0
    config = connector.config
    channel = '${value.line_id == "line-without-a-row" ? channels["LINE"] : channels[value.line_id]}'
    mended = checkout(
        config,
        tmp_path / "mended",
        ("channel: '${channels[value.line_id]}'", f"channel: '{channel.replace('LINE', CHAT.id)}'"),
    )
    before = site.committed(connector.group)
    found = report(config, mended, "--dead-letters", "--topic", topic.name)
    assert (found["records"], found["differing"]) == (1, 1)
    (rule,) = found["rules"]
    assert (rule["topic"], rule["kind"], rule["samples"][0]["offset"]) == (topic.name, "dead_letter", 0)
    whole = report(config, mended, "--dead-letters")
    assert whole["passed_over"] == 1
    assert {one["topic"] for one in whole["topics"]} >= {topic.name, neighbour.name}
    assert site.requests(bad) == []
    assert site.committed(connector.group) == before


def test_channels_come_from_their_topic(site: Site) -> None:
    """With an empty directory every record would be a dead letter, in both versions alike: nothing would be found."""
    topic, rows = site.topic(), site.kafka.create_topic(config={"cleanup.policy": "compact"})
    producer = Producer({"bootstrap.servers": site.kafka.bootstrap, "log_level": 0})
    row = {"channel": CHAT.channel, "company": "acme", "app": "demo"}
    connector = site.connector(topic, settings={"front": {"channels": None, "channels_topic": rows}})
    row["app"] = next(iter(json.loads(connector.config.read_text())["front"]["apps"]))
    producer.produce(rows, json.dumps(row).encode(), CHAT.id.encode())
    assert producer.flush(10) == 0
    site.message(topic)
    found = report(connector.config, connector.config)
    assert found["outcomes"] == {"requests": {"old": 1, "new": 1}}


def test_a_topic_that_does_not_exist_is_exit_2(site: Site) -> None:
    """A mapping for a topic that is not created yet."""
    absent = Topic(name="not-created-yet", like=CALLS)
    connector = site.connector(absent)
    ended = call("--config", connector.config, "--against", connector.config)
    assert ended.exit_code == 2
    assert ended.stderr.startswith("the topic not-created-yet does not exist: ")
