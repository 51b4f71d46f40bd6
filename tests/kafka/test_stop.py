"""How it stops: what is in flight is waited for within a bound, what waits is left, and the next start goes on there.

The requests that are slow or never end are Front's doing; the signals are Kubernetes'.
"""

import datetime as dt
import signal
import time

import pytest

from connector.core.offset_map import Believed, LogIdentity, read
from tests.kafka.conftest import Connector, Site, Topic
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.registry, pytest.mark.timeout(120)]


def test_shd_01_and_02_a_stop_finishes_what_is_in_flight_starts_nothing_and_the_next_start_waits_for_nothing(
    site: Site,
) -> None:
    """Five requests in flight are accepted and committed as released; the one queued behind is the next run's first."""
    topic = site.topic()
    connector = site.connector(
        topic, settings={"front": {"request_deadline_s": 5.0}, "limits": {"drain_s": 10.0}}
    )
    connector.begin_and_join()
    with site.faulty({"effect": "delay", "delay_ms": 1200}):
        sent = [site.message(topic) for _ in range(5)]
        behind = site.message(topic, conversation_id=f"room-{sent[0]}")
        eventually(lambda: len(site.requests(*sent)) == 5, 10, "five requests in flight")
        assert connector.terminate() == 0
    assert site.accepted(*sent)
    assert not site.requests(behind)
    ((offset, believed),) = told(site, connector, topic)
    assert (offset, believed.released) == (5, True)

    connector.begin_and_join()
    site.wait_accepted(behind)
    (first,) = site.requests(behind)
    assert first["wall"] - assigned_at(connector) < 4.9, "it waited out a request deadline for nobody"
    assert connector.terminate() == 0
    assert len(site.requests(*sent)) == 5, "nothing was sent again"
    assert site.lag(connector, topic) == 0


def test_shd_03_a_request_that_never_ends_is_cut_off_at_the_bound_and_alone_is_sent_again(site: Site) -> None:
    """Exit 75 within the drain's bound; the finished are committed, not as released; the next run sends the one left."""
    topic = site.topic()
    connector = site.connector(
        topic, settings={"front": {"request_deadline_s": 4.0}, "limits": {"drain_s": 1.0}}
    )
    connector.begin_and_join()
    stuck = site.message(topic)
    with site.faulty({"effect": "hang", "external_id": f"^{stuck}$"}):
        finished = [site.message(topic) for _ in range(3)]
        site.wait_accepted(*finished)
        eventually(lambda: len(site.requests(stuck)) > 0, 10, "the request that hangs")
        began = time.monotonic()
        assert connector.terminate() == 75
        assert time.monotonic() - began < 20.0, "the bound, a commit, the client and the interpreter end"
    ((offset, believed),) = told(site, connector, topic)
    assert (offset, believed.released) == (0, False)
    assert believed.settled == ((1, 4),)

    connector.begin_and_join()
    site.wait_accepted(stuck)
    site.wait_committed(connector, topic)
    assert connector.terminate() == 0
    assert len(site.requests(*finished)) == 3, "what was finished is not sent again"


def test_shd_04_a_second_signal_ends_it_at_once_and_loses_nothing(site: Site) -> None:
    """Exit 143 while the drain has long to go; the next run sends what was cut off."""
    topic = site.topic()
    # A member that left without a word is waited for by the group, unless its successor has its name.
    settings = {
        "kafka": {"group_instance_id": "one"},
        "front": {"request_deadline_s": 4.0},
        "limits": {"drain_s": 30.0},
    }
    connector = site.connector(topic, settings=settings)
    connector.begin_and_join()
    stuck = site.message(topic)
    with site.faulty({"effect": "hang"}):
        eventually(lambda: len(site.requests(stuck)) > 0, 10, "the request that hangs")
        connector._signal(signal.SIGTERM)
        eventually(lambda: _drains(connector), 10, "the drain")
        assert connector.ready()[0] == 503
        began = time.monotonic()
        assert connector.terminate() == 143
        assert time.monotonic() - began < 20.0, "long before the drain is over"

    behind = site.message(topic)
    connector.begin()
    site.wait_accepted(stuck, behind)
    site.wait_committed(connector, topic)
    assert connector.terminate() == 0


def test_shd_07_a_draining_member_lets_a_new_one_in(site: Site) -> None:
    """A drain with long to go holds up no rebalance: the joiner has its partition within seconds, and all is delivered."""
    topic, group = site.topic(partitions=2), site.new_id("group")
    settings = {
        "kafka": {"session_timeout_s": 30.0},
        "front": {"request_deadline_s": 12.0},
        "limits": {"drain_s": 30.0},
    }
    draining, joiner = (site.connector(topic, group=group, settings=settings) for _ in range(2))
    draining.begin_and_join()
    stuck = [site.message(topic, partition=number) for number in range(2)]
    with site.faulty({"effect": "hang"}):
        eventually(lambda: len(site.requests(*stuck)) == 2, 10, "the requests that hang")
        draining._signal(signal.SIGTERM)
        eventually(lambda: _drains(draining), 10, "the drain")
        joiner.begin()
        eventually(lambda: bool(joiner.events("consumer.assigned")), 10, "the joiner's partition")
        assert draining.wait(20) == 75
    site.wait_accepted(*stuck, within_s=30)
    site.wait_committed(joiner, topic)
    assert joiner.terminate() == 0


def told(site: Site, connector: Connector, topic: Topic) -> list[tuple[int, Believed]]:
    """What the coordinator was told of each partition of a topic: offset, and the text beside it."""
    found = []
    for (name, _), tp in sorted(site.committed(connector.group).items()):
        if name == topic.name:
            _, cluster, topic_id, *_ = tp.metadata.split(";")
            believed = read(tp.metadata, LogIdentity(cluster, topic_id), tp.offset)
            assert isinstance(believed, Believed)
            found.append((tp.offset, believed))
    return found


def assigned_at(connector: Connector) -> float:
    """When it was last given a partition, Unix seconds."""
    return dt.datetime.fromisoformat(connector.events("consumer.assigned")[-1]["timestamp"]).timestamp()


def _drains(connector: Connector) -> bool:
    return any(line["state"] == "draining" for line in connector.events("state.changed"))
