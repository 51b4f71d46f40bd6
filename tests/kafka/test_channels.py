"""Onboarding while the service runs, on a real broker: one row in a compacted topic, or one line more in a file."""

import json
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.kafka.conftest import CHAT, Alone, Connector, Site, Topic
from tests.support.guarded import join, read, write
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.registry, pytest.mark.timeout(180)]

UNKNOWN = "front_connector_unknown_channel_lines"


class Directory:
    """A channels topic, and who writes rows into it."""

    def __init__(self, site: Site) -> None:
        self.topic = site.kafka.create_topic(partitions=3, config={"cleanup.policy": "compact"})
        self._producer = Producer({"bootstrap.servers": site.kafka.bootstrap, "log_level": 0})

    def write(self, line: str, **row: str) -> None:
        """Produce the row of a line; none removes it."""
        value = json.dumps({"app": "demo", **row}) if row else None
        self._producer.produce(self.topic, value, line)
        assert self._producer.flush(30) == 0

    def settings(self) -> dict[str, object]:
        """The front section that names it."""
        return {"front": {"channels": None, "channels_topic": self.topic}}


def waiting(topic: Topic) -> str:
    """The topic's mapping file, by which records of unknown lines wait."""
    return topic.mapping_file().replace("    start:", "    on_unknown_channel: wait\n    start:")


def connector_of(site: Site, topic: Topic, settings: dict[str, object]) -> Connector:
    connector = site.connector(topic, settings=settings)
    (file,) = (connector.config.parent / "mappings").glob("*.yaml")
    file.write_text(waiting(topic), "utf-8")
    return connector


def test_a_customer_is_brought_on_board_by_one_produced_row(site: Site) -> None:
    """Records of the line wait meanwhile, others flow; a null takes the row away, a bad row changes nothing; and all of it
    is there again after a restart."""
    directory, messages = Directory(site), site.topic()
    directory.write("old", channel=CHAT.channel, company=CHAT.company)
    connector = connector_of(site, messages, directory.settings())
    connector.begin_and_join()
    room = site.new_id("room")
    early = [site.message(messages, line_id="new", conversation_id=room) for _ in range(3)]
    known = site.message(messages, line_id="old")
    site.wait_accepted(known)
    eventually(lambda: connector.metric(UNKNOWN) == 1, 20, "the line waits")
    assert site.requests(*early) == []
    status, body = connector.ready()
    assert (status, body["status"]) == (200, "degraded")
    assert [(hold["scope"], hold["reason"], hold["name"]) for hold in body["holds"]] == [
        ("topic", "unknown_channel", messages.name)
    ]
    directory.write("new", channel=CHAT.channel, company=CHAT.company)
    late = site.message(messages, line_id="new", conversation_id=room)
    site.wait_accepted(*early, late)
    assert [row["external_id"] for row in site.requests(*early, late)] == [*early, late]
    site.wait_committed(connector, messages)

    directory.write("new", channel="+3725551234", company="x")
    eventually(lambda: connector.metric("front_connector_channel_rows_refused_total") == 1, 20, "the refusal")
    site.wait_accepted(site.message(messages, line_id="new"))
    directory.write("old")
    eventually(lambda: connector.metric("front_connector_channel_rows") == 1, 20, "the removal")
    directory.write("new", channel=CHAT.channel, company=CHAT.company)
    assert connector.terminate() == 0
    connector.begin_and_join()
    site.wait_accepted(site.message(messages, line_id="new"))
    assert connector.metric("front_connector_channel_rows") == 1
    assert connector.terminate() == 0
    assert "3725551234" not in connector.log.read_text("utf-8")
    assert site.letters.none_of(messages.name)


def test_a_directory_that_cannot_be_read_is_told_at_start(alone: Alone) -> None:
    """A topic that does not exist or may not be read ends the start with a sentence, before the group is joined."""
    site = alone.site
    directory, messages = Directory(site), site.topic()
    directory.write("new", channel=CHAT.channel, company=CHAT.company)
    kafka = {**alone.cluster.login(), "session_timeout_s": 6.0}
    connector = connector_of(site, messages, {**directory.settings(), "kafka": kafka})
    alone.cluster.grant(read(messages.name), join(connector.group), write(site.letters.topic))
    one = site.message(messages, line_id="new")
    denied = f"Kafka does not allow this user: Read on topic {directory.topic}. Grant this right (an ACL)."
    assert connector.why(77) == denied
    alone.cluster.grant(read(directory.topic), read("no-channels"))
    connector.begin_and_join()
    site.wait_accepted(one)
    assert connector.terminate() == 0
    nowhere = {"front": {"channels": None, "channels_topic": "no-channels"}}
    lost = connector_of(site, messages, {**nowhere, "kafka": kafka})
    assert lost.why() == (
        "topic does not exist: no-channels. Create it (cleanup.policy=compact), or correct its name."
    )


def test_no_record_is_taken_while_the_brokers_of_the_directory_are_away(alone: Alone) -> None:
    """The connector is starting and says why; it ends at once when it is told to, and goes on by itself when they are back."""
    site = alone.site
    directory, messages = Directory(site), site.topic()
    directory.write("new", channel=CHAT.channel, company=CHAT.company)
    one = site.message(messages, line_id="new")
    connector = connector_of(site, messages, directory.settings())
    alone.cluster.stop(1)
    try:
        for ending in (True, False):
            connector.begin()

            eventually(lambda: "directory is read from topic" in str(connector.ready()), 30, "the reason")
            assert connector.ready()[0] == 503
            if ending:
                assert connector.terminate() == 0
    finally:
        alone.cluster.start(1)
    site.wait_accepted(one, within_s=60)
    assert connector.terminate() == 0


def test_a_line_more_in_the_file_is_enough(site: Site) -> None:
    """Told by a SIGHUP, or seen within seconds; a broken version changes nothing and is shown."""
    messages = site.topic()
    connector = connector_of(site, messages, {})
    connector.begin_and_join()
    one = site.message(messages, line_id="+3725551234")
    eventually(lambda: connector.metric(UNKNOWN) == 1, 20, "the line waits")
    table = Path(connector.config.parent / "channels.csv")
    good = table.read_text("utf-8")
    table.write_text(good + "+3725551234,cha_x\n", "utf-8")
    connector.hang_up()
    reloaded = "front_connector_config_last_reload_successful"
    eventually(lambda: connector.metric(reloaded, kind="channels") == 0, 30, "the refusal")
    row = next(line for line in good.splitlines() if line.startswith(f"{CHAT.id},"))
    table.write_text(f"{good}{row.replace(CHAT.id, '+3725551234', 1)}\n", "utf-8")
    connector.hang_up()
    site.wait_accepted(one)
    assert connector.metric(reloaded, kind="channels") == 1
    assert connector.terminate() == 0
    assert "3725551234" not in connector.log.read_text("utf-8")
