"""What the client and a real coordinator make of membership: sessions, rebalances, static members.

The plain client, no code of the connector. `docs/decisions/kafka-facts.md` says what follows from each. A test that fails
after an upgrade of the client is news, not noise: read that page before you change the test.
"""

import threading
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from tests.kafka.member import (
    GROUP_SETTINGS,
    PROTOCOLS,
    SESSION_S,
    Member,
    Protocol,
    joined,
    new_topic,
    poll_for,
    poll_until,
    write,
)
from tests.support.kafka import Cluster
from tests.support.plugin import NewCluster
from tests.support.wire import COORDINATOR, Api, Pass, Wire

pytestmark = pytest.mark.kafka(java=True)
each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)

HEARTBEATS = {Api.HEARTBEAT, Api.CONSUMER_GROUP_HEARTBEAT}


@pytest.fixture(scope="module")
def cluster(new_cluster: NewCluster) -> Iterator[Cluster]:
    with new_cluster(settings=GROUP_SETTINGS) as running:
        yield running


@pytest.fixture
def wire(cluster: Cluster) -> Iterator[Wire]:
    with Wire(cluster.side_door(1)) as made:
        yield made


@pytest.mark.parametrize(("protocol", "keeps"), [("classic", True), ("consumer", False)])
def test_the_broker_takes_commits_for_a_sign_of_life_in_classic_groups_only(
    cluster: Cluster, wire: Wire, protocol: Protocol, keeps: bool
) -> None:
    """No heartbeat arrives, but commits do, and succeed: under KIP-848 the partition goes to another all the same."""
    topic = new_topic(cluster, partitions=2)
    with (
        Member(wire.bootstrap, topic, protocol) as commits,
        Member(cluster.bootstrap, topic, protocol) as heir,
    ):
        joined(commits, heir, partitions=2)
        poll_for(0.5, commits, heir)
        own = commits.owned[0]
        wire.fate = lambda asked: Pass.AS_BEFORE if asked.api in HEARTBEATS else Pass.ON
        began = time.monotonic()
        last_success = began
        while time.monotonic() - began < 2 * SESSION_S and len(heir.owned) < 2:
            poll_for(0.2, commits, heir)
            sent = time.monotonic()
            if commits.commit(TopicPartition(topic, own, 1)) is None:
                last_success = sent
        wire.fate = lambda _: Pass.ON
        assert commits.owned == [own]
        assert heir.owned == ([1 - own] if keeps else [0, 1])
        # The last acknowledged commit was far younger than a session.
        assert time.monotonic() - last_success < SESSION_S / 2


@pytest.mark.parametrize(("protocol", "notices"), [("classic", True), ("consumer", False)])
def test_the_client_without_a_coordinator_has_no_session_of_its_own_under_kip_848(
    cluster: Cluster, wire: Wire, protocol: Protocol, notices: bool
) -> None:
    """Cut off from the coordinator alone, it reads on while another has its partition; the classic one gives up in time."""
    topic = new_topic(cluster, partitions=2)
    with Member(wire.bootstrap, topic, protocol) as cut, Member(cluster.bootstrap, topic, protocol) as heir:
        joined(cut, heir, partitions=2)
        poll_for(0.5, cut, heir)
        own = cut.owned[0]
        wire.fate = lambda asked: Pass.SWALLOWED if asked.api in COORDINATOR else Pass.ON
        poll_until(lambda: len(heir.owned) == 2, cut, heir)
        poll_for(SESSION_S / 2, cut, heir)
        assert cut.has("lost") is notices
        before = len(cut.records)
        write(cluster, topic, [b"written meanwhile"], partition=own)
        poll_for(0.5, cut, heir)
        assert len(cut.records) == before + (not notices)
        wire.fate = lambda _: Pass.ON


@each_protocol
def test_the_client_keeps_a_pause_over_revoke_and_assignment(cluster: Cluster, protocol: Protocol) -> None:
    """What was paused and given back comes again paused; only `resume` ends it."""
    topic = new_topic(cluster)
    with Member(cluster.bootstrap, topic, protocol) as member:
        joined(member)
        member.consumer.pause([TopicPartition(topic, 0)])
        member.consumer.unsubscribe()
        poll_until(lambda: member.has("revoked"), member)
        member.subscribe(topic)
        joined(member)
        member.records.clear()
        write(cluster, topic, [b"more"])
        poll_for(0.5, member)
        assert not member.records
        member.consumer.resume([TopicPartition(topic, 0)])
        poll_until(lambda: bool(member.records), member)


@each_protocol
def test_the_client_tells_of_no_metadata_when_it_assigns_and_obeys_offsets_of_ours(
    cluster: Cluster, wire: Wire, protocol: Protocol
) -> None:
    """The callback's list has neither offset nor text; with explicit offsets the client does not look for its own."""
    topic = new_topic(cluster)
    given: list[tuple[int, str | None]] = []

    class Explicit(Member):
        def on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
            given.extend((tp.offset, tp.metadata) for tp in partitions)
            consumer.incremental_assign([TopicPartition(topic, 0, 12, leader_epoch=0)])

    with Member(cluster.bootstrap, topic, protocol) as before:
        joined(before)
        assert before.commit(TopicPartition(topic, 0, 7, "a map")) is None
    with Explicit(wire.bootstrap, topic, protocol) as member:
        poll_until(lambda: bool(member.records), member)
        assert given == [(-1001, None)]
        assert member.records[0].offset() == 12
        assert not wire.sent(Api.OFFSET_FETCH)


@each_protocol
def test_the_client_calls_back_inside_consume_and_drops_what_it_had_read_of_revoked_partitions(
    cluster: Cluster, protocol: Protocol
) -> None:
    """Ten records of each partition lie in the batch when one is revoked: its ten are not given out, now or later."""
    topic = new_topic(cluster, partitions=2, records=0)
    inside: list[bool] = []
    consuming = threading.Event()

    class Noting(Member):
        def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
            inside.append(consuming.is_set() and threading.current_thread() is threading.main_thread())
            super()._on_revoke(consumer, partitions)

    with Noting(cluster.bootstrap, topic, protocol) as member:
        joined(member, partitions=2)
        for partition in range(2):
            write(cluster, topic, [b"v"] * 10, partition=partition)
        with Member(cluster.bootstrap, topic, protocol) as other, _Polled(other):
            consuming.set()
            batch = member.consumer.consume(1000, 3.0)
            consuming.clear()
            (kept,) = member.owned
            batch += member.consumer.consume(1000, 0.7)
    assert inside[0] is True  # the second is that of `close`
    assert [_partition(message) for message in batch] == [kept] * 10


class _Polled:
    """Polls a member in a thread of its own meanwhile."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._poll)

    def _poll(self) -> None:
        while not self._ended.is_set():
            self._member.poll()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def _partition(message: Message) -> int | None:
    return message.partition()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("session.timeout.ms", "`session.timeout.ms` is not supported for `group.protocol=consumer`"),
        ("heartbeat.interval.ms", "`heartbeat.interval.ms` is not supported for `group.protocol=consumer`"),
        (
            "partition.assignment.strategy",
            "`partition.assignment.strategy` is not supported for `group.protocol=consumer`",
        ),
    ],
)
def test_the_client_refuses_classic_settings_under_kip_848_when_it_is_made(setting: str, words: str) -> None:
    """They are the broker's there. Nothing is connected to."""
    value = "cooperative-sticky" if setting.startswith("partition") else "6000"
    with pytest.raises(KafkaException) as refused:
        Consumer({"group.id": "g", "group.protocol": "consumer", setting: value})
    assert refused.value.args[0].name() == "_INVALID_ARG"
    assert words in refused.value.args[0].str()


@pytest.mark.parametrize(
    ("protocol", "ousted"),
    [("classic", "elder"), ("consumer", "newcomer")],
)
def test_the_broker_fences_one_of_two_static_members_with_one_id(
    cluster: Cluster, protocol: Protocol, ousted: str
) -> None:
    """Classic: the elder is fenced. KIP-848: the newcomer is refused. Either is fatal: that client never joins again."""
    topic = new_topic(cluster)
    with Member(cluster.bootstrap, topic, protocol, group_instance_id="one") as elder:
        joined(elder)
        with Member(cluster.bootstrap, topic, protocol, group_instance_id="one") as newcomer:
            members = {"elder": elder, "newcomer": newcomer}
            poll_until(lambda: members[ousted].has("_FATAL"), elder, newcomer)
            poll_for(0.3, elder, newcomer)
            assert {who for who, member in members.items() if member.has("_FATAL")} == {ousted}


def test_the_broker_refuses_a_killed_static_members_heir_until_the_session_has_ended(
    cluster: Cluster, wire: Wire
) -> None:
    """KIP-848: a member that vanished silently keeps its id for a session; each try before that is fatal to its client."""
    topic = new_topic(cluster)
    with Member(
        wire.bootstrap, topic, "consumer", group_instance_id="one", socket_timeout_ms=1000
    ) as vanished:
        joined(vanished)
        wire.fate = lambda asked: Pass.SWALLOWED if asked.api in COORDINATOR else Pass.ON
        began = time.monotonic()
        refusals = 0
        while True:
            with Member(cluster.bootstrap, topic, "consumer", group_instance_id="one") as heir:
                poll_until(lambda: heir.has("_FATAL") or heir.has("assigned"), heir)
                if heir.has("assigned"):
                    break
            refusals += 1
            time.sleep(0.1)
            assert time.monotonic() - began < 5 * SESSION_S
        assert refusals > 0
        assert time.monotonic() - began > SESSION_S / 2
