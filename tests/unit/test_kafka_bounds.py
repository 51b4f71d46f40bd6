"""Which offsets logs hold, asked of many partitions at once: a scripted client says what it was asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaException, TopicPartition

from connector.adapters.kafka.bounds import bounds


@dataclass
class Client:
    """Answers with what its logs hold when they are asked: a log is its first offset and its end."""

    logs: dict[int, tuple[int, int]]
    later: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """What they hold from the second question on."""
    asked: list[tuple[int, float]] = field(default_factory=list)
    """Partitions and seconds of each question."""

    def offsets_for_times(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        self.asked.append((len(partitions), timeout))
        answer = [
            TopicPartition(
                "t", tp.partition, self.logs[tp.partition][(OFFSET_BEGINNING, OFFSET_END).index(tp.offset)]
            )
            for tp in partitions
        ]
        self.logs.update(self.later)
        return answer


def wanted(*numbers: int) -> list[TopicPartition]:
    return [TopicPartition("t", number, 77) for number in numbers]


def test_many_partitions_are_two_questions_within_one_bound() -> None:
    """However many there are: the look-up is part of a callback inside which nothing is polled."""
    client = Client({number: (number, 1000 + number) for number in range(500)})
    found = bounds(client, wanted(*range(500)), 10.0)
    assert found == {("t", number): (number, 1000 + number) for number in range(500)}
    assert [partitions for partitions, _ in client.asked] == [500, 500]
    assert sum(seconds for _, seconds in client.asked) == 10.0


def test_a_log_that_retention_emptied_between_the_questions_is_empty() -> None:
    """Its first offset is above the end that was told a moment before: no log ends before it begins."""
    client = Client({0: (3, 10)}, later={0: (14, 14)})
    assert bounds(client, wanted(0), 10.0) == {("t", 0): (14, 14)}


def test_nothing_is_asked_about_no_partitions() -> None:
    """The client refuses an empty list; an assignment may be empty."""
    client = Client({})
    assert bounds(client, [], 10.0) == {}
    assert client.asked == []


def test_an_answer_without_an_offset_is_no_offset() -> None:
    """It would be taken for an end below every committed one."""
    with pytest.raises(KafkaException, match="OFFSET_NOT_AVAILABLE"):
        bounds(Client({0: (0, 5), 1: (0, OFFSET_END)}), wanted(0, 1), 10.0)
