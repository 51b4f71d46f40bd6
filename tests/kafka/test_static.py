"""Static membership: a restart within the session keeps the assignment; a name that is taken is waited for, or told."""

import pytest

from tests.kafka.conftest import Connector, Site, Topic
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka(java=True), pytest.mark.registry, pytest.mark.timeout(120)]

SESSION_S = 6.0
"""What the tests' brokers use for the consumer protocol."""


def members(site: Site, topic: Topic, protocol: str) -> tuple[Connector, Connector]:
    """Two members of a group, each with a name of its own."""
    group = site.new_id("group")
    one, two = (
        site.connector(
            topic,
            group=group,
            settings={
                "kafka": {
                    "group_protocol": protocol,
                    "group_instance_id": name,
                    "session_timeout_s": SESSION_S if protocol == "consumer" else 20.0,
                }
            },
        )
        for name in ("one", "two")
    )
    return one, two


def assigned(connector: Connector) -> int:
    """How many partitions it has been given, over its life."""
    return len(connector.events("consumer.assigned"))


def test_reb_19_classic_a_member_that_is_killed_and_comes_back_in_time_moves_nobody(site: Site) -> None:
    """The other one keeps its partitions undisturbed; the map is read anew, and nothing that was recorded is sent again.

    It waits a session before it sends: the group let it in at once, and the killed one might only have been cut off.
    """
    topic = site.topic(partitions=4)
    one, two = members(site, topic, "classic")
    one.begin_and_join()
    two.begin_and_join()
    eventually(lambda: assigned(two) == 2, 20, "two partitions each")
    sent = [site.message(topic, partition=number % 4) for number in range(8)]
    site.wait_accepted(*sent)
    site.wait_committed(one, topic)
    quiet = (len(two.events("consumer.assigned")), len(two.events("consumer.revoked")))
    one.kill()
    more = [site.message(topic, partition=number % 4) for number in range(4)]
    one.begin_and_join()
    site.wait_accepted(*more, within_s=60)
    site.wait_committed(one, topic)
    assert (len(two.events("consumer.assigned")), len(two.events("consumer.revoked"))) == quiet
    assert [len(site.requests(message)) for message in (*sent, *more)] == [1] * 12
    assert two.terminate() == one.terminate() == 0


def test_reb_19_consumer_a_member_that_is_killed_and_comes_back_waits_until_it_is_let_in(site: Site) -> None:
    """The brokers keep the dead one's place: `starting`, a new client every 5 s, and then it carries on."""
    topic = site.topic()
    one, _ = members(site, topic, "consumer")
    one.begin_and_join()
    sent = site.message(topic)
    site.wait_accepted(sent)
    site.wait_committed(one, topic)
    one.kill()
    behind = site.message(topic)
    one.begin()
    eventually(lambda: bool(one.events("kafka.client_rebuilt")), 15, "the refusal")
    status, body = one.ready()
    assert (status, body["state"]) == (503, "starting")
    assert "the group has not let go of the process that had kafka.group_instance_id one" in str(
        body["checks"]
    )
    assert one.get("/livez").status_code == 200
    site.wait_accepted(behind, within_s=30)
    site.wait_committed(one, topic)
    assert one.ready()[0] == 200
    rebuilt = one.events("kafka.client_rebuilt")
    assert {line["error_type"] for line in rebuilt} == {"UNRELEASED_INSTANCE_ID"}
    assert len(rebuilt) <= 4, "it does not loop hot"
    assert one.terminate() == 0
    assert [len(site.requests(message)) for message in (sent, behind)] == [1, 1]


def test_a_second_process_with_the_same_name_ends_the_first_with_a_sentence(site: Site) -> None:
    """Classic: the newer one is let in, the older one is fenced, exits 78 and says why."""
    topic = site.topic()
    group = site.new_id("group")
    kafka = {"group_instance_id": "same"}
    one, two = (site.connector(topic, group=group, settings={"kafka": kafka}) for _ in range(2))
    one.begin_and_join()
    two.begin()
    assert one.wait(30) == 78
    (line,) = one.events("startup.refused")
    assert line["why"] == (
        f"another process has joined the group {group} with kafka.group_instance_id same: "
        "give each process an id of its own."
    )
    sent = site.message(topic)
    site.wait_accepted(sent)
    assert two.terminate() == 0
