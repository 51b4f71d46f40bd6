"""Answers -> what they say about a belief. Pure; nothing is claimed that the answers do not show.

A status counts only when it was given twice: one may come from anything between us and Front. Answers that say nothing
of the request itself (none at all, a redirect, 408, 425, 429, 5xx) never count.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connector.config.problems import counted
from connector.core.answers import Answer, Answered
from connector.workbench.probe.beliefs import Value
from connector.workbench.probe.findings import Finding, Measured, NotDecidable, Otherwise

TAKEN: Final = frozenset(range(200, 300))
REFUSED: Final = frozenset((400, 409, 413, 415, 422))
"""Statuses by which a body or what it asks for is refused."""
UNSURE: Final = frozenset((401, 403, 404))
"""They speak of the token or of what the path names, and so not of a body."""

Meanings = Mapping[Value, frozenset[int]]
"""Which statuses mean which value."""


def conclusive(answer: Answer) -> bool:
    """Whether Front itself judged the request. Garbage with a status of 2xx is an acceptance; see the carrier's rules."""
    return (
        isinstance(answer, Answered)
        and answer.status not in (408, 425, 429)
        and not 300 <= answer.status < 400
        and 200 <= answer.status < 500
        and not no_route(answer)
    )


def no_route(answer: Answer) -> bool:
    """Front's words for a path that it does not have."""
    return isinstance(answer, Answered) and answer.status == 404 and b"No such route" in answer.body


def taken(answer: Answer) -> bool:
    """A 2xx."""
    return isinstance(answer, Answered) and answer.status in TAKEN


def said(answer: Answer) -> str:
    """An answer in a few words, without what stands in it."""
    match answer:
        case Answered() if no_route(answer):
            return '404 "No such route"'
        case Answered(status=status):
            return str(status)
        case _:
            return f"no answer ({answer.error})"


def statuses(answers: Sequence[Answer]) -> list[int]:
    """Of those that count."""
    return [answer.status for answer in answers if isinstance(answer, Answered) and conclusive(answer)]


def by_status(answers: Sequence[Answer], meanings: Meanings) -> Finding:
    """One request, asked as often as there are answers: the value that its status means."""
    seen = statuses(answers)
    if not seen:
        return NotDecidable(f"no usable answer: {_list(answers)}")
    values = {_value(status, meanings) for status in seen}
    if len(values) > 1:
        return NotDecidable(f"the same request was answered differently: {_list(answers)}")
    (value,) = values
    if len(seen) < 2:
        return NotDecidable(f"answered {seen[0]}, and not a second time: {_list(answers)}")
    why = f"answered {' and '.join(dict.fromkeys(map(str, seen)))}"
    if value is not None:
        return Measured(value, why, rests_on=frozenset(seen))
    return NotDecidable(why) if UNSURE & set(seen) else Otherwise(why, frozenset(seen))


def _value(status: int, meanings: Meanings) -> Value | None:
    return next((value for value, of in meanings.items() if status in of), None)


def _list(answers: Sequence[Answer]) -> str:
    return ", ".join(map(said, answers)) or "none"


def through(usual: int, answers: Sequence[Answer]) -> bool | str:
    """Whether an unusual token was let through: answered as a usual one is (`usual`). A sentence where that is not clear."""
    seen = statuses(answers)
    if len(seen) < 2:
        return f"not answered twice: {_list(answers)}"
    if set(seen) == {usual}:
        return True
    if set(seen) <= {401, 403}:
        return False
    return f"answered {_list(answers)}, where a usual token gets {usual}"


def token_finding(usual: int, answers: Sequence[Answer]) -> Finding:
    """For the switches with `reject` and `allow`."""
    rests_on = frozenset(statuses(answers))
    match through(usual, answers):
        case True:
            return Measured("allow", f"answered {usual}, as with any token", rests_on=rests_on)
        case False:
            return Measured(
                "reject", f"answered {' and '.join(map(str, sorted(rests_on)))}", rests_on=rests_on
            )
        case str() as unclear:
            return NotDecidable(unclear)


# -- bodies -------------------------------------------------------------------------------------------------------


def json_of(answer: Answer) -> Any:
    """The body as JSON; None where there is none."""
    if not isinstance(answer, Answered):
        return None
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


def uid_of(answer: Answer) -> str | None:
    """`message_uid` of an accepted message."""
    body = json_of(answer) if taken(answer) else None
    uid = body.get("message_uid") if isinstance(body, dict) else None
    return uid if isinstance(uid, str) and uid else None


def body_of_202(answers: Sequence[Answer]) -> Finding:
    """What stands in the 202s of two calls' creations. Values are not shown: they may be ids."""
    found = {_body_of(answer) for answer in answers if isinstance(answer, Answered) and taken(answer)}
    if len(found) != 1 or sum(map(taken, answers)) < 2:
        return NotDecidable(f"not two calls were taken in the same way: answered {_list(answers)}")
    return found.pop()


def _body_of(answer: Answered) -> Finding:
    rests_on = frozenset({answer.status})
    if answer.status != 202:
        return Otherwise(f"answered {answer.status}, not 202", rests_on)
    if not answer.body:
        return Measured("empty", "nothing stands in it", rests_on=rests_on)
    body = json_of(answer)
    if body == {}:
        return Measured("{}", "an empty object stands in it", rests_on=rests_on)
    if body == {"status": "accepted"}:
        return Measured('{"status":"accepted"}', "that stands in it", rests_on=rests_on)
    if isinstance(body, dict):
        return Otherwise(f"an object of {counted(len(body), 'key')} stands in it", rests_on)
    if answer.headers.get("content-type", "").startswith("text/plain"):
        return Measured("text", "a plain text stands in it", rests_on=rests_on)
    return NotDecidable("neither JSON nor plain text stands in it")


# -- messages -----------------------------------------------------------------------------------------------------


def dedupe(
    first: str | None, second: str | None, later: Sequence[bool | None], *, one_message: bool = False
) -> Finding:
    """Uids of a message and of its repeat; what look-ups of the second then said: there, not there, or nothing.

    one_message: both uids lead to the same one.
    """
    if first is None or second is None:
        return NotDecidable("an answer had no message_uid")
    if first == second:
        return Measured("same_uid", "the repeat was answered with the uid of the first")
    if None in later or not later:
        return NotDecidable("the repeat got a uid of its own, and no look-up tells whether it was stored")
    if any(later) and one_message:
        return Otherwise("the repeat got a uid of its own, and both lead to one message")
    if any(later):
        return Measured("off", "the repeat got a uid of its own, and look-ups know two messages")
    if len(later) < 2:
        return NotDecidable("the repeat got a uid of its own, and was looked up only once")
    return Measured(
        "accept_then_drop",
        "the repeat got a uid of its own, which no look-up knew long after the first was there",
        rests_on=frozenset({404}),
    )


def processing(brackets: Sequence[tuple[float, float]], waited_s: float) -> Finding:
    """For each message, when a look-up last did not know it and when one first did: seconds after its 202."""
    if not brackets:
        return NotDecidable(
            f"no look-up knew a message within {waited_s:.0f} s, or the token may not look messages up"
        )
    low, high = min(bracket[0] for bracket in brackets), max(bracket[1] for bracket in brackets)
    if low <= 0:
        return Measured(
            round(high * 1000) if high > AT_ONCE_S else 0, f"known within {high * 1000:.0f} ms", 0
        )
    return Measured(
        round(high * 1000),
        f"not known {low * 1000:.0f} ms after the 202, and known after {high * 1000:.0f} ms",
        int(low * 1000),
        frozenset({404}),
    )


AT_ONCE_S: Final = 0.5
"""A look-up that knows a message so soon after its 202 tells of no delay: most of it is the way there and back."""


def attachment_names(arrived: Mapping[str, bool | None]) -> Finding:
    """By spelling: whether the file was there when its message was looked up; None: not known."""
    if None in arrived.values() or not arrived:
        unknown = ", ".join(name for name, there in arrived.items() if there is None)
        return NotDecidable(f"no look-up tells whether the file arrived: {unknown or 'none was sent'}")
    there = [name for name, yes in arrived.items() if yes]
    if len(there) == len(arrived):
        return Measured("all", "a look-up shows the file of each")
    if len(there) == 1:
        return Measured(there[0], "a look-up shows the file of this one only")
    if not there:
        return NotDecidable("no look-up shows a file, whatever its name: perhaps this channel takes none")
    return Otherwise(f"the files of {' and '.join(there)} are there, and no other")


def strict_body(checks: Mapping[str, Finding]) -> Finding:
    """The four bodies that the contract forgets to forbid; each is refused (True) or taken (False)."""
    unclear = [(name, finding) for name, finding in checks.items() if not isinstance(finding, Measured)]
    for name, finding in unclear:
        return NotDecidable(f"{name}: {finding.why}")
    settled = {name: finding for name, finding in checks.items() if isinstance(finding, Measured)}
    refused = [name for name, finding in settled.items() if finding.value is True]
    rests_on = frozenset().union(*(finding.rests_on for finding in settled.values()))
    if not checks:
        return NotDecidable("nothing of it was tried")
    if len(refused) == len(checks):
        return Measured(True, f"refused: {', '.join(refused)}", rests_on=rests_on)
    if not refused:
        return Measured(False, f"taken: {', '.join(checks)}", rests_on=rests_on)
    others = [name for name in checks if name not in refused]
    return Otherwise(f"refused: {', '.join(refused)}; taken: {', '.join(others)}", rests_on)


# -- limits -------------------------------------------------------------------------------------------------------


def told_limit(header: str, answers: Sequence[Answer]) -> Finding:
    """A limit as a header tells it, if all answers that have it say the same."""
    texts = {
        answer.headers[header]
        for answer in answers
        if isinstance(answer, Answered) and header in answer.headers
    }
    if not texts:
        return NotDecidable(f"no answer had {header}")
    if len(texts) > 1 or not (text := next(iter(texts))).isdecimal():
        return NotDecidable(f"{header} was not the same number in all answers")
    return Measured(int(text), f"{header} says so")


def tier(answers: Sequence[Answer]) -> Finding:
    """How many a second one channel may have: not told by any header, and no reason to find out by excess."""
    named = sorted(
        {
            answer.headers["x-front-tier"]
            for answer in answers
            if isinstance(answer, Answered) and "x-front-tier" in answer.headers
        }
    )
    tiers = f"x-front-tier says {', '.join(named)}" if named else "no answer had x-front-tier"
    return NotDecidable(f"{tiers}; how many a second that is would show only to who goes beyond it")


_IN_TEXT = re.compile(rb"retry in (\d+) milliseconds")


def retry_style(answers: Sequence[Answer]) -> Finding:
    """How the 429s that were met said their wait."""
    styles = {_style(answer) for answer in answers if isinstance(answer, Answered) and answer.status == 429}
    if not styles:
        return NotDecidable("no 429 was met, and none is provoked")
    if len(styles) > 1:
        return NotDecidable("one 429 said it this way, another that way")
    (style,) = styles
    if style is None:
        return Otherwise("Retry-After is not a number of seconds")
    return Measured(style, "so did every 429 that was met")


def _style(answer: Answered) -> str | None:
    header = answer.headers.get("retry-after")
    if header is None:
        return "text_only" if _IN_TEXT.search(answer.body) else "absent"
    if header.isdecimal():
        return "seconds"
    return "fraction" if re.fullmatch(r"\d*\.\d+", header) else None


def wait_s(answer: Answered, doubled: float) -> float:
    """How long a 429 wants us to wait; `doubled` where it says nothing readable."""
    header, text = answer.headers.get("retry-after", ""), _IN_TEXT.search(answer.body)
    told = [float(header)] if re.fullmatch(r"\d+(\.\d+)?", header) else []
    told += [int(text.group(1)) / 1000] if text is not None else []
    return max(told, default=doubled)


# -- uploads ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Answers to a request of 25,000,000 bytes and to one of one more; to a file of so many, and of one more, if asked."""

    request: Sequence[Answer]
    request_beyond: Sequence[Answer]
    file: Sequence[Answer] = ()
    file_beyond: Sequence[Answer] = ()

    @property
    def need_files(self) -> bool:
        """Whether the limit is not on the request, so that files are to be tried."""
        return _taken_or_not(self.request) is True and _taken_or_not(self.request_beyond) is True


def _taken_or_not(answers: Sequence[Answer]) -> Value | None:
    finding = by_status(answers, {True: TAKEN, False: REFUSED})
    return finding.value if isinstance(finding, Measured) else None


def size(sizes: Sizes) -> dict[str, Finding]:
    """The limit, what it is measured of, and the status beyond it."""
    names = ("size_limit", "size_limit_per", "size_limit_status")
    per = "file" if sizes.need_files else "request"
    fits, beyond = (
        (sizes.file, sizes.file_beyond) if sizes.need_files else (sizes.request, sizes.request_beyond)
    )
    outcome = (_taken_or_not(fits), _taken_or_not(beyond))
    if per == "file" and (outcome[1] is True or outcome[0] is False):
        found: dict[str, Finding] = dict.fromkeys(names, NotDecidable("the limit was not met"))
        return found | {
            "size_limit": Otherwise("a request of 25,000,001 bytes was taken: the limit is higher")
        }
    if outcome != (True, False):
        said_so = f"of 25,000,000 bytes: {_list(fits)}; of one more: {_list(beyond)}"
        return dict.fromkeys(names, NotDecidable(f"a {per} {said_so}"))
    rests_on = frozenset((*statuses(fits), *statuses(beyond)))
    status = statuses(beyond)[0]
    why = f"a {per} of 25,000,000 bytes was taken, one of one more got {status}"
    known = set(statuses(beyond)) in ({400}, {413})
    return {
        "size_limit": Measured(25_000_000, why, rests_on=rests_on),
        "size_limit_per": Measured(per, why, rests_on=rests_on),
        "size_limit_status": Measured(str(status), why, rests_on=rests_on)
        if known
        else Otherwise(why, rests_on),
    }
