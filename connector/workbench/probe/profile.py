"""What a run found out, as a profile of the simulator: a file that `front-connector simulate --profile` takes. Pure."""

import datetime as dt
import json
import textwrap

from connector.workbench.probe.beliefs import BELIEFS
from connector.workbench.probe.findings import Measured, NotDecidable, words
from connector.workbench.probe.report import Report

_WIDTH = 116
_NO_SWITCH = frozenset({"static_token"})
"""Its value would be a secret."""


def as_profile(report: Report) -> str:
    """YAML. What is measured is set; what is not stands as a comment, and is as the profile `front` believes."""
    day = dt.datetime.fromtimestamp(report.began, dt.UTC).date().isoformat()
    lines = [
        f"# Front as front-connector probe found it on {day}: {report.channel} at {report.base_url}, run {report.run}.",
        "# Use: front-connector simulate --profile FILE",
        "# What was not decidable is as in the profile that is extended.",
        "extends: front",
    ]
    comments: list[str] = []
    switches: list[str] = []
    for switch, word, finding in report.rows():
        if isinstance(finding, Measured) and switch not in _NO_SWITCH:
            against = f"; believed was {json.dumps(BELIEFS[switch].believed)}" if word == "refuted" else ""
            switches += _comment(f"measured{against}: {words(switch, finding)}", "  ")
            # A scalar of JSON is one of YAML, and "404" stays a text.
            switches.append(f"  {switch}: {json.dumps(finding.value)}")
        else:
            state = "not decidable" if isinstance(finding, NotDecidable) else "none of the simulator's values"
            comments += _comment(f"{switch}: {state}: {finding.why}", "")
    lines += ["switches:", *switches] if switches else ["switches: {}"]
    return "\n".join([*lines, *comments, ""])


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ")
