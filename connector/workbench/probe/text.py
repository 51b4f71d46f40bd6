"""What a run is about to do, and what it found out, in words for people. Pure."""

import json
import textwrap
from collections.abc import Iterator

from connector.config.problems import counted
from connector.workbench.probe.asking import REQUESTS_MAX
from connector.workbench.probe.beliefs import BELIEFS
from connector.workbench.probe.choice import Target
from connector.workbench.probe.findings import Measured, words
from connector.workbench.probe.items import PREFIX
from connector.workbench.probe.report import Report
from connector.workbench.probe.uploads import BYTES_MAX

_WIDTH = 118
_TITLES = {
    "refuted": "not as believed",
    "measured": "as believed, or measured",
    "not_decidable": "not decidable",
}


def plan(target: Target, *, large: bool) -> str:
    """Before anything is sent."""
    lines = [
        f"The channel {target.channel} at {target.base_url}, with the app {target.app}, gets:",
        f"  - about 20 messages in one conversation, ids beginning with {PREFIX}-, each saying that it is a test;",
        "  - two calls, one with two summaries, ended at once;",
        "  - requests that Front should refuse: wrong bodies, unknown ids, tokens that are too long-lived, past or used twice.",
    ]
    if large:
        lines.append(f"  - up to {BYTES_MAX // 1_000_000} MB of files, to find the limit of 25 MB.")
    lines += [
        f"About 100 requests, {REQUESTS_MAX} at most, below the limits of the configuration: two to four minutes.",
        "Messages and calls cannot be deleted by the Channel API: they stay in Front. No template and no channel is changed.",
        *(f"warning: {warning}" for warning in target.warnings),
    ]
    return "\n".join(lines)


def as_text(report: Report) -> str:
    """After the run."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield (
        f"{report.channel} at {report.base_url}, run {report.run}:"
        f" {counted(report.requests, 'request')} in {report.took_s:.0f} s"
    )
    if report.stopped is not None:
        yield f"stopped early: {report.stopped}"
    if report.ahead_s is not None and abs(report.ahead_s) >= 1:
        yield f"Front's clock is {abs(report.ahead_s):.0f} s {'ahead of' if report.ahead_s > 0 else 'behind'} ours"
    for word, title in _TITLES.items():
        rows = [(switch, finding) for switch, of, finding in report.rows() if of == word]
        if not rows:
            continue
        yield ""
        yield f"{title}:"
        for switch, finding in rows:
            belief = BELIEFS[switch]
            value = f" = {_shown(finding.value)}" if isinstance(finding, Measured) else ""
            believed = f" (believed: {_shown(belief.believed)})" if word == "refuted" else ""
            yield f"  {switch}{value}{believed}"
            yield from _wrapped(f"{belief.about}: {words(switch, finding)}")
            if word == "not_decidable" and belief.look is not None:
                yield from _wrapped(f"look: {belief.look}")
    yield ""
    yield (
        f"left behind: {counted(report.messages, 'message')} in the conversation {report.conversation}"
        " (archive it in Front); calls are ended, and stay"
    )
    for name in report.calls_open:
        yield f"perhaps open: the call {name}; Front did not take `abandoned`"


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="      ", subsequent_indent="      ")
