"""How it starts: what it refuses and in which words, what it waits for, and at which record it begins."""

import datetime as dt
import socket
import time

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewPartitions

from tests.kafka.conftest import Alone, Site, Topic
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.registry, pytest.mark.timeout(120)]

HOUR_S = 3600.0


# --- what it refuses ------------------------------------------------------------------------------------------


def test_shd_09_all_wrong_settings_are_told_at_once_with_their_places(site: Site) -> None:
    """Exit 78 with file, line and column of each, and a suggestion; the group never heard of it."""
    connector = site.connector(site.topic(), settings={"limits": {"inflight": 3, "drain_s": -1}})
    said = connector.refused()
    assert "config.yaml:" in said
    assert "limits.inflight is not known here: did you mean 'in_flight'?" in said
    assert "limits.drain_s" in said
    assert "invalid: 2 problems" in said
    assert not site.committed(connector.group)


def test_a_secret_file_that_is_not_there_is_refused(site: Site) -> None:
    """Exit 78, naming the setting's place and the file."""
    connector = site.connector(site.topic())
    secret = connector.config.parent / "front-secret"
    secret.unlink()
    said = connector.refused()
    assert f"cannot read {secret}: No such file or directory" in said
    assert "config.yaml:" in said


def test_led_13_a_topic_without_a_start_is_refused(site: Site) -> None:
    """Exit 78, naming the topic and the missing word; nothing is sent or committed."""
    topic = site.topic(start=None)
    sent = site.message(topic)
    connector = site.connector(topic)
    said = connector.refused()
    assert f"topics.{topic.name}.start" in said
    assert "missing" in said
    assert not site.requests(sent)
    assert not site.committed(connector.group)


def test_topics_that_do_not_exist_are_refused_by_name(site: Site) -> None:
    """Exit 78: the source topics first, before the group is joined."""
    connector = site.connector(site.topic(), Topic(name="no-such-topic", like=site.topic().like))
    assert connector.why() == (
        "topic does not exist: no-such-topic. Create it, or correct its name in the mapping files."
    )
    assert not site.committed(connector.group)


def test_dlq_08_a_dead_letter_topic_that_does_not_exist_is_refused(site: Site) -> None:
    """Exit 78, naming the topic and the setting."""
    connector = site.connector(site.topic(), settings={"dead_letter": {"topic": "no-such-letters"}})
    assert connector.why() == (
        "the dead-letter topic no-such-letters does not exist. Create it (dead_letter.topic names it)."
    )
    assert not site.committed(connector.group)


def test_a_port_that_is_taken_is_refused(site: Site) -> None:
    """Exit 78 with the port in the sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        connector = site.connector(site.topic(), settings={"telemetry": {"port": port}})
        why = connector.why()
        assert f"port {port}" in why
        assert "Address already in use" in why


# --- where it begins ------------------------------------------------------------------------------------------


def test_a_new_group_begins_where_each_topic_says_and_a_second_start_goes_on_instead(site: Site) -> None:
    """earliest, latest, a time and max_age, side by side; the backlog is told before the first request."""
    now = time.time()
    since = dt.datetime.fromtimestamp(now - 2 * HOUR_S, dt.UTC).isoformat().replace("+00:00", "Z")
    topics = {
        "earliest": site.topic(start="earliest"),
        "latest": site.topic(start="latest"),
        "since": site.topic(start=since),
        "young": site.topic(start="earliest", max_age_s=2 * HOUR_S),
    }
    ages_h = (5.0, 4.0, 3.0, 1.0, 0.5)
    sent = {
        name: [site.message(topic, at=now - age * HOUR_S) for age in ages_h] for name, topic in topics.items()
    }
    connector = site.connector(*topics.values())
    connector.begin_and_join()
    wanted = [*sent["earliest"], *sent["since"][3:], *sent["young"][3:]]
    site.wait_accepted(*wanted)
    site.wait_committed(connector, *topics.values())
    everything = [one for ids in sent.values() for one in ids]
    assert sorted(row["external_id"] for row in site.requests(*everything)) == sorted(wanted)

    backlogs = {line["topic"]: line for line in connector.events("backlog.found")}
    found = {name: backlogs[topic.name]["records"] for name, topic in topics.items()}
    assert found == {"earliest": 5, "latest": 0, "since": 2, "young": 5}
    assert {line["begins_at"] for line in backlogs.values()} == {"start"}
    told = max(dt.datetime.fromisoformat(line["timestamp"]).timestamp() for line in backlogs.values())
    assert told <= min(row["wall"] for row in site.requests(*wanted))
    skipped = {"topic": topics["young"].name, "outcome": "skipped"}
    assert connector.metric("front_connector_records_processed_total", **skipped) == 3
    assert connector.terminate() == 0

    more = [site.message(topic) for topic in topics.values()]
    for file in (connector.config.parent / "mappings").glob("*.yaml"):
        file.write_text(file.read_text().replace("start: latest", "start: earliest"))
    connector.begin()
    site.wait_accepted(*more)
    assert {line["begins_at"] for line in connector.events("backlog.found")[len(topics) :]} == {"committed"}
    assert len(site.requests(*everything)) == len(wanted), "the changed start is ignored: the group has begun"
    assert connector.terminate() == 0


def test_led_23_a_crash_before_the_first_commit_does_not_lose_the_start(site: Site) -> None:
    """latest, five accepted, kill -9, five more while it is down: the next run sends those ten and nothing older."""
    topic = site.topic(start="latest")
    old = [site.message(topic) for _ in range(3)]
    # A member that was killed is waited for by the group, unless its successor has its name.
    connector = site.connector(topic, settings={"kafka": {"group_instance_id": "one"}})
    connector.begin_and_join()
    # Front takes them, and the answers never come: no commit can say so.
    with site.faulty({"effect": "hang_after"}):
        before = [site.message(topic) for _ in range(5)]
        site.wait_accepted(*before)
        connector.kill()
    assert site.committed(connector.group)[topic.name, 0].offset == 3
    behind = [site.message(topic) for _ in range(5)]
    connector.begin()
    site.wait_accepted(*behind)
    site.wait_committed(connector, topic)
    counts = [len(site.requests(one)) for one in (*before, *behind)]
    assert counts == [2] * 5 + [1] * 5
    assert not site.requests(*old)
    assert connector.terminate() == 0


def test_led_22_a_partition_that_is_added_later_begins_at_its_first_record(site: Site) -> None:
    """`start: latest` is for the first start: what producers write into a new partition before we hear of it counts."""
    topic = site.topic(start="latest")
    old = site.message(topic)
    refresh = {"topic.metadata.refresh.interval.ms": 500}
    connector = site.connector(topic, settings={"kafka": {"properties": refresh}})
    connector.begin_and_join()
    admin = site.kafka.new_admin()
    admin.create_partitions([NewPartitions(topic.name, 3)])[topic.name].result(10)
    eventually(lambda: site.partitions(topic.name) == 3, 10, "three partitions")
    added = [site.message(topic, partition=number) for number in (1, 2, 1, 2)]
    site.wait_accepted(*added)
    site.wait_committed(connector, topic)
    assert not site.requests(old)
    assert connector.terminate() == 0


def test_led_12_a_committed_offset_that_is_gone_holds_or_begins_again_as_the_topic_says(site: Site) -> None:
    """Retention passed the group by: `hold` sends and commits nothing of that partition, the others flow."""
    held = site.topic(partitions=2, on_missing_offset="hold")
    again, anew = site.topic(on_missing_offset="earliest"), site.topic(on_missing_offset="latest")
    connector = site.connector(held, again, anew)
    lost = [site.message(topic) for topic in (held, again, anew) for _ in range(6)]
    kept = [[site.message(topic) for _ in range(2)] for topic in (held, again, anew)]
    other = site.message(held, partition=1)
    site.reset(connector.group, {(held.name, 0): 1, (held.name, 1): 0, (again.name, 0): 1, (anew.name, 0): 1})
    admin = site.kafka.new_admin()
    for future in admin.delete_records(
        [TopicPartition(topic.name, 0, 6) for topic in (held, again, anew)]
    ).values():
        future.result(10)

    connector.begin_and_join()
    site.wait_accepted(*kept[1], other)
    site.wait_committed(connector, again, anew)
    fresh = site.message(anew)
    site.wait_accepted(fresh)
    eventually(lambda: bool(connector.ready()[1]["holds"]), 10, "the hold")
    status, body = connector.ready()
    ((scope, reason, name),) = [(hold["scope"], hold["reason"], hold["name"]) for hold in body["holds"]]
    assert (status, scope, reason, name) == (200, "partition", "offset_missing", f"{held.name}-0")
    missing = {line["topic"]: line for line in connector.events("offset.missing")}
    told = {name: (line["offset"], line["records"], line["policy"]) for name, line in missing.items()}
    assert told == {
        held.name: (1, 5, "hold"),
        again.name: (1, 5, "earliest"),
        anew.name: (1, 5, "latest"),
    }
    assert {(line["reason"], line["low"], line["high"]) for line in missing.values()} == {
        ("out_of_range", 6, 8)
    }
    counted = [
        connector.metric("front_connector_records_passed_over_total", topic=topic.name)
        for topic in (held, again, anew)
    ]
    assert counted == [0, 5, 7], "from offset 1 to 6, and to the end at 8"
    assert connector.terminate() == 0
    assert not site.requests(*lost, *kept[0], *kept[2])
    committed = site.committed(connector.group)
    assert (committed[held.name, 0].offset, committed[held.name, 1].offset) == (1, 1)


# --- what it waits for ----------------------------------------------------------------------------------------


@pytest.mark.kafka(java=True)
def test_wrong_kafka_credentials_are_told_and_end_nothing(alone: Alone) -> None:
    """It lives, is not ready, and readiness and log say that the brokers refuse the login, without the password."""
    site, topic = alone.site, alone.site.topic()
    password = "not-the-right-one"
    connector = site.connector(topic, settings={"kafka": alone.cluster.login(password)})
    connector.begin()
    eventually(lambda: bool(connector.events("kafka.error")), 20, "the log")
    eventually(lambda: "the brokers refuse our login" in str(connector.ready()[1]["checks"]), 20, "readiness")
    assert connector.ready()[0] == 503
    assert connector.get("/livez").status_code == 200
    assert password not in connector.log.read_text()
    assert connector.running
    assert connector.terminate() == 0


@pytest.mark.kafka(java=True)
def test_brokers_that_are_away_at_the_start_are_waited_for(alone: Alone) -> None:
    """Alive, not ready, and readiness and log say why; it goes on by itself when they come."""
    site, topic = alone.site, alone.site.topic()
    one = site.message(topic)
    connector = site.connector(topic)
    alone.cluster.stop(1)
    try:
        connector.begin()
        status, body = connector.ready()
        assert (status, body["state"]) == (503, "starting")
        assert "waiting for the brokers" in str(body["checks"])
        eventually(
            lambda: "the brokers do not answer" in str(connector.ready()[1]["checks"]), 20, "the reason"
        )
        assert connector.get("/livez").status_code == 200
        assert connector.events("kafka.unreachable")
        assert all(line.startswith("{") for line in connector.log.read_text().splitlines())
    finally:
        alone.cluster.start(1)
    site.wait_accepted(one, within_s=30)
    assert connector.ready()[0] == 200
    site.wait_committed(connector, topic)
    assert connector.terminate() == 0
