"""Which offsets logs hold: the first one, and the end up to which a client reads. Never here: what follows from that."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, TopicPartition


class _Asked(Protocol):
    """The one call of `confluent_kafka.Consumer` that is used."""

    def offsets_for_times(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]: ...


def bounds(
    consumer: _Asked, wanted: Sequence[TopicPartition], within_s: float
) -> Mapping[tuple[str, int], tuple[int, int]]:
    """By topic and partition: the first offset, and the end; with `read_committed` that is the last stable one (KIP-98).

    `within_s` bounds it for all of them together: their leaders are asked side by side. Raises KafkaException.
    """
    if not wanted:
        return {}
    # First offsets only rise: asked last, none is told that was gone before its end was.
    ends = _asked(consumer, wanted, OFFSET_END, within_s / 2)
    lows = _asked(consumer, wanted, OFFSET_BEGINNING, within_s / 2)
    return {place: (low, max(low, ends[place])) for place, low in lows.items()}


def _asked(
    consumer: _Asked, wanted: Sequence[TopicPartition], which: int, within_s: float
) -> dict[tuple[str, int], int]:
    """In place of a time the brokers take -1 for the end and -2 for the beginning (ListOffsets), and the client lets them."""
    asked = [TopicPartition(tp.topic, tp.partition, which) for tp in wanted]
    found = consumer.offsets_for_times(asked, timeout=within_s)
    for tp in found:
        if tp.error is not None:
            raise KafkaException(tp.error)
        if tp.offset < 0:
            raise KafkaException(KafkaError(KafkaError.OFFSET_NOT_AVAILABLE))
    return {(tp.topic, tp.partition): tp.offset for tp in found}
