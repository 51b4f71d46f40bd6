"""What answers of Front say about its limits: of requests, of their wait, of their size."""

from typing import Any

import pytest

from connector.core.answers import Answer, Answered, NotSent, Unknown
from connector.workbench.probe import deciding
from connector.workbench.probe.findings import (
    Finding,
    Measured,
)

SILENCE: tuple[Answer, ...] = (NotSent("connect"), Unknown("timeout"), Unknown("protocol"))


def answered(*statuses: int) -> list[Answer]:
    return [Answered(status) for status in statuses]


def told(finding: Finding) -> Any:
    """The value, or the name of what there is instead of one."""
    return finding.value if isinstance(finding, Measured) else type(finding).__name__


# --- limits ------------------------------------------------------------------------------------------------------


def with_header(name: str, *values: str) -> list[Answer]:
    return [Answered(202, {name: value}) for value in values]


def test_a_limit_is_what_all_answers_say_it_is() -> None:
    """Not one that changes, is no number, or is not told."""
    name = "x-ratelimit-limit"
    assert told(deciding.told_limit(name, [*with_header(name, "50", "50"), *answered(202)])) == 50
    for values in (("50", "100"), ("many",), ("-1",), ("1.5",), ()):
        assert told(deciding.told_limit(name, [*with_header(name, *values), *SILENCE])) == "NotDecidable"


def test_the_tier_is_never_decided() -> None:
    """Its number is passed on."""
    assert deciding.tier(with_header("x-front-tier", "2", "2")).why.startswith("x-front-tier says 2; ")
    assert deciding.tier(answered(202)).why.startswith("no answer had x-front-tier; ")


@pytest.mark.parametrize(
    ("header", "text", "style", "wait"),
    [
        ("1", "", "seconds", 1.0),
        ("2", "Please retry in 1341 milliseconds.", "seconds", 2.0),
        ("0.341", "", "fraction", 0.341),
        (None, "Please retry in 341 milliseconds.", "text_only", 0.341),
        (None, "", "absent", 8.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", "", "Otherwise", 8.0),
        ("soon", "", "Otherwise", 8.0),
        ("-5", "", "Otherwise", 8.0),
    ],
)
def test_how_a_429_says_its_wait(header: str | None, text: str, style: str, wait: float) -> None:
    """And how long the probe waits: 8 s here, where it says nothing readable."""
    answer = Answered(429, {} if header is None else {"retry-after": header}, text.encode())
    assert told(deciding.retry_style([answer, *answered(202)])) == style
    assert deciding.wait_s(answer, 8.0) == wait


def test_429s_that_differ_or_were_not_met_tell_nothing() -> None:
    """No limit is provoked to find out."""
    differing = [Answered(429, {"retry-after": "1"}), Answered(429)]
    assert told(deciding.retry_style(differing)) == "NotDecidable"
    assert told(deciding.retry_style(answered(202))) == "NotDecidable"


# --- uploads -----------------------------------------------------------------------------------------------------

SIZES = ("size_limit", "size_limit_per", "size_limit_status")


@pytest.mark.parametrize(
    ("request_", "beyond", "file", "file_beyond", "expected"),
    [
        (202, 400, None, None, (25_000_000, "request", "400")),
        (202, 413, None, None, (25_000_000, "request", "413")),
        (202, 422, None, None, (25_000_000, "request", "Otherwise")),
        (202, 202, 202, 413, (25_000_000, "file", "413")),
        (202, 202, 202, 202, ("Otherwise", "NotDecidable", "NotDecidable")),
        (202, 202, 413, 413, ("Otherwise", "NotDecidable", "NotDecidable")),
        (202, 202, 202, 500, ("NotDecidable",) * 3),
        (202, 202, None, None, ("NotDecidable",) * 3),
        (400, 400, None, None, ("NotDecidable",) * 3),
        (202, 500, None, None, ("NotDecidable",) * 3),
        (None, None, None, None, ("NotDecidable",) * 3),
    ],
)
def test_the_size_of_requests(
    request_: int | None,
    beyond: int | None,
    file: int | None,
    file_beyond: int | None,
    expected: tuple[Any, ...],
) -> None:
    """A request of the limit's size and of a byte more; where both are taken, files of these sizes."""

    def twice(status: int | None) -> list[Answer]:
        return answered(status, status) if status is not None else []

    sizes = deciding.Sizes(
        request=twice(request_),
        request_beyond=twice(beyond),
        file=twice(file),
        file_beyond=twice(file_beyond),
    )
    found = deciding.size(sizes)
    assert tuple(told(found[name]) for name in SIZES) == expected
    assert sizes.need_files == (request_ == beyond == 202)
