"""What a record of the control topic says of a connector: whether an operator has paused it, and since when.

The key is the group's id, so that several deployments may share one topic; the value a small JSON object, read strictly in
what counts (`paused`) and bounded in what is shown (`by`, `reason`). Never here: Kafka, and what a pause does.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

REASON_MAX: Final = 500
NAME_MAX: Final = 249
VALUE_BYTES_MAX: Final = 8192
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Also what breaks lines or turns the direction of text: a reason is shown on a page and stands in a log."""


@dataclass(frozen=True, slots=True)
class ControlSetting:
    """The newest word of an operator. `at_wall`: when it was said, Unix seconds; `by`: the process that took it."""

    paused: bool
    at_wall: float
    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NoSetting:
    """The record of this group was removed: nothing is paused."""


@dataclass(frozen=True, slots=True)
class OfOthers:
    """Another group's, or nobody's."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Ours, and of no use: it changes nothing. `why`: our own words."""

    why: str


Heard: TypeAlias = ControlSetting | NoSetting | OfOthers | Unreadable


def read_control(key: bytes | None, value: bytes | None, group: str) -> Heard:
    """What this record says to the members of `group`."""
    if key != group.encode():
        return OfOthers()
    if value is None:
        return NoSetting()
    if len(value) > VALUE_BYTES_MAX:
        return Unreadable(f"it has more than {VALUE_BYTES_MAX} bytes")
    try:
        said = json.loads(value)
    except (ValueError, RecursionError):
        return Unreadable("it is no JSON")
    if not isinstance(said, dict) or not isinstance(said.get("paused"), bool):
        return Unreadable("it is no object with `paused` true or false")
    at, by, reason = said.get("at"), said.get("by"), said.get("reason")
    at_wall = _wall(at)
    if at_wall is None:
        return Unreadable("`at` is no time such as 2026-01-31T12:00:00Z")
    if not isinstance(by, str) or not fit_to_show(by, NAME_MAX):
        return Unreadable("`by` is no name")
    if reason is not None and (not isinstance(reason, str) or not fit_to_show(reason, REASON_MAX)):
        return Unreadable(
            f"`reason` is no text of at most {REASON_MAX} characters without control characters"
        )
    return ControlSetting(said["paused"], at_wall, by, reason)


def written(setting: ControlSetting) -> bytes:
    """The value of its record."""
    at = (
        datetime.fromtimestamp(setting.at_wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
    said = {"paused": setting.paused, "at": at, "by": setting.by, "reason": setting.reason}
    return json.dumps(said, ensure_ascii=False).encode()


def name_of(instance: str) -> str:
    """The name of a process as `by` may have it: a record that nobody can read would be a pause that nobody obeys."""
    return _CONTROLS.sub("?", instance)[:NAME_MAX]


def fit_to_show(text: str, most: int) -> bool:
    """Whether a text has one to `most` characters, none of which would break what it is shown in."""
    return 0 < len(text) <= most and _CONTROLS.search(text) is None


def _wall(at: object) -> float | None:
    if not isinstance(at, str) or len(at) > 40:
        return None
    try:
        moment = datetime.fromisoformat(at)
        return moment.timestamp() if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
