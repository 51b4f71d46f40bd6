"""Sets of switches and faults to start with: `quick`, `front`, or a file of one's own.

`quick` is a Front that answers at once and limits nobody, for development and tests; `front` is what is believed of
the real one, with its limits and its delay.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from connector.simulator.faults import Fault
from connector.simulator.suggest import did_you_mean, explain
from connector.simulator.switches import Switches


class ProfileError(Exception):
    """A profile or a switch that cannot be used; the text names the place, and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a simulator starts with, and goes back to when it is told to start anew."""

    switches: Switches
    faults: tuple[Fault, ...] = ()


PROFILES: Final[Mapping[str, Switches]] = {
    "quick": Switches(),
    "front": Switches(processing_delay_ms=1500, rpm=50, burst=25, tier_rps=5),
}


class _Profile(BaseModel):
    """A file: what it says goes over the profile that it extends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    extends: Literal["quick", "front"] = "quick"
    switches: dict[str, Any] = {}
    faults: tuple[Fault, ...] = ()


def settings(profile: str, assignments: Iterable[str] = ()) -> Settings:
    """A named profile or a YAML file, and over it switches as `name=value`. Raises ProfileError."""
    start = Settings(PROFILES[profile]) if profile in PROFILES else _from_file(Path(profile))
    changes: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise ProfileError(f"--switch {assignment}: not of the form name=value")
        changes[name] = value
    return Settings(changed(start.switches, changes, "--switch "), start.faults)


def changed(switches: Switches, changes: Mapping[str, Any], where: str) -> Switches:
    """These switches with some changed. Raises ProfileError with a line for each mistake."""
    try:
        return Switches.model_validate({**switches.model_dump(), **changes})
    except ValidationError as exc:
        raise ProfileError("\n".join(f"{where}{line}" for line in explain(exc, Switches))) from exc


def _from_file(path: Path) -> Settings:
    if not path.exists():
        known = ", ".join(PROFILES)
        raise ProfileError(
            f"--profile {path}: no profile ({known}) and no file of this name{did_you_mean(str(path), PROFILES)}"
        )
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        profile = _Profile.model_validate(data)
    except (OSError, UnicodeDecodeError) as exc:
        raise ProfileError(f"{path}: cannot be read: {exc}") from exc
    except YAMLError as exc:
        raise ProfileError(f"{path}: not YAML or JSON: {exc}") from exc
    except ValidationError as exc:
        raise ProfileError("\n".join(f"{path}: {line}" for line in explain(exc, _Profile))) from exc
    switches = changed(PROFILES[profile.extends], profile.switches, f"{path}: switches.")
    return Settings(switches, profile.faults)
