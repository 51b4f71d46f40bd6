"""Both group protocols on a real broker: they work alike, and what the group does not allow is refused in a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer

from tests.kafka.conftest import Site
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka(java=True), pytest.mark.registry, pytest.mark.timeout(120)]


def consumer(session_s: float = 6.0) -> dict[str, object]:
    """The `kafka` section for the new protocol. The tests' brokers let a member go after 6 s."""
    return {"group_protocol": "consumer", "session_timeout_s": session_s}


def test_the_consumer_protocol_works_alike(site: Site) -> None:
    """KIP-848: first start, a second member, stop and second start, with nothing lost or sent twice."""
    topic, group = site.topic(partitions=4), site.new_id("group")
    one, two = (site.connector(topic, group=group, settings={"kafka": consumer()}) for _ in range(2))
    first = [site.message(topic, partition=number % 4) for number in range(8)]
    one.begin_and_join()
    site.wait_accepted(*first)
    two.begin_and_join()
    eventually(lambda: len(two.events("consumer.assigned")) == 2, 20, "two partitions each")
    second = [site.message(topic, partition=number % 4) for number in range(8)]
    site.wait_accepted(*second)
    assert one.terminate() == 0
    third = [site.message(topic, partition=number % 4) for number in range(8)]
    site.wait_accepted(*third)
    site.wait_committed(two, topic)
    assert two.terminate() == 0
    assert len(site.requests(*first, *second, *third)) == 24
    assert not one.events("group.times_unknown"), "the broker tells its time-outs"


def test_a_session_longer_than_the_brokers_is_refused(site: Site) -> None:
    """The lease would outlast the membership."""
    connector = site.connector(site.topic(), settings={"kafka": consumer(45.0)})
    assert connector.why() == (
        f"kafka.session_timeout_s is 45, but the brokers let a silent member of group {connector.group} go after 6 s "
        "(group.consumer.session.timeout.ms, or the group's own consumer.session.timeout.ms): set it to 6 or less, "
        "or raise theirs."
    )


def test_a_request_deadline_below_the_heartbeat_interval_is_refused(site: Site) -> None:
    """The next owner's wait would not cover what a commit leaves uncertain. The tests' brokers say 0.2 s."""
    settings = {
        "kafka": consumer(),
        "front": {"request_deadline_s": 0.15, "connect_timeout_s": 0.1},
    }
    connector = site.connector(site.topic(), settings=settings)
    assert connector.why().startswith(
        "front.request_deadline_s is 0.15, below the group's heartbeat interval of 0.2 s "
        "(group.consumer.heartbeat.interval.ms): with kafka.group_protocol consumer"
    )


def test_a_classic_session_that_the_brokers_do_not_allow_is_refused(site: Site) -> None:
    """Half a second is below their group.min.session.timeout.ms."""
    settings = {
        "kafka": {"session_timeout_s": 0.9},
        "front": {"request_deadline_s": 0.2, "connect_timeout_s": 0.1},
    }
    connector = site.connector(site.topic(), settings=settings)
    assert connector.why() == (
        "the brokers refuse kafka.session_timeout_s: it must lie between their group.min.session.timeout.ms and "
        "group.max.session.timeout.ms."
    )


@contextmanager
def stranger(site: Site, group: str, topic: str, **properties: str) -> Iterator[Consumer]:
    """A member of the group that is another application."""
    member = Consumer(
        {
            "bootstrap.servers": site.kafka.bootstrap,
            "group.id": group,
            "client.id": "billing",
            "log_level": 0,
            **{name.replace("_", "."): value for name, value in properties.items()},
        }
    )
    member.subscribe([topic])
    try:
        eventually(lambda: member.poll(0.2) is None and bool(member.assignment()), 20, "the stranger")
        yield member
    finally:
        member.close()


def test_a_group_that_another_application_uses_is_refused_or_told(site: Site) -> None:
    """Members of another kind: exit 78. Members that merely read something else: a warning with their number."""
    topic, other = site.topic(), site.topic()
    connector = site.connector(topic)
    with stranger(site, connector.group, other.name, partition_assignment_strategy="range"):
        assert connector.why() == (
            f"the group {connector.group} has members that do not go with ours: another application, or another way of "
            "assigning partitions. Give kafka.group_id a name that nobody else uses, or stop the others first."
        )
        (line,) = connector.events("group.shared")
        assert (line["members"], line["clients"]) == (1, ["billing"])
