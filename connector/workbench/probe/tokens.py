"""The trials with tokens: one that is used twice, one for another channel, and `exp` further ahead or past than usual.

All of them carry an update of the channel that changes nothing.
"""

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from connector.adapters.front.tokens import Claims, JwtTokens, sign
from connector.core.answers import Answer, Answered
from connector.core.http_request import HttpRequest
from connector.core.outcome import proves_credentials
from connector.workbench.probe import thresholds
from connector.workbench.probe.asking import Asker, MakeToken, Stopped
from connector.workbench.probe.deciding import said, statuses, through, token_finding
from connector.workbench.probe.findings import Finding, Measured, NotDecidable
from connector.workbench.probe.thresholds import Bracket, Tried
from connector.workbench.probe.trial import Trial

SWITCHES: Final = ("jti_replay", "sub_mismatch", "jwt_leeway_s", "jwt_max_ttl_s")
_ANOTHER: Final = "cha_frontconnectorprobe"
_LIVES_S: Final = (10.0, 5.0, 3.0)
_QUESTIONS_MAX: Final = 20
_MARGIN_S: Final = 0.5
_CALIBRATIONS_MAX: Final = 6
_EXACT_S: Final = 0.2
_PHASE: Final = (0.25, 0.6)
"""Where in Front's second a token with a limit of whole seconds is sent: away from its ends."""
_WRONG: Final = "signed-by-nobody"


class Refused(Exception):
    """Front does not take our usual token; the text is the status that it answered."""


async def opened(trial: Trial) -> None:
    """The first requests: is Front there, and does it take our token? Raises `Refused`, or `Stopped` for anything else.

    A shorter life is tried too: the ceiling may be below the configured one.
    """
    asker = trial.asker
    given = asker.whom.tokens
    lives = [given]
    if isinstance(given, JwtTokens):
        lives += [replace(given, life_s=life) for life in _LIVES_S if life < given.life_s]
    seen: list[Answer] = []
    for tokens in lives:
        asker.with_tokens(tokens)
        for _ in range(2):
            seen.append(await asker.ask(trial.items.nothing(), asker.usual_token))
            if proves_credentials(seen[-1]):
                return
    refusals = {said(answer) for answer in seen} & {"401", "403"}
    if refusals:
        raise Refused(min(refusals))
    raise Stopped(f"an update of the channel that changes nothing got {said(seen[-1])}")


async def try_tokens(trial: Trial) -> None:
    """All of them; nothing is decided if Front takes a token that nobody signed."""
    asker = trial.asker
    tokens = asker.whom.tokens
    if not isinstance(tokens, JwtTokens):
        trial.undecided(SWITCHES, "the app has a fixed API token")
        trial.found["static_token"] = Measured("taken", "every request of this run had one")
        return
    trial.undecided(("static_token",), "the app signs its tokens: it has no API token to try")
    usual = await _usual(trial)
    if usual is None:
        trial.undecided(
            SWITCHES, "the same request with a usual token was answered differently from time to time"
        )
        return
    forged = await asker.settle(lambda _: trial.items.nothing(), _signer(asker, tokens, secret=_WRONG))
    if through(usual, forged) is not False:
        trial.undecided(
            SWITCHES, f"a token with a wrong signature is not refused: {', '.join(map(said, forged))}"
        )
        return
    trial.found["jti_replay"] = await _replay(trial, usual)
    other = await asker.settle(lambda _: trial.items.nothing(), _signer(asker, tokens, sub=_ANOTHER))
    trial.found["sub_mismatch"] = token_finding(usual, other)
    await calibrate(asker, trial.items.nothing())
    past = await _search(trial, usual, thresholds.PAST, lambda seconds: 1 - seconds)
    trial.found["jwt_leeway_s"] = (
        past if isinstance(past, NotDecidable) else thresholds.leeway(_mirrored(past))
    )
    ahead = await _search(trial, usual, thresholds.AHEAD, lambda seconds: seconds)
    trial.found["jwt_max_ttl_s"] = ahead if isinstance(ahead, NotDecidable) else thresholds.ttl(ahead)
    await _usual(trial)


def _mirrored(tried: Sequence[Tried]) -> list[Tried]:
    """Seconds past instead of ahead."""
    return [replace(one, low=-one.high, high=-one.low) for one in tried]


async def _usual(trial: Trial) -> int | None:
    """What a usual token gets, twice over; None if that is not one status."""
    answers = [await trial.asker.ask(trial.items.nothing()) for _ in range(2)]
    found = statuses(answers)
    if len(set(found)) != 1:
        trial.asker.for_no_reason |= set(found)
        return None
    return found[0] if found[0] not in (401, 403) else None


async def _replay(trial: Trial, usual: int) -> Finding:
    """A token that was let through, once more, and long before its end; a refusal is asked for with another one."""
    asker = trial.asker
    tokens = asker.whom.tokens
    assert isinstance(tokens, JwtTokens)
    again: list[Answer] = []
    for _ in range(4):
        made = [("", 0.0)]

        def new(made: list[tuple[str, float]] = made) -> str:
            made[0] = asker.usual_token(), asker.times.monotonic()
            return made[0][0]

        def old(made: list[tuple[str, float]] = made) -> str:
            return made[0][0]

        first = await asker.ask(trial.items.nothing(), new)
        asker.expect(first, (usual,))
        if statuses([first]) != [usual]:
            continue
        second = await asker.ask(trial.items.nothing(), old)
        # What waited for a limit may have come too late; `exp` has whole seconds.
        if asker.times.monotonic() - made[0][1] < tokens.life_s - 1 - _MARGIN_S:
            again.append(second)
        if len(statuses(again)) == 2:
            break
    return token_finding(usual, again)


async def calibrate(asker: Asker, request: HttpRequest) -> None:
    """Learn Front's clock more exactly: requests at the moments at which its second may change."""

    async def moment() -> None:
        await asker.times.sleep(-(asker.times.wall() + asker.server.middle) % 1.0)

    for _ in range(_CALIBRATIONS_MAX):
        if not asker.server.known or asker.server.high - asker.server.low <= _EXACT_S:
            return
        await asker.ask(request, moment=moment)


def _signer(
    asker: Asker,
    tokens: JwtTokens,
    *,
    sub: str | None = None,
    secret: str | None = None,
    exp: Callable[[], int] | None = None,
) -> MakeToken:
    """Tokens that differ from the usual ones in one thing."""

    def make() -> str:
        until = int(asker.server_wall() + tokens.life_s) if exp is None else exp()
        claims = Claims(tokens.app_uid, sub or asker.whom.channel, secrets.token_hex(16), until)
        return sign(claims, tokens.secret.value() if secret is None else secret)

    return make


async def _search(
    trial: Trial, usual: int, likely: Sequence[int], ahead: Callable[[int], int]
) -> list[Tried] | NotDecidable:
    """`exp` by bisection. `ahead`: for a question in seconds, `exp` less Front's whole second."""
    bracket, tried = Bracket(), list[Tried]()
    for _ in range(_QUESTIONS_MAX):
        question = bracket.question(likely)
        if question is None and bracket.holds == 0:
            break
        # In the end once more what was let through only once.
        one = await _tried(trial, usual, ahead(bracket.holds if question is None else question))
        if isinstance(one, NotDecidable):
            return one
        tried += one
        if question is None:
            break
        bracket = bracket.told(question, through=one[-1].through)
    return tried


async def _tried(trial: Trial, usual: int, ahead: int) -> list[Tried] | NotDecidable:
    """A token whose `exp` is so many seconds ahead: let through once, or refused twice."""
    tried: list[Tried] = []
    for _ in range(4):
        one = await _once(trial, usual, ahead)
        if one is not None:
            tried.append(one)
        if tried and (tried[0].through or len(tried) == 2):
            break
    if len({one.through for one in tried}) > 1:
        trial.asker.for_no_reason |= {one.status for one in tried}
        return NotDecidable("one token was refused, and another like it let through")
    if not tried or (not tried[0].through and len(tried) < 2):
        return NotDecidable("there was no usable answer to one of the tokens")
    return tried


async def _once(trial: Trial, usual: int, ahead: int) -> Tried | None:
    """One such token; None if there was no usable answer."""
    asker = trial.asker
    tokens = asker.whom.tokens
    assert isinstance(tokens, JwtTokens)
    made = (0, 0.0)

    def exp() -> int:
        nonlocal made
        wall = asker.times.wall()
        made = math.floor(wall + asker.server.middle) + ahead, wall
        return made[0]

    answer = await asker.ask(
        trial.items.nothing(), _signer(asker, tokens, exp=exp), lambda: _good_phase(asker)
    )
    asker.expect(answer, (usual, 401, 403))
    passed = through(usual, [answer, answer])
    if isinstance(passed, str) or not isinstance(answer, Answered):
        return None
    server = asker.server
    if not server.known:
        return Tried(-math.inf, math.inf, passed, answer.status)
    until, sent = made
    return Tried(until - asker.times.wall() - server.high, until - sent - server.low, passed, answer.status)


async def _good_phase(asker: Asker) -> None:
    """A token's `exp` has whole seconds: send it where Front's clock is surely within one."""
    low, high = _PHASE
    phase = (asker.times.wall() + asker.server.middle) % 1.0
    if not low <= phase <= high:
        await asker.times.sleep((low - phase) % 1.0)
