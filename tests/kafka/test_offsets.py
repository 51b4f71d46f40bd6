"""Where delivery begins when offsets were moved, have expired, or are another topic's: repeat or hold, never skip."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaException

from tests.kafka.conftest import Connector, Site, Topic
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.registry, pytest.mark.timeout(120)]

SOON = {"kafka": {"properties": {"topic.metadata.refresh.interval.ms": 500}}}


def test_led_10_led_11_a_group_that_was_moved_by_hand_begins_there_and_nowhere_else(site: Site) -> None:
    """Back: what lies between is sent again, nothing counts as done. Forward: nothing below is sent, though a map names it."""
    back, forward = site.topic(), site.topic()
    connector = site.connector(back, forward)
    old = [site.message(back) for _ in range(6)]
    done = [site.message(forward) for _ in range(2)]
    stuck = [site.message(forward) for _ in range(2)]
    above = [site.message(forward) for _ in range(4)]
    with site.faulty({"effect": "status", "status": 500, "external_id": f"^({'|'.join(stuck)})$"}):
        connector.begin_and_join()
        site.wait_accepted(*old, *done, *above)
        site.wait_committed(connector, back)
        assert connector.terminate() == 0
    committed = site.committed(connector.group)
    assert (committed[back.name, 0].offset, committed[forward.name, 0].offset) == (6, 2)

    site.reset(connector.group, {(back.name, 0): 3, (forward.name, 0): 8})
    fresh = site.message(forward)
    before = len(site.requests(*stuck))
    connector.begin_and_join()
    site.wait_accepted(fresh)
    site.wait_committed(connector, back, forward)
    assert connector.terminate() == 0
    assert [len(site.requests(one)) for one in old] == [1, 1, 1, 2, 2, 2]
    assert [len(site.requests(one)) for one in (*done, *above)] == [1] * 6
    assert len(site.requests(*stuck)) == before
    assert site.committed(connector.group)[forward.name, 0].offset == 9


def test_led_18_expired_offsets_hold_with_their_number_and_the_partition_put_back_flows(site: Site) -> None:
    """Three of four are gone: they are not new partitions. Nothing of them is sent; the last goes on where it was put."""
    topic = site.topic(partitions=4, start="latest")
    kept = [site.message(topic, partition=number) for number in (0, 0, 1, 2)]
    passed, next_one = (site.message(topic, partition=3) for _ in range(2))
    connector = site.connector(topic)
    site.reset(connector.group, {(topic.name, 3): 1})
    connector.begin_and_join()
    site.wait_accepted(next_one)
    eventually(lambda: len(holds(connector)) == 3, 10, "three holds")
    wanted = [("partition", "offset_missing", f"{topic.name}-{number}") for number in range(3)]
    assert holds(connector) == wanted
    told = {line["partition"]: line for line in connector.events("offset.missing")}
    assert {number: (line["reason"], line["records"]) for number, line in told.items()} == {
        0: ("expired", 2),
        1: ("expired", 1),
        2: ("expired", 1),
    }
    assert connector.terminate() == 0
    assert not site.requests(passed, *kept)
    assert sorted(tp for tp, entry in site.committed(connector.group).items() if entry.offset >= 0) == [
        (topic.name, 3)
    ]


def test_led_18_a_group_that_is_said_to_be_old_has_no_first_start(site: Site) -> None:
    """`kafka.group_is_new: false`: with every offset gone the topic holds, and `start` moves nothing."""
    held, again = site.topic(), site.topic(start="latest", on_missing_offset="earliest")
    lost, sent = site.message(held), site.message(again)
    connector = site.connector(held, again, settings={"kafka": {"group_is_new": False}})
    connector.begin_and_join()
    site.wait_accepted(sent)
    eventually(lambda: bool(holds(connector)), 10, "the hold")
    assert holds(connector) == [("partition", "offset_missing", f"{held.name}-0")]
    assert connector.terminate() == 0
    assert not site.requests(lost)


def test_led_27_a_topic_that_is_made_anew_passes_no_record_over(site: Site) -> None:
    """Deleted while we run: a hold says so. Made anew, with more records than the old one had: all are sent, or it holds."""
    held, again = site.topic(), site.topic(on_missing_offset="earliest")
    other = site.topic()
    connector = site.connector(held, again, other, settings=SOON)
    first = [site.message(topic) for topic in (held, again) for _ in range(3)]
    connector.begin_and_join()
    site.wait_accepted(*first)
    site.wait_committed(connector, held, again)

    admin = site.kafka.new_admin()
    for future in admin.delete_topics([held.name, again.name]).values():
        future.result(10)
    gone = sorted(("topic", "topic_missing", topic.name) for topic in (held, again))
    eventually(lambda: holds(connector) == gone, 20, "the topics' holds")
    assert connector.ready()[0] == 200
    beside = site.message(other)
    site.wait_accepted(beside)

    for topic in (held, again):
        site.kafka.create_topic(topic.name)
    anew = written(site, again, 5), written(site, held, 5)
    site.wait_accepted(*anew[0], within_s=30)
    site.wait_committed(connector, again)
    wanted = [("partition", "another_topic", f"{held.name}-0")]
    eventually(lambda: holds(connector) == wanted, 20, "the hold")
    (line,) = [line for line in connector.events("offset.missing") if line["topic"] == held.name]
    assert (line["reason"], line["policy"], line["records"]) == ("another_topic", "hold", 5)
    assert connector.terminate() == 0
    assert not site.requests(*anew[1])


def test_led_27_a_topic_made_anew_before_anybody_noticed_passes_no_record_over(site: Site) -> None:
    """The committed offset lies inside the new topic: it counts for nothing, whatever the client reads on."""
    topic = site.topic(on_missing_offset="earliest")
    connector = site.connector(topic)
    first = [site.message(topic) for _ in range(3)]
    connector.begin_and_join()
    site.wait_accepted(*first)
    site.wait_committed(connector, topic)
    admin = site.kafka.new_admin()
    admin.delete_topics([topic.name])[topic.name].result(10)
    until_done(lambda: site.kafka.create_topic(topic.name))
    anew = written(site, topic, 6)
    site.wait_accepted(*anew, within_s=60)
    site.wait_committed(connector, topic)
    assert connector.terminate() == 0


def test_led_27_a_topic_made_anew_while_we_were_away_holds_when_an_offset_of_the_old_one_is_left(
    site: Site,
) -> None:
    """The text beside the offset names another topic id."""
    topic = site.topic()
    connector = site.connector(topic)
    first = [site.message(topic) for _ in range(2)]
    connector.begin_and_join()
    site.wait_accepted(*first)
    site.wait_committed(connector, topic)
    assert connector.terminate() == 0
    (old,) = [tp for tp in site.committed(connector.group).values() if tp.topic == topic.name]
    admin = site.kafka.new_admin()
    admin.delete_topics([topic.name])[topic.name].result(10)
    until_done(lambda: site.kafka.create_topic(topic.name))
    anew = written(site, topic, 4)
    site.reset(connector.group, {(topic.name, 0): old.offset}, metadata=old.metadata)
    connector.begin_and_join()
    eventually(lambda: bool(holds(connector)), 10, "the hold")
    assert holds(connector) == [("partition", "another_topic", f"{topic.name}-0")]
    assert connector.terminate() == 0
    assert not site.requests(*anew)


def holds(connector: Connector) -> list[tuple[str, str, str]]:
    """Scope, reason and name of what holds, sorted."""
    found: Sequence[dict[str, Any]] = connector.ready()[1]["holds"]
    return sorted((hold["scope"], hold["reason"], hold["name"]) for hold in found)


def written(site: Site, topic: Topic, count: int) -> list[str]:
    """Write messages into a topic that is new to the producer, too."""
    sent: list[str] = []
    eventually(lambda: site.partitions(topic.name) == 1, 10, "the topic")
    sent.extend(site.message(topic) for _ in range(count))
    return sent


def until_done(action: Callable[[], object]) -> None:
    """Try until the broker does it: a deleted topic's name is taken for a moment more."""

    def done() -> bool:
        try:
            action()
        except KafkaException:
            return False
        return True

    eventually(done, 15, "the creation")
