"""What the client and a real coordinator make of commits: facts that the connector's commits are built on.

The plain client, no code of the connector. `docs/decisions/kafka-facts.md` says what follows from each. A test that fails
after an upgrade of the client is news, not noise: read that page before you change the test.
"""

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.kafka.member import (
    GROUP_SETTINGS,
    PROTOCOLS,
    Member,
    Protocol,
    committed,
    joined,
    new_topic,
    poll_until,
)
from tests.support.kafka import Cluster
from tests.support.offset_commit import read, refusal
from tests.support.plugin import NewCluster
from tests.support.wire import Api, Fate, Pass, Request, Wire

pytestmark = pytest.mark.kafka(java=True)
each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)

LOADING, NO_COORDINATOR, NOT_COORDINATOR, TIMED_OUT = 14, 15, 16, 7
TOO_LARGE, ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCE, INVALID_SIZE, STALE_EPOCH = 12, 22, 25, 27, 28, 113


@pytest.fixture(scope="module")
def cluster(new_cluster: NewCluster) -> Iterator[Cluster]:
    with new_cluster(settings=GROUP_SETTINGS) as running:
        yield running


@pytest.fixture
def wire(cluster: Cluster) -> Iterator[Wire]:
    with Wire(cluster.side_door(1)) as made:
        yield made


class FirstCommit:
    """Does something to the first commit that passes the wire and to no other."""

    def __init__(self, wire: Wire, *, error: int | None = None) -> None:
        """`error`: answered in the coordinator's place. None: it is done, but the answer is lost."""
        self._error = error
        self._met = False
        wire.requests.clear()
        wire.fate = self

    def __call__(self, request: Request) -> Fate:
        if request.api != Api.OFFSET_COMMIT or self._met:
            return Pass.ON
        self._met = True
        return Pass.UNANSWERED if self._error is None else refusal(request, self._error)


def offsets(wire: Wire) -> list[int]:
    """The offsets that passed the wire, in order; commits of one partition."""
    return [read(request).entries[0].offset for request in wire.sent(Api.OFFSET_COMMIT)]


@each_protocol
@pytest.mark.parametrize("error", [LOADING, TIMED_OUT])
def test_the_client_lets_asynchronous_commits_overtake(
    cluster: Cluster, wire: Wire, protocol: Protocol, error: int
) -> None:
    """The first of two is refused for a moment and sent again, after the second: the group ends at the older offset."""
    topic = new_topic(cluster)
    with Member(wire.bootstrap, topic, protocol) as member:
        joined(member)
        FirstCommit(wire, error=error)
        member.consumer.commit(offsets=[TopicPartition(topic, 0, 5)], asynchronous=True)
        member.consumer.commit(offsets=[TopicPartition(topic, 0, 9)], asynchronous=True)
        poll_until(lambda: len(offsets(wire)) == 3, member)
        assert offsets(wire) == [5, 9, 5]
        poll_until(lambda: committed(cluster, topic)[0] == 5, member)


@each_protocol
@pytest.mark.parametrize("error", [LOADING, NO_COORDINATOR, NOT_COORDINATOR, TIMED_OUT])
def test_the_client_repeats_a_synchronous_commit_before_the_next_one(
    cluster: Cluster, wire: Wire, protocol: Protocol, error: int
) -> None:
    """An answer that passes is not even seen by the caller, and nothing is overtaken."""
    topic = new_topic(cluster)
    with Member(wire.bootstrap, topic, protocol) as member:
        joined(member)
        FirstCommit(wire, error=error)
        assert member.commit(TopicPartition(topic, 0, 5)) is None
        assert member.commit(TopicPartition(topic, 0, 9)) is None
        assert offsets(wire) == [5, 5, 9]
    assert committed(cluster, topic)[0] == 9


@each_protocol
def test_the_client_repeats_a_commit_whose_answer_was_lost(
    cluster: Cluster, wire: Wire, protocol: Protocol
) -> None:
    """The coordinator has done it, nobody heard: it is done once more, and then it has succeeded."""
    topic = new_topic(cluster)
    with Member(wire.bootstrap, topic, protocol, socket_timeout_ms=1000) as member:
        joined(member)
        FirstCommit(wire)
        assert member.commit(TopicPartition(topic, 0, 5)) is None
        assert offsets(wire) == [5, 5]


@pytest.mark.parametrize(
    ("protocol", "error", "lost"),
    [
        ("classic", ILLEGAL_GENERATION, True),
        ("classic", UNKNOWN_MEMBER, True),
        ("classic", REBALANCE, False),
        ("classic", TOO_LARGE, False),
        ("classic", INVALID_SIZE, False),
        ("consumer", UNKNOWN_MEMBER, False),
        ("consumer", STALE_EPOCH, False),
    ],
)
def test_the_client_tells_of_a_refusal_at_once_and_gives_up_its_partitions_for_some(
    cluster: Cluster, wire: Wire, protocol: Protocol, error: int, lost: bool
) -> None:
    """No second try. Only the classic protocol takes 22 and 25 on a commit for the end of the assignment."""
    topic = new_topic(cluster)
    with Member(wire.bootstrap, topic, protocol) as member:
        joined(member)
        FirstCommit(wire, error=error)
        before = committed(cluster, topic)
        name = KafkaError(error).name()
        assert member.commit(TopicPartition(topic, 0, 5)) == name
        assert offsets(wire) == [5]
        assert committed(cluster, topic) == before
        ends = time.monotonic() + 0.5
        poll_until(lambda: member.has("lost") or time.monotonic() > ends, member)
        assert member.has("lost") is lost


def test_the_client_calls_a_whole_commit_refused_although_the_coordinator_took_a_part(
    cluster: Cluster,
) -> None:
    """One partition's metadata is too long, the other's offset is stored; the client says 12 of both, sync or async."""
    topic = new_topic(cluster, partitions=2, records=1)
    told: list[list[str]] = []

    def answered(_: KafkaError | None, partitions: list[TopicPartition]) -> None:
        told.append([tp.error.name() for tp in partitions if tp.error is not None])

    good, bad = TopicPartition(topic, 0, 1, "short"), TopicPartition(topic, 1, 1, "m" * 4096)
    with Member(cluster.bootstrap, topic, on_commit=answered) as member:
        joined(member, partitions=2)
        for order in ([good, bad], [bad, good]):
            assert member.commit(*order) == "OFFSET_METADATA_TOO_LARGE"
        assert committed(cluster, topic, 0) == (1, "short")
        assert committed(cluster, topic, 1)[0] < 0
        member.consumer.commit(offsets=[good, bad], asynchronous=True)
        poll_until(lambda: bool(told), member)
        assert told[-1] == ["OFFSET_METADATA_TOO_LARGE"] * 2


def test_the_client_tells_no_metadata_from_empty_metadata_and_takes_no_nul(cluster: Cluster) -> None:
    """Absent reads back as None, empty as empty; a zero byte is refused before anything is sent."""
    topic = new_topic(cluster, records=1)
    with Member(cluster.bootstrap, topic) as member:
        joined(member)
        assert member.commit(TopicPartition(topic, 0, 1)) is None
        assert committed(cluster, topic) == (1, None)
        assert member.commit(TopicPartition(topic, 0, 1, "")) is None
        assert committed(cluster, topic) == (1, "")
        with pytest.raises(ValueError, match="null"):
            TopicPartition(topic, 0, 1, "a\0b")


def test_the_broker_refuses_a_commit_of_more_than_a_mebibyte_whole(cluster: Cluster) -> None:
    """256 full maps are too many for a batch of the offsets topic; 250 are not. The error names no size."""
    topic = cluster.create_topic(partitions=256)
    outside = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": topic, "log_level": 0})
    try:
        full = [TopicPartition(topic, number, 1, "m" * 4095) for number in range(256)]
        with pytest.raises(KafkaException) as refused:
            outside.commit(offsets=full, asynchronous=False)
        assert refused.value.args[0].name() == "UNKNOWN"
        assert committed(cluster, topic)[0] < 0
        outside.commit(offsets=full[:250], asynchronous=False)
        assert committed(cluster, topic)[0] == 1
    finally:
        outside.close()


@each_protocol
def test_the_broker_lets_a_member_commit_its_neighbours_partition(
    cluster: Cluster, protocol: Protocol
) -> None:
    """Fenced is the member, not the partition; who is no member may not commit at all."""
    topic = new_topic(cluster, partitions=2)
    with (
        Member(cluster.bootstrap, topic, protocol) as one,
        Member(cluster.bootstrap, topic, protocol) as other,
    ):
        joined(one, other, partitions=2)
        neighbours = other.owned[0]
        assert one.commit(TopicPartition(topic, neighbours, 3, "not mine")) is None
        assert committed(cluster, topic, neighbours) == (3, "not mine")
        outside = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": topic, "log_level": 0})
        with pytest.raises(KafkaException, match="UNKNOWN_MEMBER_ID"):
            outside.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
        outside.close()


def test_the_broker_takes_a_stale_member_epoch_for_an_assigned_partition_only(
    cluster: Cluster, wire: Wire
) -> None:
    """Under KIP-848 a member that has not heard of its new epoch may commit what it had before, and nothing else (113)."""
    topic = new_topic(cluster, partitions=2)
    # The time-out is what makes the client ask again: the coordinator hears nothing while an answer is waited for.
    with Member(wire.bootstrap, topic, "consumer", socket_timeout_ms=300) as stale:
        with Member(cluster.bootstrap, topic, "consumer") as leaves:
            joined(stale, leaves, partitions=2)
            own, new = stale.owned[0], leaves.owned[0]
            wire.fate = lambda asked: (
                Pass.UNANSWERED if asked.api == Api.CONSUMER_GROUP_HEARTBEAT else Pass.ON
            )
        wire.requests.clear()
        # The first heartbeat after the other left moves the member to the new epoch; the second says that it is done.
        poll_until(lambda: len(wire.sent(Api.CONSUMER_GROUP_HEARTBEAT)) >= 2, stale)
        wire.requests.clear()
        assert stale.commit(TopicPartition(topic, own, 5)) is None
        assert stale.commit(TopicPartition(topic, new, 5)) == "STALE_MEMBER_EPOCH"
        assert len(offsets(wire)) == 2
        wire.fate = lambda _: Pass.ON
