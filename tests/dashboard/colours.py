"""The dashboard's colours: few, and each legible on Grafana's light and dark background.

Colour never stands alone: whatever has one also has a word. Neighbours differ in blueness too, not only in red against green,
so that the common kinds of colour blindness leave them apart.
"""

from collections.abc import Mapping
from types import MappingProxyType

GOOD = "#2f8f6b"
"""All is well, or accepted."""
CALM = "#3d84c6"
"""On purpose, and passing: starting, paused, skipped."""
WATCH = "#c97a0a"
"""Look at it in working hours."""
BAD = "#d64550"
"""Look at it now."""
OTHER = "#8f6fc4"
NEUTRAL = "#7a828c"

OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "accepted": GOOD,
        "skipped": CALM,
        "duplicate": NEUTRAL,
        "dead_lettered": BAD,
        "parked": OTHER,
    }
)
"""Of a record."""

STATUSES: Mapping[str, str] = MappingProxyType(
    {
        "^2": GOOD,
        "^(408|425|429)$": CALM,
        "^4(?!08$|25$|29$)": WATCH,
        "^(5|timeout|connect|tls|protocol)": BAD,
        "^none": NEUTRAL,
    }
)
"""Of Front's answers: taken, asked to wait, refused, failed. Regular expressions."""

QUANTILES: Mapping[str, str] = MappingProxyType({"p50": CALM, "p95": WATCH, "p99": BAD})


def contrast(one: str, other: str) -> float:
    """How well one colour stands out from another, 1 to 21. Source: WCAG 2.2, contrast ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
