"""The rolling maximum against the plain one, over all values that the window holds."""

from hypothesis import given
from hypothesis import strategies as st

from connector.core.rolling import RollingMaximum


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 5)), min_size=1), st.integers(0, 40))
def test_it_is_the_largest_value_of_the_window(values: list[tuple[int, int]], later: int) -> None:
    """After every value and some time after the last; looking changes nothing."""
    rolling, now, seen = RollingMaximum(30.0), 0, []
    for after, value in values:
        now += after
        rolling.add(value, now)
        seen.append((now, value))
        assert rolling.over(now) == max(value for at, value in seen if at > now - 30)
    end = now + later
    expected = max((value for at, value in seen if at > end - 30), default=None)
    assert rolling.over(end) == rolling.over(end) == expected


def test_it_keeps_only_what_may_still_be_the_largest() -> None:
    """Ten beats a second for an hour: a rising delay keeps one value, and old ones go."""
    rolling = RollingMaximum(30.0)
    for beat in range(36_000):
        rolling.add(float(beat), beat / 10)
    assert len(rolling._falling) == 1
    assert rolling.over(3600.0) == 35_999.0
    assert rolling.over(4000.0) is None
