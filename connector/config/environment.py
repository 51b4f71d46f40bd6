"""The environment as a source of settings: which names are ours, which are misspelt."""

from collections.abc import Iterable

from connector.config.problems import Problem, did_you_mean
from connector.config.settings import ENV_PREFIX, Settings
from connector.config.yaml_source import Loc

_INJECTED = (f"{ENV_PREFIX}PORT", f"{ENV_PREFIX}SERVICE_")
"""Kubernetes sets these in every pod beside a Service called front-connector (docker link variables)."""


def ours(names: Iterable[str]) -> list[str]:
    """The names with our prefix, without those that Kubernetes injects."""
    return sorted(
        name
        for name in names
        if name.upper().startswith(ENV_PREFIX) and not name.upper().startswith(_INJECTED)
    )


def unknown_sections(names: Iterable[str]) -> list[Problem]:
    """Names with our prefix whose first part is no section: pydantic-settings passes over them silently."""
    problems = []
    for name in ours(names):
        section = name[len(ENV_PREFIX) :].split("__")[0].lower()
        if section not in Settings.model_fields:
            hint = did_you_mean(section, Settings.model_fields)
            problems.append(Problem("environment", f"{name} sets nothing: there is no {section!r}, {hint}"))
    return problems


def variable_of(loc: Loc, names: Iterable[str]) -> str | None:
    """The variable that set the value at `loc`: the longest name that leads to it."""
    wanted = [str(part).lower() for part in loc]
    leading = [name for name in ours(names) if _parts(name) == wanted[: len(_parts(name))]]
    return max(leading, key=len, default=None)


def _parts(name: str) -> list[str]:
    return name[len(ENV_PREFIX) :].lower().split("__")
