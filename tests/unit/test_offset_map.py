"""The text beside a committed offset: believed only with its identity, and harmless when cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.offset_map import MAX_METADATA, Believed, LogIdentity, Refused, read, write

LOG = LogIdentity("cluster-1", "topic-1")


@st.composite
def runs(draw: st.DrawFn) -> tuple[int, tuple[tuple[int, int], ...]]:
    offset = draw(st.integers(0, 2**40))
    steps = draw(st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 1000)), max_size=3000))
    made, position = [], offset
    for gap, length in steps:
        made.append((position + gap, position + gap + length))
        position += gap + length
    return offset, tuple(made)


@given(runs(), st.booleans(), st.integers(60, MAX_METADATA))
def test_what_is_read_back_is_what_was_written_or_a_prefix_of_it(
    drawn: tuple[int, tuple[tuple[int, int], ...]], released: bool, limit: int
) -> None:
    """decode(cut(x)) is within x for every length limit, and the text stays ASCII and within it."""
    offset, settled = drawn
    text = write(LOG, offset, settled, released=released, limit=limit)
    assert text.isascii()
    assert len(text) <= limit
    believed = read(text, LOG, offset)
    assert isinstance(believed, Believed)
    assert believed.released is released
    assert believed.settled == settled[: len(believed.settled)]


def test_two_thousand_small_holes_fit_into_the_budget() -> None:
    """Alternating settled and unsettled offsets cost two bytes a pair, so a usual backlog is remembered whole."""
    settled = tuple((number, number + 1) for number in range(1, 2801, 2))
    believed = read(write(LOG, 0, settled, released=False), LOG, 0)
    assert isinstance(believed, Believed)
    assert believed.settled == settled


@pytest.mark.parametrize(
    ("log", "offset", "reason"),
    [
        (LogIdentity("cluster-2", "topic-1"), 5, "cluster"),
        (LogIdentity("cluster-1", "topic-2"), 5, "topic"),
        (LOG, 6, "offset"),
    ],
)
def test_led_17_a_map_of_another_log_or_offset_is_refused(log: LogIdentity, offset: int, reason: str) -> None:
    """A mirrored group, a recreated topic and an operator's reset are told apart."""
    text = write(LOG, 5, ((6, 9),), released=True)
    assert read(text, log, offset) == Refused(reason)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["{}", "\x00\x01", "e" * 4096, "fc1;a;b", "fc1;;;;;;", "fc1;a;b;5;r;AAA;00000000"]
)
def test_led_17_strangers_text_is_refused_without_raising(text: str) -> None:
    """Another program's metadata is ignored, with a reason."""
    assert isinstance(read(text, LOG, 5), Refused)


@given(st.text(max_size=200))
def test_led_17_no_text_whatever_raises(text: str) -> None:
    """Anybody may have written the metadata."""
    assert read(text, LOG, 5) is None or isinstance(read(text, LOG, 5), Refused)
    assert read("fc1;" + text, LOG, 5) is not None


@given(st.integers(0, 60), st.characters(codec="ascii"))
def test_one_changed_character_is_noticed(index: int, character: str) -> None:
    """The checksum covers everything before it."""
    text = write(LOG, 5, ((6, 9), (12, 80)), released=True)
    changed = text[: index % len(text)] + character + text[index % len(text) + 1 :]
    assert changed == text or not isinstance(read(changed, LOG, 5), Believed)


def test_no_text_is_no_map() -> None:
    """A first start has nothing to believe or refuse."""
    assert read(None, LOG, 0) is None
    assert read("", LOG, 0) is None
