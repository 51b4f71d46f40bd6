"""What `/metrics` shows of partitions, against what the brokers say themselves: before, while and after they change hands."""

import time
from collections.abc import Mapping

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.kafka.conftest import Connector, Site, Topic
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.registry, pytest.mark.timeout(300)]

PARTITIONS = 4
HOUR_S = 3600.0
GAUGES = (
    "consumer_lag_records",
    "consumer_lag_seconds",
    "consumer_committed_offset",
    "consumer_position_offset",
    "consumer_end_offset",
    "consumer_unsettled_records",
)


def _partitions(connector: Connector) -> Mapping[str, Mapping[int, float]]:
    """Every metric that has a partition as its label, without the prefix, by partition."""
    found: dict[str, dict[int, float]] = {}
    for family in text_string_to_metric_families(connector.get("/metrics").text):
        for sample in family.samples:
            if "partition" in sample.labels:
                by_partition = found.setdefault(sample.name.removeprefix("front_connector_"), {})
                by_partition[int(sample.labels["partition"])] = sample.value
    return found


def _shown(connector: Connector) -> set[int]:
    """The partitions that all of its gauges show; none while some show others, as before the first commit."""
    found = _partitions(connector)
    shown = {frozenset(found.get(name, {})) for name in GAUGES}
    return set(*shown) if len(shown) == 1 else set()


def _stuck_amid_others(site: Site, topic: Topic) -> Mapping[int, str]:
    """In partition p: p messages, one written p + 1 hours ago that Front will refuse, p + 1 more. The ids of those."""
    stuck: dict[int, str] = {}
    for number in range(PARTITIONS):
        for _ in range(number):
            site.message(topic, partition=number)
        stuck[number] = site.message(topic, partition=number, at=time.time() - HOUR_S * (number + 1))
        for _ in range(number + 1):
            site.message(topic, partition=number)
    return stuck


def _agrees(site: Site, topic: Topic, *connectors: Connector) -> bool:
    """Each partition is shown by one of them, and lag, committed offset and end are the brokers' own."""
    told = site.committed(connectors[0].group)
    ends = site.ends([topic.name])
    shown: dict[str, dict[int, float]] = {name: {} for name in GAUGES}
    for connector in connectors:
        for name, values in _partitions(connector).items():
            if name in shown:
                assert not shown[name].keys() & values.keys(), f"two members show a partition in {name}"
                shown[name].update(values)
    committed = {
        number: told[topic.name, number].offset
        for number in range(PARTITIONS)
        if (topic.name, number) in told
    }
    end = {number: ends[topic.name, number] for number in range(PARTITIONS)}
    return (
        shown["consumer_committed_offset"] == committed
        and shown["consumer_end_offset"] == end == shown["consumer_position_offset"]
        and shown["consumer_lag_records"] == {number: end[number] - committed[number] for number in committed}
    )


def test_lag_is_the_brokers_and_a_revoked_partition_is_shown_by_its_next_owner_alone(site: Site) -> None:
    """In each partition one record is stuck: its age, what is behind it, what is unsettled are shown. Then a member joins."""
    topic = site.topic(partitions=PARTITIONS)
    stuck = _stuck_amid_others(site, topic)
    before = time.time()
    first = site.connector(topic)
    second = site.connector(topic, group=first.group)
    with site.faulty({"effect": "status", "status": 503, "external_id": f"^({'|'.join(stuck.values())})$"}):
        first.begin_and_join()
        unsettled = dict.fromkeys(range(PARTITIONS), 1.0)
        eventually(
            lambda: _partitions(first).get("consumer_unsettled_records") == unsettled, 60, "all else settled"
        )
        eventually(lambda: _agrees(site, topic, first), 60, lambda: f"agreement: {_partitions(first)}")
        lag = {number: number + 2.0 for number in range(PARTITIONS)}
        assert _partitions(first)["consumer_lag_records"] == lag
        ages = _partitions(first)["consumer_lag_seconds"]
        passed = time.time() - before
        for number in range(PARTITIONS):
            # Written a moment before `before`: the site sends one by one.
            assert HOUR_S * (number + 1) <= ages[number] <= HOUR_S * (number + 1) + passed + 120
        eventually(lambda: first.metric("front_connector_kafka_connected_brokers") >= 1, 30, "brokers")

        second.begin_and_join()
        eventually(lambda: len(_shown(second)) == 2 and len(_shown(first)) == 2, 60, "two partitions each")
        eventually(lambda: _agrees(site, topic, first, second), 60, "agreement of both")
        assert _shown(first) | _shown(second) == set(range(PARTITIONS))
        assert set(_partitions(first)["records_received_total"]) == set(range(PARTITIONS)), "counters stay"
        eventually(
            lambda: (
                {
                    **_partitions(first)["consumer_unsettled_records"],
                    **_partitions(second)["consumer_unsettled_records"],
                }
                == unsettled
            ),
            60,
            "what was settled before is not counted again",
        )
        for connector in (first, second):
            for number, age in _partitions(connector)["consumer_lag_seconds"].items():
                assert age >= HOUR_S * (number + 1)
    site.wait_accepted(*stuck.values(), within_s=60)
    site.wait_committed(first, topic, within_s=60)
    for connector in (first, second):
        nothing = dict.fromkeys(_shown(connector), 0.0)
        eventually(
            lambda connector=connector, nothing=nothing: all(  # type: ignore[misc]
                _partitions(connector)[name] == nothing
                for name in ("consumer_lag_records", "consumer_lag_seconds", "consumer_unsettled_records")
            ),
            60,
            "nothing is behind",
        )


def test_the_lag_of_a_paused_partition_goes_on_growing_and_ageing(site: Site) -> None:
    """Nothing is fetched, so the consumer hears nothing: it is looked at all the same, full behind a stuck record or paused by
    hand, when even the first record was not read: the alert on retention rests on its own time, not on when it was noticed.
    """
    topic = site.topic()
    stuck = site.message(topic)
    control = site.kafka.create_topic(config={"cleanup.policy": "compact"})
    settings = {"limits": {"partition_records": 1}, "control": {"topic": control}}
    connector = site.connector(topic, settings=settings)
    with site.faulty({"effect": "status", "status": 503, "external_id": f"^{stuck}$"}):
        connector.begin_and_join()
        paused = "front_connector_consumer_paused_partitions"
        eventually(lambda: connector.metric(paused, reason="backpressure") == 1, 60, "the pause")
        for _ in range(20):
            site.message(topic)
        eventually(lambda: _partitions(connector)["consumer_end_offset"] == {0: 21.0}, 60, "the end")
        assert _partitions(connector)["consumer_lag_records"] == {0: 21.0}
    site.wait_committed(connector, topic, within_s=60)

    admin = f"{connector.admin_url}/connectors/front-connector"
    assert httpx.put(f"{admin}/pause", json={"reason": "a test"}, timeout=60).status_code == 202
    old = site.message(topic, at=time.time() - HOUR_S)
    newer = site.message(topic)
    eventually(lambda: _partitions(connector)["consumer_lag_seconds"][0] >= HOUR_S, 90, "its age")
    eventually(lambda: _partitions(connector)["consumer_lag_records"] == {0: 2.0}, 60, "its lag")
    assert httpx.put(f"{admin}/resume", timeout=60).status_code == 202
    site.wait_accepted(old, newer, within_s=60)
    eventually(lambda: _partitions(connector)["consumer_lag_seconds"] == {0: 0.0}, 60, "no lag")
