"""The trials with a call: its 202, a repeat, a state that may not follow, an asset twice, a call that is not there."""

from typing import Final

from connector.workbench.probe.deciding import REFUSED, TAKEN, body_of_202, by_status, said, taken
from connector.workbench.probe.findings import Finding, Measured, NotDecidable
from connector.workbench.probe.trial import Trial, only_if

SWITCHES: Final = (
    "call_202_body",
    "unknown_call",
    "repeat_call_create",
    "illegal_transition",
    "repeat_asset",
)
_LOOKS_S: Final = (0.5,) * 4 + (1.0,) * 4 + (2.0, 3.0, 4.0, 5.0, 10.0)
_GULLIBLE = "Front also took a call without its first state, so that what it takes tells nothing"


async def try_calls(trial: Trial) -> None:
    """All of them; nothing is decided on a channel that takes no calls."""
    items, asker = trial.items, trial.asker

    def leg(attempt: int) -> str:
        trial.calls.append(f"call-{attempt}")
        return trial.calls[-1]

    created = await asker.settle(lambda n: items.call(leg(n)))
    there_are = [name for name, answer in zip(trial.calls, created, strict=True) if taken(answer)]
    if not there_are:
        why = f"this channel took no call: answered {said(created[-1])}; a voice channel is another kind of channel"
        trial.undecided(SWITCHES, why)
        return
    name = there_are[-1]
    trial.found["call_202_body"] = body_of_202(created)
    wrong = await asker.settle(lambda n: items.wrong_call(f"wrong-call-{n}"))
    trial.calls += [f"wrong-call-{n}" for n, answer in enumerate(wrong) if taken(answer)]
    sound = not any(map(taken, wrong))
    unknown = await asker.settle(lambda n: items.call_status(f"never-created-{n}", "abandoned"))
    trial.found["unknown_call"] = only_if(
        sound, by_status(unknown, {"404": frozenset({404}), "accept_drop": TAKEN}), _GULLIBLE
    )
    repeat = await asker.settle(lambda _: items.call(name))
    trial.found["repeat_call_create"] = only_if(
        sound, by_status(repeat, {"accept_ignore": TAKEN, "reject": REFUSED}), _GULLIBLE
    )
    there = await _there(trial, name)
    # The first may have ended the call, if Front applies it.
    illegal = await asker.settle(lambda _: items.call_status(name, "hangup"), stateless=False)
    trial.found["illegal_transition"] = _illegal(
        by_status(illegal, {"accept_ignore": TAKEN, "reject": REFUSED}), there, sound
    )
    again = await asker.offer(lambda _: items.summary(name, "the second of two summaries"))
    trial.found["repeat_asset"] = NotDecidable(
        f"the first of two summaries was {'taken' if there else 'not taken'}, the second answered {said(again[-1])};"
        " answers do not show what the call has"
    )


async def _there(trial: Trial, name: str) -> bool:
    """Wait until Front takes a summary of the call: then it knows it, unless it takes one of any call."""
    for wait in (0.0, *_LOOKS_S):
        if wait:
            await trial.asker.times.sleep(wait)
        answer = await trial.asker.ask(trial.items.summary(name, "the first of two summaries"))
        if taken(answer):
            break
    else:
        return False
    if not _strict(trial):
        # It is taken at once then; messages tell how long Front takes to process what it accepted.
        await trial.asker.times.sleep((trial.known_within_s or 5.0) + 1.0)
    return True


def _illegal(finding: Finding, there: bool, sound: bool) -> Finding:
    """A 2xx tells something only of a call that is known to be there."""
    if isinstance(finding, NotDecidable) or (isinstance(finding, Measured) and finding.value == "reject"):
        return finding
    if not there:
        return NotDecidable("the call was not processed in time")
    return only_if(sound, finding, _GULLIBLE)


def with_care(trial: Trial) -> None:
    """What is taken of a call that may not be there tells nothing: known once `unknown_call` is."""
    illegal = trial.found.get("illegal_transition")
    if isinstance(illegal, Measured) and illegal.value == "accept_ignore" and not _strict(trial):
        trial.found["illegal_transition"] = NotDecidable(
            "it was taken; but so may be an update of a call that is not there, and no answer tells whether the call was"
        )


def _strict(trial: Trial) -> bool:
    """Whether Front refuses what is about a call that is not there."""
    unknown = trial.found.get("unknown_call")
    return isinstance(unknown, Measured) and unknown.value == "404"


_AGAIN_S = (0.2, 1.0)


async def end_calls(trial: Trial) -> tuple[str, ...]:
    """Tidy up: every call that may be open is abandoned. The ids of those that Front did not let us end."""
    left = []
    for name in trial.calls:
        answer = await trial.asker.ask(trial.items.call_status(name, "abandoned"))
        for pause_s in _AGAIN_S:
            if taken(answer):
                break
            # A 404 may mean that its creation, which was cut off, is still on its way.
            await trial.asker.pause(pause_s)
            answer = await trial.asker.ask(trial.items.call_status(name, "abandoned"))
        if not taken(answer) and said(answer) != "404":
            left.append(trial.items.name(name))
    trial.calls.clear()
    return tuple(left)
