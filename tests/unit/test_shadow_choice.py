"""What `shadow` is asked to read: the choice in numbers and in words, and what is wrong with one."""

import pytest

from connector.adapters.kafka.reading import Last, Selection, Window
from connector.workbench.shadow.choice import Asked, BadChoice, chosen
from connector.workbench.shadow.run import Options

NOON_MS = 1_769_860_800_000
"""2026-01-31T12:00:00Z."""


@pytest.mark.parametrize(
    ("asked", "selection", "words"),
    [
        (Asked(), Last(10_000), "the last 10,000 records of each topic"),
        (Asked(last=5, topics=("a", "b")), Last(5), "the last 5 records of a, b"),
        (Asked(dead_letters=True), Last(10_000), "the last 10,000 dead letters"),
        (Asked(last=5, dead_letters=True, topics=("a",)), Last(5), "the last 5 dead letters of a"),
        (
            Asked(from_="2026-01-31T12:00:00Z"),
            Window(NOON_MS),
            "records from 2026-01-31T12:00:00Z of each topic",
        ),
        (
            Asked(from_="2026-01-31T13:00+01:00", to=str(NOON_MS + 1000), topics=("a",)),
            Window(NOON_MS, NOON_MS + 1000),
            "records from 2026-01-31T12:00:00Z to before 2026-01-31T12:00:01Z of a",
        ),
        (
            Asked(from_="2026-01-31", dead_letters=True),
            Window(NOON_MS - 43_200_000),
            "dead letters from 2026-01-31T00:00:00Z",
        ),
    ],
)
def test_a_choice_is_read_and_said_in_words(asked: Asked, selection: Selection, words: str) -> None:
    """A time without a zone is UTC; the words go into the report."""
    options = chosen(asked)
    assert isinstance(options, Options)
    assert (options.selection, options.described) == (selection, words)
    assert (options.topics, options.dead_letters) == (asked.topics, asked.dead_letters)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (
            Asked(last=5, from_="2026-01-31"),
            "--last and --from/--to choose records in two ways: give one of them",
        ),
        (Asked(to="2026-01-31"), "--to needs --from: where does the window begin?"),
        (Asked(from_="2026-01-31", to="2026-01-31"), "--from must be before --to"),
        (
            Asked(from_="yesterday"),
            "--from yesterday: give a time as 2026-01-31T12:00:00Z, 2026-01-31 or milliseconds since 1970",
        ),
        (
            Asked(from_="2026-01-31", to="9" * 30),
            f"--to {'9' * 30}: give a time as 2026-01-31T12:00:00Z, 2026-01-31 or milliseconds since 1970",
        ),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused_in_a_sentence(asked: Asked, why: str) -> None:
    """With what to do."""
    assert chosen(asked) == BadChoice(why)
