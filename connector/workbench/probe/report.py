"""What a run found out, as data. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from connector.workbench.probe.beliefs import BELIEFS
from connector.workbench.probe.findings import Finding, Measured, NotDecidable, refutes, words

Result: TypeAlias = Literal["measured", "refuted", "not_decidable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Of one run. `ahead_s`: Front's clock less ours; None: not known. `stopped`: why it ended early, if it did.

    `calls_open`: ids of calls that could not be ended. `messages`: how many stay.
    """

    channel: str
    base_url: str
    run: str
    began: float
    took_s: float
    requests: int
    answers: Mapping[str, int]
    findings: Mapping[str, Finding]
    conversation: str
    messages: int
    calls_open: tuple[str, ...]
    ahead_s: float | None
    stopped: str | None

    @property
    def refuted(self) -> bool:
        """Whether anything is not as believed."""
        return any(refutes(switch, finding) for switch, finding in self.findings.items())

    def rows(self) -> Iterator[tuple[str, Result, Finding]]:
        """Every belief, in their order."""
        for switch in BELIEFS:
            finding = self.findings[switch]
            yield switch, result(switch, finding), finding


def result(switch: str, finding: Finding) -> Result:
    """In one word."""
    if isinstance(finding, NotDecidable):
        return "not_decidable"
    return "refuted" if refutes(switch, finding) else "measured"


def as_json(report: Report) -> dict[str, Any]:
    """For programs. `value` is left out where there is none that the simulator knows."""
    rows = []
    for switch, word, finding in report.rows():
        belief = BELIEFS[switch]
        row: dict[str, Any] = {"belief": switch, "about": belief.about, "result": word}
        if belief.believed is not None:
            row["believed"] = belief.believed
        if isinstance(finding, Measured):
            row["value"] = finding.value
            if finding.low is not None:
                row["at_least"] = finding.low
        row["why"] = words(switch, finding)
        if isinstance(finding, NotDecidable) and belief.look is not None:
            row["look"] = belief.look
        rows.append(row)
    return {
        "channel": report.channel,
        "base_url": report.base_url,
        "run": report.run,
        "requests": report.requests,
        "took_s": round(report.took_s, 1),
        "answers": dict(report.answers),
        "front_clock_ahead_s": None if report.ahead_s is None else round(report.ahead_s, 1),
        "stopped": report.stopped,
        "beliefs": rows,
        "left_behind": {
            "conversation": report.conversation,
            "messages": report.messages,
            "calls_open": list(report.calls_open),
        },
    }
