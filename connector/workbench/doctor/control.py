"""The control topic: is it there and compacted, and may this user read and write it?"""

from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin._acl import AclOperation

from connector.adapters.kafka.refusals import denied
from connector.adapters.kafka.setting import forgets, not_compacted, policy_of
from connector.adapters.kafka.starts import is_mock
from connector.config.problems import did_you_mean
from connector.workbench.doctor.kafka import REQUEST_S, Kafka
from connector.workbench.doctor.results import Fine, NotChecked, Result, Warn, Wrong

_NEEDED: Final = (AclOperation.READ, AclOperation.WRITE)


async def look(kafka: Kafka, topic: str) -> Sequence[Result]:
    """`topic`: control.topic."""
    assert kafka.metadata is not None, "brokers ended well"
    if is_mock(kafka.metadata):
        return (NotChecked("librdkafka's mock cluster cannot be asked this"),)
    return await kafka.ask(lambda: _asked(kafka, topic))


def _asked(kafka: Kafka, topic: str) -> Sequence[Result]:
    described = kafka.admin.describe_topics(
        TopicCollection([topic]), include_authorized_operations=True, request_timeout=REQUEST_S
    )
    try:
        allowed = described[topic].result().authorized_operations
    except KafkaException as error:
        code = error.args[0].code()
        if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            names = [
                name for name in kafka.consumer.list_topics(timeout=REQUEST_S).topics if name[:2] != "__"
            ]
            missing = f"control.topic {topic} does not exist: create it with cleanup.policy=compact"
            return (Wrong(missing, did_you_mean(topic, names)),)
        if code != KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise
        allowed = []
    lacking = [] if allowed is None else [one for one in _NEEDED if one not in allowed]
    if lacking:
        return (Wrong(denied(*(f"{one.name.capitalize()} on topic {topic}" for one in lacking))),)
    policy = policy_of(kafka.options.connection, topic)
    if policy is None:
        return (
            Warn(
                f"whether {topic} is compacted could not be asked",
                f"grant DescribeConfigs on topic {topic}, or see to it that its cleanup.policy is compact",
            ),
        )
    if forgets(policy):
        return (Wrong(not_compacted(topic, policy)),)
    return (Fine(f"{topic} is compacted, and can be read and written"),)
