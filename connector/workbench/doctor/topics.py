"""Do the topics exist, and does each partition have a leader?"""

from collections.abc import Sequence

from confluent_kafka.admin._metadata import ClusterMetadata, TopicMetadata

from connector.adapters.kafka.starts import require_topics
from connector.config.problems import counted, did_you_mean
from connector.ports import StartupRefused
from connector.workbench.doctor.kafka import REQUEST_S, Kafka
from connector.workbench.doctor.results import Fine, Result, Wrong

_NAMES_MAX = 20
"""Topics that a sentence lists; a cluster may have thousands."""


async def look(kafka: Kafka) -> Sequence[Result]:
    """The mapped ones and the one for dead letters, asked anew: rights may have hidden them before."""
    return await kafka.ask(lambda: _asked(kafka))


def _asked(kafka: Kafka) -> Sequence[Result]:
    kafka.metadata = kafka.consumer.list_topics(timeout=REQUEST_S)
    return judged(kafka.metadata, tuple(kafka.options.topics), kafka.options.dead_letter_topic)


def judged(metadata: ClusterMetadata, sources: Sequence[str], letters: str) -> Sequence[Result]:
    """What is missing, or without a leader; each topic by itself, so that all are told."""
    # A source is its own dead-letter topic here: that it exists is asked once.
    asked = [(topic, (topic,), topic) for topic in sources] + [(letters, (), letters)]
    names = [name for name in metadata.topics if not name.startswith("__")]
    missing = []
    for topic, mapped, own_letters in asked:
        try:
            require_topics(metadata, mapped, own_letters)
        except StartupRefused as refused:
            missing.append(Wrong(str(refused), _hint(topic, names)))
    if missing:
        return missing
    found = {name: metadata.topics[name] for name in (*sources, letters)}
    leaderless = [Wrong(*_leaderless(name, topic)) for name, topic in found.items() if _without_leader(topic)]
    told = ", ".join(
        f"{name} ({counted(len(topic.partitions), 'partition')})" for name, topic in found.items()
    )
    return leaderless or (Fine(told),)


def _hint(topic: str, names: Sequence[str]) -> str | None:
    said = did_you_mean(topic, names)
    return said if len(names) <= _NAMES_MAX or not said.startswith("choose") else None


def _without_leader(topic: TopicMetadata) -> list[int]:
    return sorted(number for number, partition in topic.partitions.items() if partition.leader < 0)


def _leaderless(name: str, topic: TopicMetadata) -> tuple[str, str]:
    numbers = _without_leader(topic)
    shown = ", ".join(map(str, numbers[:5])) + (", …" if len(numbers) > 5 else "")
    return (
        f"{name}: no broker leads {counted(len(numbers), 'partition')} ({shown})",
        "its replicas are down: start their brokers; until then these partitions are not read",
    )
