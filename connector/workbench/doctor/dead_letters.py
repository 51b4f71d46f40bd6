"""The dead-letter topic beside the topics that it must take records of: sizes, and how long letters stay."""

from collections.abc import Mapping, Sequence
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from connector.adapters.kafka.starts import is_mock
from connector.workbench.doctor.kafka import REQUEST_S, Kafka
from connector.workbench.doctor.results import Fine, NotChecked, Result, Warn, Wrong

_SIZE: Final = "max.message.bytes"
_DAY_MS: Final = 86_400_000
_SHORT_MS: Final = 7 * _DAY_MS

Config = Mapping[str, str]


async def look(kafka: Kafka) -> Sequence[Result]:
    """The topics' own settings."""
    assert kafka.metadata is not None, "brokers ended well"
    if is_mock(kafka.metadata):
        return (NotChecked("librdkafka's mock cluster cannot be asked this"),)
    return await kafka.ask(lambda: _asked(kafka))


def _asked(kafka: Kafka) -> Sequence[Result]:
    letters = kafka.options.dead_letter_topic
    resources = {name: ConfigResource(ResourceType.TOPIC, name) for name in (*kafka.options.topics, letters)}
    futures = kafka.admin.describe_configs(list(resources.values()), request_timeout=REQUEST_S)
    told: dict[str, Config] = {}
    denied: list[str] = []
    for name, resource in resources.items():
        try:
            entries = futures[resource].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise
            denied.append(name)
        else:
            told[name] = {key: str(entry.value) for key, entry in entries.items()}
    if denied:
        names = ", ".join(denied)
        return (NotChecked(f"{letters} is there; its settings need DescribeConfigs on topic {names}"),)
    return judged(letters, told.pop(letters), told)


def judged(letters: str, own: Config, sources: Mapping[str, Config]) -> Sequence[Result]:
    """Whether a letter of each source's largest record fits, and is kept. Configs as the brokers tell them."""
    found: list[Result] = []
    if "compact" in own.get("cleanup.policy", ""):
        found.append(
            Wrong(
                f"{letters} is compacted: of letters with the same key only the last would stay",
                "set its cleanup.policy to delete",
            )
        )
    room = int(own[_SIZE])
    larger = {name: int(config[_SIZE]) for name, config in sources.items() if int(config[_SIZE]) > room}
    if larger:
        names = ", ".join(f"{name} ({size})" for name, size in larger.items())
        found.append(
            Warn(
                f"{letters} takes records up to {room} bytes, and {names} larger ones: what does not fit holds its partition",
                f"raise {_SIZE} of {letters} above theirs: a letter has headers on top",
            )
        )
    kept_ms = int(own.get("retention.ms", "-1"))
    if 0 <= kept_ms < _SHORT_MS:
        found.append(
            Warn(
                f"{letters} keeps letters for {_days(kept_ms)} only",
                "raise its retention.ms: somebody has to read them before",
            )
        )
    kept = "for ever" if kept_ms < 0 else f"for {_days(kept_ms)}"
    return found or (Fine(f"{letters} takes records up to {room} bytes and keeps them {kept}"),)


def _days(milliseconds: int) -> str:
    days = milliseconds / _DAY_MS
    return f"{days:g} days" if days >= 2 else f"{milliseconds / 3_600_000:.3g} hours"
