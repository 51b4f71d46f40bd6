"""One run from its first request to its last: the order of the trials, and the tidying up whatever happened.

Messages and calls come before the trials with tokens, so that by then Front's clock is known from many answers; large files
come last, as they may fill a limit.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from connector.workbench.probe import calls, deciding, messages, tokens, uploads
from connector.workbench.probe.asking import Asker, Stopped, status_counts
from connector.workbench.probe.beliefs import BELIEFS
from connector.workbench.probe.findings import demoted
from connector.workbench.probe.items import Items
from connector.workbench.probe.report import Report
from connector.workbench.probe.trial import Trial

_TIDY_S: Final = 60.0
"""For ending calls, after which the run ends anyway."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run's report. `interrupted`: by Ctrl-C, after which only tidying up was done."""

    report: Report
    interrupted: bool = False


def _untold(_what: str) -> None:
    """For those who do not want to hear."""


async def probe(
    asker: Asker, items: Items, *, large: bool = False, tell: Callable[[str], None] = _untold
) -> Ended:
    """All trials; `tell` hears which is next.

    Raises `tokens.Refused` if Front does not take our token, `Stopped` if it cannot be reached at all.
    """
    trial = Trial(asker, items)
    began_wall, began = asker.times.wall(), asker.times.monotonic()
    await tokens.opened(trial)
    stopped: str | None = None
    interrupted = False
    open_calls: tuple[str, ...] = ()
    try:
        await _all(trial, tell, large=large)
    except Stopped as why:
        stopped = str(why)
    except asyncio.CancelledError:
        interrupted, stopped = True, "it was interrupted"
        task = asyncio.current_task()
        assert task is not None, "it runs in a task"
        task.uncancel()
    finally:
        open_calls = await _tidied(trial)
    trial.undecided(BELIEFS, stopped or "it was not tried")
    report = Report(
        channel=asker.whom.channel,
        base_url=asker.whom.base_url,
        run=items.run,
        began=began_wall,
        took_s=asker.times.monotonic() - began,
        requests=asker.sent,
        answers=status_counts(asker.answers),
        findings=demoted(trial.found, asker.for_no_reason),
        conversation=items.conversation,
        messages=trial.messages,
        calls_open=open_calls,
        ahead_s=asker.server.ahead_s if asker.server.known else None,
        stopped=stopped,
    )
    return Ended(report, interrupted)


async def _all(trial: Trial, tell: Callable[[str], None], *, large: bool) -> None:
    try:
        tell("messages")
        await messages.try_messages(trial)
        tell("calls")
        try:
            await calls.try_calls(trial)
        finally:
            calls.with_care(trial)
        tell("tokens")
        await tokens.try_tokens(trial)
        if large:
            tell("large files")
            await uploads.try_uploads(trial)
        else:
            trial.undecided(uploads.SWITCHES, "only --large uploads what it takes to find out")
    finally:
        _limits(trial)


def _limits(trial: Trial) -> None:
    answers = trial.asker.answers
    trial.found["rpm"] = deciding.told_limit("x-ratelimit-limit", answers)
    trial.found["burst"] = deciding.told_limit("x-ratelimit-burst-limit", answers)
    trial.found["tier_rps"] = deciding.tier(answers)
    trial.found["retry_after_style"] = deciding.retry_style(answers)


async def _tidied(trial: Trial) -> tuple[str, ...]:
    """End what is open. Ctrl-C again does not wait for it."""
    trial.asker.last_chance()
    names = tuple(trial.items.name(name) for name in trial.calls)
    try:
        async with asyncio.timeout(_TIDY_S):
            return await calls.end_calls(trial)
    except (TimeoutError, Stopped):
        return names
