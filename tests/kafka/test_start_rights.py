"""What Kafka does not allow: told before the group is joined, waited out while running, and said at a stop."""

import pytest

from tests.kafka.conftest import Alone, Connector, Topic
from tests.support.guarded import Right, join, read, write
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka(java=True), pytest.mark.registry, pytest.mark.timeout(120)]


def place(alone: Alone) -> tuple[Connector, Topic, tuple[Right, Right, Right]]:
    """A connector that comes by the guarded door, its topic, and the rights that it needs."""
    topic = alone.site.topic()
    settings = {"kafka": {**alone.cluster.login(), "session_timeout_s": 6.0}}
    connector = alone.site.connector(topic, settings=settings)
    return connector, topic, (read(topic.name), join(connector.group), write(alone.site.letters.topic))


def test_dlq_08_rights_that_are_missing_are_told_by_operation_and_name_before_the_group_is_joined(
    alone: Alone,
) -> None:
    """Exit 77 with all of them in a sentence; each is enough; with all of them it works."""
    connector, topic, (reading, joining, writing) = place(alone)
    sent = alone.site.message(topic)
    letters = alone.site.letters.topic
    denied = f"Read on topic {topic.name}", f"Write on topic {letters}", f"Read on group {connector.group}"
    assert (
        connector.why(77)
        == f"Kafka does not allow this user: {'; '.join(denied)}. Grant these rights (ACLs)."
    )
    alone.cluster.grant(reading, joining)
    assert connector.why(77) == f"Kafka does not allow this user: {denied[1]}. Grant this right (an ACL)."
    alone.cluster.grant(writing)
    with alone.cluster.without(reading):
        assert connector.why(77) == f"Kafka does not allow this user: {denied[0]}. Grant this right (an ACL)."
    with alone.cluster.without(joining):
        assert connector.why(77) == f"Kafka does not allow this user: {denied[2]}. Grant this right (an ACL)."
    assert not alone.site.committed(connector.group)
    connector.begin_and_join()
    alone.site.wait_accepted(sent)
    assert connector.terminate() == 0
    alone.cluster.withdraw(writing)


def test_dlq_08_a_right_to_write_letters_that_is_withdrawn_holds_and_comes_back_by_itself(
    alone: Alone,
) -> None:
    """Metric, log and readiness say so; nothing is committed past the record; with the right back the letter is written."""
    connector, topic, (reading, joining, writing) = place(alone)
    alone.cluster.grant(reading, joining, writing)
    connector.begin_and_join()
    with alone.cluster.without(writing):
        bad = alone.site.send(topic, b"not a record")
        eventually(lambda: bool(connector.ready()[1]["holds"]), 20, "the hold")
        status, body = connector.ready()
        (hold,) = body["holds"]
        assert (status, hold["scope"], hold["reason"]) == (200, "dead_letter", "unwritable")
        assert connector.metric("front_connector_holds", scope="dead_letter") == 1
        assert {line["error_type"] for line in connector.events("dlq.write_failed")} == {
            "TOPIC_AUTHORIZATION_FAILED"
        }
        assert alone.site.committed(connector.group)[topic.name, 0].offset == 0
    alone.site.letters.of(bad)
    alone.site.wait_committed(connector, topic)
    assert connector.terminate() == 0
    alone.cluster.withdraw(writing)


def test_shd_06_a_stop_while_commits_cannot_work_ends_in_time_and_says_what_is_uncommitted(
    alone: Alone,
) -> None:
    """The right to use the group is gone: exit 75 within the grace, with partition and offset; the next run repeats."""
    connector, topic, (reading, joining, writing) = place(alone)
    alone.cluster.grant(reading, joining, writing)
    connector.begin_and_join()
    first = alone.site.message(topic)
    alone.site.wait_accepted(first)
    alone.site.wait_committed(connector, topic)
    with alone.cluster.without(joining):
        behind = [alone.site.message(topic) for _ in range(3)]
        alone.site.wait_accepted(*behind)
        eventually(lambda: bool(connector.events("commit.failed")), 15, "a commit that fails")
        assert connector.terminate(20.0) == 75
    (line,) = connector.events("stop.uncommitted")
    assert (line["topic"], line["partition"], line["offset"], line["records"]) == (topic.name, 0, 4, 0)
    assert line["reason"] == "the last commit was not acknowledged"
    assert alone.site.committed(connector.group)[topic.name, 0].offset == 1
    connector.begin()
    alone.site.wait_committed(connector, topic, within_s=30)
    assert connector.terminate() == 0
    assert [len(alone.site.requests(one)) for one in (first, *behind)] == [1, 2, 2, 2]
    alone.cluster.withdraw(writing)
