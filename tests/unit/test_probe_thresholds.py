"""How far ahead or past `exp` may be, found by questions: every limit, against a Front whose clock is known within bounds."""

import math
from collections.abc import Callable, Sequence

import pytest

from connector.workbench.probe.findings import Finding, Measured, NotDecidable
from connector.workbench.probe.thresholds import AHEAD, PAST, Bracket, ServerTime, Tried, leeway, ttl

QUESTIONS_MAX = 16


def searched(usual: Sequence[int], holds: Callable[[int], bool]) -> tuple[Bracket, int]:
    """The questions put to somebody who knows; what is left in the end, and how many there were."""
    bracket, asked = Bracket(), 0
    while (question := bracket.question(usual)) is not None:
        asked += 1
        assert asked <= 30, "it ends"
        bracket = bracket.told(question, through=holds(question))
    return bracket, asked


@pytest.mark.parametrize("usual", [AHEAD, PAST])
def test_every_limit_is_found_with_few_questions(usual: Sequence[int]) -> None:
    """Each whole second up to ten minutes; the believed one with one or two questions."""
    for limit in range(601):
        bracket, asked = searched(usual, lambda seconds, limit=limit: seconds <= limit)  # type: ignore[misc]
        assert (bracket.holds, bracket.fails) == (limit, limit + 1)
        assert asked <= (2 if limit == usual[0] else QUESTIONS_MAX), limit


def test_no_limit_ends_the_questions() -> None:
    """Beyond the largest usual value nothing is asked."""
    bracket, _ = searched(AHEAD, lambda _seconds: True)
    assert bracket.fails is None
    assert bracket.holds == max(AHEAD) + 1


def tried(
    limit: int, *, past: bool, offset: float, known: ServerTime, phase: float, latency: float = 0.05
) -> list[Tried]:
    """A whole search. Front's clock is `offset` ahead of ours and known as `known`; tokens go out at this phase of it."""
    found = []

    def through(seconds: int) -> bool:
        sent = 1000.0 + phase - known.middle
        exp = math.floor(sent + known.middle) + (1 - seconds if past else seconds)
        now = sent + latency / 2 + offset
        fine = exp + limit > now if past else exp <= now + limit
        low, high = exp - (sent + latency) - known.high, exp - sent - known.low
        if past:
            low, high = -high, -low
        found.append(Tried(low, high, fine, 204 if fine else 401))
        return fine

    bracket, _ = searched(PAST if past else AHEAD, through)
    if bracket.holds:
        through(bracket.holds)
    return found


def judged(found: Sequence[Tried], *, past: bool) -> Finding:
    return leeway(found) if past else ttl(found)


@pytest.mark.parametrize("past", [False, True])
@pytest.mark.parametrize("phase", [0.25, 0.4, 0.6])
@pytest.mark.parametrize("offset", [-0.05, 0.0, 0.08, 7.0, -3600.0])
def test_every_limit_is_measured_when_front_s_clock_is_known(past: bool, phase: float, offset: float) -> None:
    """Within 0.2 s, wherever it stands."""
    known = ServerTime(offset - 0.1, offset + 0.1)
    for limit in (*range(1, 70), 120, 137, 299, 600):
        finding = judged(tried(limit, past=past, offset=offset, known=known, phase=phase), past=past)
        assert isinstance(finding, Measured), (limit, finding)
        assert finding.value == limit
        assert finding.rests_on == {204, 401}


@pytest.mark.parametrize("past", [False, True])
@pytest.mark.parametrize("width", [0.0, 0.3, 0.7, 1.5, 4.0])
def test_what_is_claimed_is_true_however_little_is_known(past: bool, width: float) -> None:
    """With wide bounds nothing is claimed, rather than something wrong."""
    claimed = 0
    for limit in range(40):
        for step in range(5):
            phase, at = step / 5, (step * 7 % 5) / 4
            offset = width * at
            found = tried(limit, past=past, offset=offset, known=ServerTime(0.0, width), phase=phase)
            finding = judged(found, past=past)
            if isinstance(finding, Measured):
                claimed += 1
                assert finding.value == limit
    assert (claimed > 0) == (width < 1.0)


def test_a_limit_that_was_not_met_is_not_claimed() -> None:
    """What was let through is told."""
    assert ttl([Tried(3599.5, 3599.9, True, 204)]) == NotDecidable(
        "no limit was met: exp 3599 s ahead was let through"
    )
    assert leeway([Tried(600.1, 600.4, True, 204)]) == NotDecidable(
        "no token was refused: exp 600 s ago was let through"
    )
    assert ttl([Tried(4.5, 4.9, False, 401)]) == NotDecidable("no token was let through")


def test_a_clock_that_is_not_known_decides_nothing() -> None:
    """Answers without a usable Date."""
    nowhere = (Tried(-math.inf, math.inf, True, 204), Tried(-math.inf, math.inf, False, 401))
    unknown = NotDecidable("Front's clock is not known: its answers have no usable Date")
    assert ttl(nowhere) == unknown
    assert leeway(nowhere) == unknown
    assert not ServerTime().known
    assert ServerTime().ahead_s == 0


def test_answers_that_contradict_each_other_decide_nothing() -> None:
    """Let through further ahead than refused."""
    found = (Tried(40.1, 40.2, True, 204), Tried(20.1, 20.2, False, 401))
    assert ttl(found) == NotDecidable("the answers contradict each other")


def test_front_s_clock_is_narrowed_by_every_date() -> None:
    """`Date` is cut to whole seconds: each says between which bounds the clock stands, and together they say more."""
    server = ServerTime()
    offset = 0.3
    for at in (100.0, 101.65, 103.71, 105.9):
        server = server.heard(math.floor(at + offset), at, at)
    assert server.known
    assert server.low <= offset <= server.high
    assert server.high - server.low < 0.1
    assert server.ahead_s == pytest.approx(offset, abs=0.06)
    assert ServerTime(-0.2, 0.3).ahead_s == 0, "they may agree"


def test_dates_that_cannot_all_be_true_make_the_clock_unknown() -> None:
    """A proxy's date among Front's."""
    server = ServerTime().heard(100.0, 100.2, 100.3).heard(500.0, 101.2, 101.3)
    assert not server.known
    assert server.ahead_s == 0
