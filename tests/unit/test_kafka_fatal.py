"""What follows when a Kafka client fails for good: told by the words of its error, for its code says only that it is fatal."""

import pytest
from confluent_kafka import KafkaError

from connector.adapters.kafka.fatal import Member, Rebuild, is_end, verdict
from connector.ports import StartupRefused

MEMBER = Member("calls", "consumer", "pod-0")


def fatal(code: int) -> KafkaError:
    """As librdkafka tells of it."""
    words = KafkaError(code).str()
    return KafkaError(KafkaError._FATAL, f"Fatal error: {words}: ConsumerGroupHeartbeat fatal error: {words}")


ENDS = [
    (
        fatal(KafkaError.FENCED_INSTANCE_ID),
        "another process has joined the group calls with kafka.group_instance_id pod-0: "
        "give each process an id of its own.",
    ),
    (
        KafkaError(KafkaError.INCONSISTENT_GROUP_PROTOCOL),
        "the group calls has members that do not go with ours: another application, or another way of assigning "
        "partitions. Give kafka.group_id a name that nobody else uses, or stop the others first.",
    ),
    (
        KafkaError(KafkaError.INVALID_SESSION_TIMEOUT),
        "the brokers refuse kafka.session_timeout_s: it must lie between their group.min.session.timeout.ms and "
        "group.max.session.timeout.ms.",
    ),
    (
        fatal(KafkaError.UNSUPPORTED_ASSIGNOR),
        "the brokers do not know the assignor that group.remote.assignor names: "
        "they list theirs in group.consumer.assignors.",
    ),
    (
        fatal(KafkaError.UNSUPPORTED_VERSION),
        "the brokers do not know kafka.group_protocol consumer (they do from Kafka 4.0): set classic.",
    ),
]


@pytest.mark.parametrize(("error", "sentence"), ENDS, ids=[sentence[:30] for _, sentence in ENDS])
def test_what_another_client_would_meet_again_ends_the_service(error: KafkaError, sentence: str) -> None:
    """Exit 78 with a sentence that says what to change."""
    assert is_end(error)
    refused = verdict(error, MEMBER)
    assert isinstance(refused, StartupRefused)
    assert (refused.exit_code, str(refused)) == (78, sentence)


WAITS = [
    (
        KafkaError.UNRELEASED_INSTANCE_ID,
        "UNRELEASED_INSTANCE_ID",
        "the group has not let go of the process that had kafka.group_instance_id pod-0: "
        "it does when that one's session time-out is over, or when it leaves",
    ),
    (
        KafkaError.GROUP_MAX_SIZE_REACHED,
        "GROUP_MAX_SIZE_REACHED",
        "the Kafka client failed (GROUP_MAX_SIZE_REACHED) and is made anew",
    ),
    (KafkaError.BROKER_NOT_AVAILABLE, "_FATAL", "the Kafka client failed (_FATAL) and is made anew"),
]


@pytest.mark.parametrize(("code", "name", "sentence"), WAITS)
def test_anything_else_is_waited_out_with_a_new_client(code: int, name: str, sentence: str) -> None:
    """What is not on the list too: a restart would do no more."""
    error = fatal(code)
    assert is_end(error)
    assert verdict(error, MEMBER) == Rebuild(name, sentence, error.str())


def test_what_passes_by_itself_ends_nothing() -> None:
    """A broker that is away, a coordinator that moves."""
    for code in (KafkaError._TRANSPORT, KafkaError.NOT_COORDINATOR, KafkaError.REBALANCE_IN_PROGRESS):
        assert not is_end(KafkaError(code))
