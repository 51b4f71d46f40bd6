"""The parts of the benchmark that need no broker. tests/kafka/test_benchmark.py runs it whole."""

from collections import Counter

from tests.benchmark.sink import probe, running_sink
from tests.benchmark.throughput import KEYS, values


def test_every_key_of_the_traffic_occurs_equally_often_and_always_in_the_same_order() -> None:
    """Rounds and runs are comparable only if they carry the same records."""
    made = values(2 * KEYS)
    assert set(Counter(key for key, _ in made).values()) == {2}
    assert made == values(2 * KEYS)


def test_the_sink_counts_what_it_answered() -> None:
    """Each listener has its own count, and a reset begins anew."""
    with running_sink([0.0, 0.001]) as (immediate, slow):
        assert probe(immediate, 40, 4) > 0
        assert (immediate.answered, slow.answered) == (40, 0)
        slow.reset()
        probe(slow, 8, 4)
        assert slow.answered == 8
        assert slow.took_s >= 0.001
