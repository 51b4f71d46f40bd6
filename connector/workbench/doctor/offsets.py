"""Where reading would begin: committed offsets held against what the logs hold. Commits nothing."""

from collections.abc import Mapping, Sequence

from confluent_kafka import TopicPartition

from connector.adapters.kafka.bounds import bounds
from connector.adapters.kafka.runtime import Runtime
from connector.adapters.kafka.starts import Known, Position, identify, positions, read_committed
from connector.config.problems import counted
from connector.core.mapping import Start, StartAt
from connector.workbench.doctor.kafka import REQUEST_S, Kafka
from connector.workbench.doctor.results import Fine, Result, Warn, Wrong

_NUMBERS_MAX = 5


async def look(kafka: Kafka) -> Sequence[Result]:
    """Each topic by itself."""
    return await kafka.ask(lambda: _asked(kafka))


def _asked(kafka: Kafka) -> Sequence[Result]:
    options = kafka.options
    known = Known(
        logs=identify(kafka.consumer, Runtime().topic_ids(options.connection), tuple(options.topics))
    )
    assert kafka.metadata is not None, "topics ended well"
    found: list[Result] = []
    for topic, start in options.topics.items():
        wanted = [TopicPartition(topic, number) for number in kafka.metadata.topics[topic].partitions]
        committed = read_committed(kafka.consumer, wanted)
        begun = [tp.partition for tp in committed if tp.offset >= 0]
        if not begun and options.group_is_new:
            held = bounds(kafka.consumer, wanted, REQUEST_S).values()
            found.append(first_start(topic, start, sum(high - low for low, high in held)))
            continue
        # As the service counts it: up to the highest partition with an offset each must have one.
        known.begun[topic] = 1 + max(begun) if begun else len(wanted)
        told = positions(kafka.consumer, committed, known)
        found += begun_topic(topic, told, options.on_missing_offset[topic])
    return found


def first_start(topic: str, start: Start, records: int) -> Result:
    """A topic of which the group has committed nothing yet. `records`: all that the log holds."""
    at = f"timestamp:{start.timestamp_ms}" if isinstance(start, StartAt) else start
    return Fine(
        f"{topic}: nothing is committed yet, so it begins at start ({at}); its log holds {_records(records)}"
    )


def begun_topic(topic: str, told: Mapping[tuple[str, int], Position], on_missing: str) -> Sequence[Result]:
    """A topic that the group has worked on: what waits, or which offsets are of no use."""
    faulty = {number: found for (_, number), found in told.items() if found.fault is not None}
    if not faulty:
        waiting = sum(found.end - max(found.offset, found.low) for found in told.values())
        return (Fine(f"{topic}: {_records(waiting)} waiting"),)
    return [
        _fault(topic, number, found, on_missing) for number, found in sorted(faulty.items())[:_NUMBERS_MAX]
    ]


def _fault(topic: str, number: int, found: Position, on_missing: str) -> Result:
    where = f"{topic}, partition {number}"
    match found.fault:
        case "out_of_range":
            what = (
                f"{where}: offset {found.offset} is committed, and the log holds {found.low} to {found.end}"
            )
        case "another_topic":
            what = f"{where}: the offset is of a topic of this name that was deleted since"
        case _:
            what = f"{where}: its offset has expired or was deleted, other partitions have theirs"
    if on_missing == "hold":
        return Wrong(
            what,
            "the partition would be held: set its offset with Kafka's own tool while the group has no member, or say "
            "on_missing_offset in the mapping file",
        )
    return Warn(f"{what}: on_missing_offset is {on_missing}, {_records(found.concerned)} concerned")


def _records(number: int) -> str:
    return counted(number, "record")
