"""The chart's rules at a fraction of their times, so that what takes hours happens within minutes.

Every window, offset, `for` and interval of a group is divided, and the ages that are compared with. Ratios, counts, the clock's
skew and the certificates' days stay. What this cannot show, that the full windows are right, is promtool's business.
"""

import re
from pathlib import Path
from typing import Any

import yaml

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WINDOW = re.compile(r"(?<=\[)(\d+)([smhd])(?=\])|(?<=offset )(\d+)([smhd])")
_AGES = re.compile(r"\b(120|900|1800|604800)$|\b(120|900|1800|604800)(?=[\s)])")
"""Seconds that something is old: polls, keys and records, a backlog, the retention of a topic."""


def scaled(rules: Path, by: int) -> dict[str, Any]:
    """The groups of a file of rules, all of their times divided."""
    groups: dict[str, Any] = yaml.safe_load(rules.read_text("utf-8"))
    for group in groups["groups"]:
        group["interval"] = _shorter(group["interval"], by)
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = _shorter(rule["for"], by)
            windows = _WINDOW.sub(lambda found: _shorter(found[0], by), rule["expr"])
            rule["expr"] = _AGES.sub(lambda found: f"{int(found[0]) / by:g}", windows)
    return groups


def _shorter(duration: str, by: int) -> str:
    return f"{int(duration[:-1]) * _SECONDS[duration[-1]] * 1000 // by}ms"
