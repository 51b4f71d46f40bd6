"""The trials with messages: what is refused, what becomes of a repeat, when a look-up knows one, how files are named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from connector.core.answers import Answer
from connector.core.http_request import HttpRequest
from connector.workbench.probe import deciding
from connector.workbench.probe.deciding import REFUSED, TAKEN, Meanings, by_status, said, taken, uid_of
from connector.workbench.probe.findings import Finding, Measured, Otherwise
from connector.workbench.probe.items import SPELLINGS
from connector.workbench.probe.trial import Trial, only_if

SWITCHES: Final = (
    "processing_delay_ms",
    "unknown_keys",
    "strict_body",
    "unknown_reference",
    "status_on_unknown_message",
    "dedupe",
    "attachment_names",
)
_LOOKS_S: Final = (0.25,) * 12 + (0.5,) * 6 + (1.0,) * 4 + (2.0, 3.0, 4.0, 5.0, 6.0)
"""Waits between look-ups: 30 s together."""
_GULLIBLE = "Front also took a message without its text, so that what it takes tells nothing"


async def try_messages(trial: Trial) -> None:
    """All of them; nothing is decided on a channel that takes no messages."""
    opened = await _send(trial, lambda n: trial.items.inbound(f"message-{n}"))
    first, name = opened
    if not taken(first):
        trial.undecided(SWITCHES, f"this channel took no message: answered {said(first)}")
        return
    uid = uid_of(first)
    await _processing(trial, uid)
    sound = await _sound(trial)

    async def one(switch: str, make: Callable[[int], HttpRequest], meanings: Meanings) -> None:
        answers = await trial.asker.settle(make)
        trial.messages += sum(map(taken, answers)) if switch != "status_on_unknown_message" else 0
        finding = by_status(answers, meanings)
        trial.found[switch] = only_if(sound, finding, _GULLIBLE)

    items = trial.items
    await one(
        "unknown_keys",
        lambda n: items.unknown_key(f"unknown-key-{n}"),
        {"drop": TAKEN, "reject": REFUSED},
    )
    await one(
        "unknown_reference",
        lambda n: items.inbound(
            f"reply-{n}", referenced_message_external_id=items.name("message-that-was-never-sent")
        ),
        {"accept_unlinked": TAKEN, "reject": REFUSED},
    )
    await one(
        "status_on_unknown_message",
        lambda n: items.failed(f"never-sent-{n}"),
        {"204": TAKEN, "404": frozenset({404})},
    )
    trial.found["strict_body"] = only_if(sound, await _strict(trial), _GULLIBLE)
    if uid is not None and trial.known_within_s is not None:
        await trial.look_again(uid)
    trial.found["dedupe"] = await _dedupe(trial, name, uid)
    trial.found["attachment_names"] = await _attachments(trial)
    closing, _ = await _send(trial, lambda n: items.inbound(f"closing-{n}"))
    trial.asker.expect(closing, TAKEN)
    if uid is not None and trial.known_within_s is not None:
        await trial.look_again(uid)


async def _send(trial: Trial, make: Callable[[int], HttpRequest]) -> tuple[Answer, int]:
    """A message that Front should take; its answer and the number of the attempt that got it."""
    answers = await trial.asker.offer(make)
    trial.messages += taken(answers[-1])
    return answers[-1], len(answers) - 1


async def _settled(trial: Trial, make: Callable[[int], HttpRequest]) -> list[Answer]:
    answers = await trial.asker.settle(make)
    trial.messages += sum(map(taken, answers))
    return answers


async def _sound(trial: Trial) -> bool:
    """Whether Front refuses what it must refuse."""
    answers = await _settled(trial, lambda n: trial.items.without_text(f"no-text-{n}"))
    return not any(map(taken, answers))


async def _strict(trial: Trial) -> Finding:
    checks: dict[str, Finding] = {}
    for name in trial.items.loose(""):
        answers = await _settled(trial, lambda n, name=name: trial.items.loose(f"loose-{n}")[name])  # type: ignore[misc]
        checks[name] = by_status(answers, {False: TAKEN, True: REFUSED})
    return deciding.strict_body(checks)


# -- look-ups -----------------------------------------------------------------------------------------------------


async def _processing(trial: Trial, uid: str | None) -> None:
    """Twice, with a message of each direction: between when it was not known and when it was."""
    brackets = []
    bracket = await _first_seen(trial, uid)
    if bracket is not None and (await trial.look(trial.items.name("uid-that-was-never-given"))).there:
        trial.undecided(("processing_delay_ms",), "a look-up also knows a message that was never sent")
        return
    if bracket is not None:
        brackets.append(bracket)
        second, _ = await _send(trial, lambda n: trial.items.outbound(f"outbound-{n}"))
        bracket = await _first_seen(trial, uid_of(second))
        if bracket is not None:
            brackets.append(bracket)
        trial.known_within_s = max(high for _, high in brackets)
    trial.found["processing_delay_ms"] = deciding.processing(brackets, sum(_LOOKS_S))


async def _first_seen(trial: Trial, uid: str | None) -> tuple[float, float] | None:
    """Seconds after the last request's acceptance: not known, known. 0 for what was known at the first look."""
    if uid is None:
        return None
    began, ended = trial.asker.span
    unknown_s, forbidden = 0.0, 0
    for wait in (0.0, *_LOOKS_S):
        if wait:
            await trial.asker.times.sleep(wait)
        looked = await trial.look(uid)
        at = trial.asker.span
        if looked.there:
            return unknown_s, at[1] - began
        if looked.there is False:
            unknown_s = max(unknown_s, at[0] - ended)
        forbidden += looked.forbidden
        if forbidden > 1:
            return None
    return None


async def _dedupe(trial: Trial, name: int, uid: str | None) -> Finding:
    answers = await trial.asker.offer(lambda _: trial.items.inbound(f"message-{name}"))
    if not taken(answers[-1]):
        return by_status(answers, {})
    second = uid_of(answers[-1])
    later: list[bool | None] = []
    one_message = False
    if uid is not None and second not in (None, uid) and trial.known_within_s is not None:
        assert second is not None
        first = await trial.look_again(uid)
        for _ in range(2):
            await trial.asker.times.sleep(max(2.0, 3 * trial.known_within_s))
            looked = await trial.look(second)
            later.append(looked.there)
            one_message = looked.id is not None and looked.id == first.id
            if looked.there is not False:
                break
    return deciding.dedupe(uid, second, later, one_message=one_message)


async def _attachments(trial: Trial) -> Finding:
    arrived: dict[str, bool | None] = {}
    rests_on: frozenset[int] = frozenset()
    for at, part in enumerate(SPELLINGS):
        answers = await trial.asker.offer(
            lambda n, at=at, part=part: trial.items.with_file(f"file-{at}-{n}", part)  # type: ignore[misc]
        )
        trial.messages += taken(answers[-1])
        outcome = by_status(answers, {False: REFUSED})
        if isinstance(outcome, Measured):
            arrived[part] = False
            rests_on |= outcome.rests_on
        else:
            arrived[part] = await _has_file(trial, uid_of(answers[-1]))
    finding = deciding.attachment_names(arrived)
    return replace(finding, rests_on=rests_on) if isinstance(finding, Measured | Otherwise) else finding


async def _has_file(trial: Trial, uid: str | None) -> bool | None:
    if uid is None or trial.known_within_s is None:
        return None
    for _ in range(3):
        await trial.asker.times.sleep(trial.known_within_s + 0.25)
        looked = await trial.look(uid)
        if looked.there:
            return None if looked.files is None else looked.files > 0
    return None
