"""What Kafka allows this user: the questions that the service itself asks before it joins the group."""

from collections.abc import Sequence

from connector.adapters.kafka.starts import is_mock
from connector.ports import StartupRefused
from connector.workbench.doctor.kafka import Kafka
from connector.workbench.doctor.results import Fine, Result, Warn, Wrong


async def look(kafka: Kafka) -> Sequence[Result]:
    """Rights on topics and group, and the group's own time-outs under the protocol consumer."""
    assert kafka.metadata is not None, "brokers ended well"
    if is_mock(kafka.metadata):
        return (Fine("librdkafka's mock cluster knows no rights"),)
    return await kafka.ask(lambda: _asked(kafka))


def _asked(kafka: Kafka) -> Sequence[Result]:
    try:
        kafka.options.checks(kafka.log, kafka.options.connection)
    except StartupRefused as refused:
        return (Wrong(str(refused)),)
    if "group.times_unknown" in kafka.log.warnings:
        return (
            Warn(
                "the brokers do not tell the group's time-outs, so kafka.session_timeout_s is not held against them",
                f"grant DescribeConfigs on group {kafka.group}",
            ),
        )
    return (Fine("read the topics, use the group, write dead letters"),)
