"""What one turn of the polling thread hands over, on a scripted client."""

from collections.abc import Callable
from typing import Any, cast

from confluent_kafka import Message

from connector.adapters.kafka.consumer import KafkaSource
from connector.adapters.kafka.options import SourceOptions
from connector.core.records import Epoch, Record
from tests.support.world import TP, Facts

OPTIONS = SourceOptions(
    properties={},
    connection={},
    topics={TP.topic: "earliest"},
    on_missing_offset={TP.topic: "hold"},
    dead_letter_topic="dlq",
)


class Polled:
    """A message as the client gives it."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def offset(self) -> int:
        return self._offset

    def topic(self) -> str:
        return TP.topic

    def partition(self) -> int:
        return TP.partition

    def error(self) -> None:
        return None

    def leader_epoch(self) -> int:
        return 0

    def timestamp(self) -> tuple[int, int]:
        return 1, 0

    def headers(self) -> None:
        return None

    def key(self) -> None:
        return None

    def value(self) -> bytes:
        return b""


class Client:
    """Its `consume` runs callbacks, as the real one does, before it gives messages."""

    def __init__(self, first: int, then: list[int], callback: Callable[[], None]) -> None:
        self._first = first
        self._then = then
        self._callback = callback

    def poll(self, timeout: float) -> Message:
        return cast(Message, Polled(self._first))

    def consume(self, num_messages: int, timeout: float) -> list[Message]:
        self._callback()
        return [cast(Message, Polled(offset)) for offset in self._then]


class Sink:
    def __init__(self) -> None:
        self.got: list[tuple[int, Epoch]] = []

    def received(self, records: tuple[Record, ...]) -> None:
        self.got += [(record.offset, record.epoch) for record in records]


class Bridge:
    def tell_loop(self, function: Any, *args: object) -> None:
        function(*args)


def turn(then: list[int], callback: Callable[[KafkaSource], None]) -> list[tuple[int, Epoch]]:
    """What the sink gets of a poll that gives offset 7, while the partition's assignment has epoch 1."""
    source = KafkaSource(OPTIONS, Facts(), lambda _code: None)
    sink = Sink()
    source._sink, source._bridge = cast(Any, sink), cast(Any, Bridge())
    source.assignments._epochs[TP] = Epoch(1)
    source._thread_poll(cast(Any, Client(7, then, lambda: callback(source))))
    return sink.got


def test_reb_03_a_message_polled_before_its_partition_left_and_returned_is_not_the_new_assignments() -> None:
    """A rebalance inside `consume` takes the partition away and gives it back at 3: the old 7 would pass over 3 to 6."""

    def rebalance(source: KafkaSource) -> None:
        source.assignments._epochs[TP] = Epoch(2)

    assert turn([3, 4], rebalance) == [(3, Epoch(2)), (4, Epoch(2))]


def test_reb_03_a_message_of_a_partition_that_left_is_dropped() -> None:
    """It is the next owner's."""
    assert turn([], lambda source: source.assignments._forget([TP])) == []


def test_what_is_polled_is_handed_over_in_order() -> None:
    """Without a rebalance the first message and the rest belong together."""
    assert turn([8, 9], lambda _source: None) == [(7, Epoch(1)), (8, Epoch(1)), (9, Epoch(1))]
