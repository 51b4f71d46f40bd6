"""The environment as a source of settings: which names are ours, which are misspelt, which one an error is about."""

import json
import re
from collections.abc import Iterable, Mapping

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


def section_of(name: str) -> str:
    """The section that a variable of ours sets, or sets a part of."""
    return _parts(name)[0]


def unknown_sections(names: Iterable[str]) -> list[Problem]:
    """Names with our prefix whose first part is no section: pydantic-settings passes over them silently."""
    problems = []
    for name in ours(names):
        section = section_of(name)
        if section not in Settings.model_fields:
            hint = did_you_mean(section, Settings.model_fields)
            problems.append(Problem("environment", f"{name} sets nothing: there is no {section!r}, {hint}"))
    return problems


def variable_of(loc: Loc, names: Iterable[str]) -> str | None:
    """The variable that set the value at `loc`: the longest name that leads to it."""
    wanted = [str(part).lower() for part in loc]
    leading = [name for name in ours(names) if _parts(name) == wanted[: len(_parts(name))]]
    return max(leading, key=len, default=None)


def set_by(loc: Loc, sentence: str, names: Iterable[str]) -> str:
    """ " (secret is set by FRONT_CONNECTOR_...)" for what a sentence about `loc` names and the environment set, else ""."""
    above = [str(part).lower() for part in loc]
    said = []
    for name in ours(names):
        parts = _parts(name)
        below = ".".join(parts[len(above) :])
        if parts[: len(above)] == above and re.search(rf"(?<![\w.]){re.escape(below)}(?![\w.])", sentence):
            said.append(f"{below} is set by {name}")
    return f" ({', '.join(said)})" if said else ""


_FIELD = re.compile(r'field "(\w+)"')


def not_json(error: str, environment: Mapping[str, str]) -> list[Problem]:
    """The variables that pydantic-settings could not read as JSON. It names only their section: `field "limits"`."""
    found = _FIELD.search(error)
    section = found[1].lower() if found else ""
    bad = [
        name for name in ours(environment) if _parts(name)[0] == section and not _is_json(environment[name])
    ]
    # A text is fine where a text is wanted, so what begins like JSON, or is a whole section, is what was meant as JSON.
    meant = [name for name in bad if environment[name].lstrip()[:1] in ("{", "[") or len(_parts(name)) == 1]
    if not meant and len(bad) > 1:
        return [
            Problem("environment", f"one of {', '.join(bad)} sets several values at once, and is not JSON")
        ]
    return [
        Problem(
            "environment",
            f"{name}: is not JSON: it sets several values at once, so write it as JSON, "
            f"or set one value with {name}__NAME",
        )
        for name in meant or bad
    ]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _parts(name: str) -> list[str]:
    return name[len(ENV_PREFIX) :].lower().split("__")
