"""The sample of order keys that come from two partitions."""

from hypothesis import given
from hypothesis import strategies as st

from connector.core.key_sample import ONE_IN, KeySample
from connector.core.records import OrderKey, TopicPartition

ONE, TWO, ELSEWHERE = TopicPartition("calls", 0), TopicPartition("calls", 1), TopicPartition("notes", 0)
KEY = ("call", "cha_1", "leg-1")


def test_led_22_a_key_that_changes_its_partition_is_told_once() -> None:
    """However often its records come from here and there: keys are counted, not records."""
    sample = KeySample(one_in=1)
    places = [ONE, ONE, TWO, ONE, TWO, TWO, ELSEWHERE]
    assert [sample.strays(KEY, place) for place in places] == [False, False, True, False, False, False, False]


def test_ord_09_a_key_of_two_topics_is_told() -> None:
    """Between topics there is no order either."""
    sample = KeySample(one_in=1)
    assert [sample.strays(KEY, place) for place in (ONE, ELSEWHERE)] == [False, True]


def test_a_channels_own_key_is_told_within_a_topic_only() -> None:
    """Its settings in one topic and its templates in another are as it should be; its settings in two partitions are not."""
    sample = KeySample(one_in=1)
    channel = ("channel", "cha_1")
    assert [sample.strays(channel, place) for place in (ONE, ELSEWHERE, TWO)] == [False, False, True]


def test_parts_of_a_key_are_told_apart() -> None:
    """Keys that are alike when written as one text are different keys."""
    sample = KeySample(one_in=1)
    assert not sample.strays(("a", "b\0c"), ONE)
    assert not sample.strays(("a\0b", "c"), TWO)


def test_a_key_may_hold_half_a_surrogate_pair() -> None:
    """A mapper may return such a text; that is no defect of ours."""
    assert not KeySample(one_in=1).strays(("call", "\ud800"), ONE)


def test_one_key_in_sixteen_is_watched_and_always_the_same_ones() -> None:
    """Two processes, or two runs, watch the same keys."""

    def told() -> list[OrderKey]:
        sample = KeySample()
        keys = [("call", "cha_1", f"leg-{number}") for number in range(16_000)]
        return [key for key in keys if [sample.strays(key, tp) for tp in (ONE, TWO)] == [False, True]]

    assert told() == told()
    assert 800 < len(told()) < 1200
    assert ONE_IN == 16


def test_a_key_that_is_not_watched_is_never_told() -> None:
    """What is not looked at is not known to stray, wherever it comes from."""
    sample = KeySample(one_in=2**32)
    assert not any(
        sample.strays(("call", "cha_1", f"leg-{number}"), tp) for number in range(9) for tp in (ONE, TWO)
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([ONE, TWO])), max_size=60), st.integers(1, 5))
def test_no_more_keys_are_remembered_than_the_bound_and_none_is_told_wrongly(
    seen: list[tuple[int, TopicPartition]], bound: int
) -> None:
    """A key that is told was in another partition before; one that is among the last `bound` and moves is always told."""
    sample = KeySample(one_in=1, remembered=bound)
    places: dict[int, set[TopicPartition]] = {}
    told: set[int] = set()
    for at, (number, tp) in enumerate(seen):
        since = next((back for back in range(at - 1, -1, -1) if seen[back][0] == number), None)
        between = {other for other, _ in seen[since + 1 : at]} if since is not None else set()
        strays = sample.strays((str(number),), tp)
        if since is not None and len(between) < bound and number not in told:
            assert strays is (seen[since][1] != tp)
        if strays:
            assert places[number] - {tp}
        forgotten = since is None or len(between) >= bound
        told = (told - {number} if forgotten else told) | ({number} if strays else set())
        places.setdefault(number, set()).add(tp)
        assert len(sample._seen) <= bound
