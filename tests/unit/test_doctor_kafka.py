"""`doctor`: the sentences of the checks of Kafka for what they may find."""

from typing import Any

import pytest
from confluent_kafka import KafkaError
from confluent_kafka.admin._metadata import (
    BrokerMetadata,
    ClusterMetadata,
    PartitionMetadata,
    TopicMetadata,
)

from connector.adapters.kafka import SourceOptions
from connector.adapters.kafka.starts import Position
from connector.core.mapping import StartAt
from connector.workbench.doctor import (
    brokers,
    dead_letters,
    group,
    listeners,
    offsets,
    topics,
)
from connector.workbench.doctor.group import Seen
from connector.workbench.doctor.kafka import Kafka
from connector.workbench.doctor.results import Fine, Warn, Wrong
from tests.support.kafka import free_ports
from tests.unit.doctor_said import names, said


@pytest.mark.parametrize(
    ("server", "place"),
    [
        ("kafka:9093", ("kafka", 9093)),
        (" kafka ", ("kafka", 9092)),
        ("SASL_SSL://kafka:1", ("kafka", 1)),
        ("[::1]:9092", ("::1", 9092)),
    ],
)
def test_a_bootstrap_server_is_read_as_librdkafka_does(server: str, place: tuple[str, int]) -> None:
    """A protocol in front, no port, an IPv6 address."""
    assert brokers.place(server) == place


def test_what_the_client_heard_tells_login_from_tls_from_another_protocol() -> None:
    """The login counts most: TLS was there by then. Addresses and states are left out."""
    at = "sasl_ssl://kafka:9093/bootstrap: "
    down = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
    tls = KafkaError(
        KafkaError._SSL,
        f"{at}SSL handshake failed: error:0A000086:SSL routines::expired (after 5ms in state X)",
    )
    login = KafkaError(
        KafkaError._AUTHENTICATION, f"{at}no such user (after 5ms in state AUTH_REQ, 2 identical)"
    )
    lost = KafkaError(KafkaError._TRANSPORT, f"{at}Disconnected (after 1ms in state SSL_HANDSHAKE)")
    assert brokers.refused([down, tls, login]).said == "the login is refused: no such user"
    assert brokers.refused([down, tls]).said == "no TLS: SSL handshake failed: expired"
    assert brokers.refused([lost]).said == "no TLS: Disconnected"
    assert brokers.refused([down]).said == "the connection is taken, and nothing answers as Kafka does"


async def test_a_broker_that_calls_itself_what_cannot_be_reached_is_told() -> None:
    """Clients are sent to that address, whatever they began with."""
    (closed,) = free_ports(1)
    properties = {"bootstrap.servers": f"127.0.0.1:{closed}", "group.id": "front"}
    options = SourceOptions(
        properties=properties,
        connection={"bootstrap.servers": properties["bootstrap.servers"]},
        topics={},
        on_missing_offset={},
        dead_letter_topic="dlq",
    )
    kafka = Kafka(options, names())
    kafka.metadata = ClusterMetadata()
    broker: Any = BrokerMetadata()
    broker.id, broker.host, broker.port = 3, "127.0.0.1", closed
    kafka.metadata.brokers = {3: broker}
    (found,) = await listeners.look(kafka, names())
    kafka.close()
    assert said(found) == (
        f"broker 3 calls itself 127.0.0.1:{closed}: no connection: Connection refused -> "
        "its advertised.listeners must name an address that this machine reaches"
    )


def cluster(**leaders: tuple[int, ...]) -> ClusterMetadata:
    """Topics by name, with the leader of each partition."""
    made = ClusterMetadata()
    for name, numbers in leaders.items():
        made.topics[name] = topic = TopicMetadata()
        for number, leader in enumerate(numbers):
            topic.partitions[number] = partition = PartitionMetadata()
            partition.leader = leader
    return made


def test_topics_are_there_missing_or_without_a_leader() -> None:
    """All that is missing is told, with the nearest name."""
    there = cluster(calls=(1, 1), dlq=(1,))
    assert topics.judged(there, ("calls",), "dlq") == (Fine("calls (2 partitions), dlq (1 partition)"),)
    assert [said(one) for one in topics.judged(there, ("call", "calls"), "dql")] == [
        "topic does not exist: call. Create it, or correct its name in the mapping files. -> did you mean 'calls'?",
        "the dead-letter topic dql does not exist. Create it (dead_letter.topic names it). -> did you mean 'dlq'?",
    ]
    (found,) = topics.judged(cluster(calls=(1, -1, -1), dlq=(1,)), ("calls",), "dlq")
    assert said(found) == (
        "calls: no broker leads 2 partitions (1, 2) -> "
        "its replicas are down: start their brokers; until then these partitions are not read"
    )


def test_a_group_is_ours_alone_or_somebody_is_in_it() -> None:
    """No members; ours; of another kind; strangers; our static id."""
    seen = Seen("front", "stable", ("front-connector-a", "front-connector-b"), "cooperative-sticky")
    assert group.judged(Seen("front", "empty", (), ""), [], classic=True) == (Fine("front has no members"),)
    assert group.judged(seen, [], classic=True) == (
        Fine("front has 2 members: front-connector-a, front-connector-b"),
    )
    other = Seen("front", "stable", ("billing",), "range", same_id=1)
    wrong, stranger, static = group.judged(other, ["billing"], classic=True)
    assert isinstance(wrong, Wrong)
    assert wrong.said == (
        "front has members that assign partitions by range, ours is cooperative-sticky: billing"
    )
    assert said(stranger).startswith("front has members that read other topics: billing -> ")
    assert said(static).startswith("a member of front has our kafka.group_instance_id already -> ")
    assert not any(isinstance(item, Wrong) for item in group.judged(other, [], classic=False))


def position(offset: int, fault: str | None = None) -> Position:
    return Position(offset, None, None, 10, 20, fault)  # type: ignore[arg-type]


def test_offsets_are_waiting_records_or_faults() -> None:
    """A fault is wrong where it holds, and a warning where the mapping file decides."""
    assert said(offsets.first_start("calls", "latest", 3)) == (
        "calls: nothing is committed yet, so it begins at start (latest); its log holds 3 records"
    )
    assert "start (timestamp:1700000000000)" in said(
        offsets.first_start("calls", StartAt(1_700_000_000_000), 0)
    )
    told = {("calls", 0): position(12), ("calls", 1): position(19)}
    assert offsets.begun_topic("calls", told, "hold") == (Fine("calls: 9 records waiting"),)
    told = {
        ("calls", 0): position(12),
        ("calls", 1): position(3, "out_of_range"),
        ("calls", 2): position(0, "expired"),
    }
    first, second = offsets.begun_topic("calls", told, "hold")
    assert isinstance(first, Wrong)
    assert first.said == "calls, partition 1: offset 3 is committed, and the log holds 10 to 20"
    assert isinstance(second, Wrong)
    assert (
        second.said
        == "calls, partition 2: its offset has expired or was deleted, other partitions have theirs"
    )
    assert offsets.begun_topic("calls", {("calls", 1): position(3, "out_of_range")}, "latest") == [
        Warn(f"{first.said}: on_missing_offset is latest, 7 records concerned")
    ]
    (another,) = offsets.begun_topic("calls", {("calls", 1): position(3, "another_topic")}, "hold")
    assert said(another).startswith(
        "calls, partition 1: the offset is of a topic of this name that was deleted since -> "
    )


def test_the_dead_letter_topic_must_hold_and_keep_what_the_sources_have() -> None:
    """Size, retention, compaction; brokers tell all of them as text."""
    own = {"max.message.bytes": "1000", "retention.ms": "604800000", "cleanup.policy": "delete"}
    source = {"calls": {"max.message.bytes": "1000"}}
    assert dead_letters.judged("dlq", own, source) == (
        Fine("dlq takes records up to 1000 bytes and keeps them for 7 days"),
    )
    assert dead_letters.judged("dlq", {**own, "retention.ms": "-1"}, source) == (
        Fine("dlq takes records up to 1000 bytes and keeps them for ever"),
    )
    bad = {"max.message.bytes": "999", "retention.ms": "3600000", "cleanup.policy": "compact,delete"}
    compacted, small, short = dead_letters.judged("dlq", bad, source)
    assert isinstance(compacted, Wrong)
    assert compacted.said == "dlq is compacted: of letters with the same key only the last would stay"
    assert said(small).startswith("dlq takes records up to 999 bytes, and calls (1000) larger ones: ")
    assert said(short).startswith("dlq keeps letters for 1 hours only -> raise its retention.ms")
