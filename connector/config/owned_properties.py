"""librdkafka's settings that are not the operator's to set, each with the reason. A table, and nothing else.

`kafka.properties` passes every other setting through unread, so that a new librdkafka needs no new connector.
"""

from collections.abc import Mapping
from types import MappingProxyType

_SETTING = "set {} instead, which the connector needs to know too"
_PROMISE = "the promise that nothing is lost rests on it"

OWNED: Mapping[str, str] = MappingProxyType(
    {
        # Given by settings of ours.
        "bootstrap.servers": _SETTING.format("kafka.bootstrap_servers"),
        "metadata.broker.list": _SETTING.format("kafka.bootstrap_servers"),
        "group.id": _SETTING.format("kafka.group_id"),
        "group.instance.id": _SETTING.format("kafka.group_instance_id"),
        "group.protocol": _SETTING.format("kafka.group_protocol"),
        "session.timeout.ms": _SETTING.format("kafka.session_timeout_s")
        + "; with group_protocol consumer it is the brokers'",
        "max.poll.interval.ms": _SETTING.format("kafka.max_poll_interval_s"),
        # Delivery rests on them.
        "enable.auto.commit": f"offsets are committed after Front accepted a record, never on a timer: {_PROMISE}",
        "auto.commit.interval.ms": "offsets are committed by the connector: limits.commit_interval_s says how often",
        "enable.auto.offset.store": f"offsets are handed over with each commit: {_PROMISE}",
        "auto.offset.reset": "it is always `error`: where to start is said by `start` and `on_missing_offset` of a topic",
        "partition.assignment.strategy": "with group_protocol classic it is always cooperative-sticky, so that a rebalance "
        "stops only partitions that move; with consumer the brokers assign",
        "isolation.level": "it is always read_committed: an aborted record must not reach Front",
        "enable.partition.eof": "it is always on: the end of a partition moves the position past transaction markers",
        "allow.auto.create.topics": "a misspelt topic must be an error, not a new topic",
        "acks": f"dead letters are written with acks=all: {_PROMISE}",
        "request.required.acks": f"dead letters are written with acks=all: {_PROMISE}",
        "enable.idempotence": f"the producer of dead letters is always idempotent: {_PROMISE}",
        "transactional.id": "dead letters are not written in transactions: Front takes no part in one",
        "message.timeout.ms": "the connector bounds how long a dead letter is tried, then holds",
        "delivery.timeout.ms": "the connector bounds how long a dead letter is tried, then holds",
        "enable.gapless.guarantee": "an error of one dead letter must not end the producer",
        # Handled in the code.
        "enabled_events": "events are taken by the client library",
        "error_cb": "callbacks belong to the connector",
        "throttle_cb": "callbacks belong to the connector",
        "stats_cb": "callbacks belong to the connector",
        "log_cb": "callbacks belong to the connector",
        "oauth_cb": "callbacks belong to the connector; use sasl.oauthbearer.method oidc, or kafka.msk_iam",
        "on_delivery": "callbacks belong to the connector",
        "logger": "librdkafka logs through the connector's own log",
        "delivery.report.only.error": "every acknowledgement of a dead letter is waited for",
    }
)
