"""Pydantic's errors -> problems with a place and a suggestion. One table of words for every file we read."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from connector.config.kafka import TOPIC_PATTERN
from connector.config.problems import Problem, did_you_mean
from connector.config.yaml_source import Loc, Source

_WORDS = {
    "string_type": "must be text{quotes}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be {le} or less",
    "dict_type": "must be a map",
    "model_type": "must be a map",
    "model_attributes_type": "must be a map",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "too_short": "must have at least {min_length} entry",
    "path_type": "must be a path, as text",
    "is_instance_of": "must be text",
}

_PATTERNS = {
    TOPIC_PATTERN: "is no name of a topic: it has letters, digits, '.', '_' and '-', at most 249 of them",
}

_QUOTED = re.compile(r"'([^']*)'")

Elsewhere = Callable[[Loc], str | None]
"""Says where a value came from if not from the file: the environment variable's name."""

SetBy = Callable[[Loc, str], str]
"""The end of a sentence about several values: which of them came from the environment."""


def explain(
    error: ValidationError,
    model: type[BaseModel],
    source: Source,
    elsewhere: Elsewhere = lambda _loc: None,
    set_by: SetBy = lambda _loc, _sentence: "",
) -> list[Problem]:
    """Every error of one validation. `source.data` is what was validated, `model` by what."""
    problems = []
    for detail in error.errors(include_url=False):
        loc = _without_tags(detail["loc"], source.data)
        message, at_key = _words(detail, model, loc)
        at_key = at_key or detail["loc"][-1:] == ("[key]",)
        variable = elsewhere(loc)
        if variable is not None:
            problems.append(Problem("environment", f"{variable}: {message}"))
        else:
            place = _named_first(detail, loc, source)
            said = message + set_by(loc, message)
            problems.append(source.problem(place or loc, said, at_key=at_key or place is not None))
    return problems


def _named_first(detail: ErrorDetails, loc: Loc, source: Source) -> Loc | None:
    """The entry of a section's map that a sentence about the section begins with: the better place, as for sasl.password."""
    if detail["type"] != "contradiction" or len(loc) != 1:
        return None
    word = detail["msg"].partition(" ")[0]
    return next((key for key in source.keys if len(key) == 3 and key[0] == loc[0] and key[2] == word), None)


def dotted(loc: Loc) -> str:
    """A path as it is written in prose: rules[0].body.to."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".")


def _words(detail: ErrorDetails, model: type[BaseModel], loc: Loc) -> tuple[str, bool]:
    kind, name = detail["type"], dotted(loc)
    match kind:
        case "missing":
            return f"{name} is missing{_why(model, loc)}", False
        case "extra_forbidden":
            suggestion = did_you_mean(loc[-1], _fields_at(model, loc[:-1]))
            return f"{name} is not known here: {suggestion}", True
        case "literal_error" | "enum":
            expected = detail.get("ctx", {})["expected"]
            choices = _QUOTED.findall(expected)
            if len(choices) > 1:
                hint = did_you_mean(detail["input"], choices)
                return f"{name} has a value that is not known: {hint}", False
            return f"{name} must be {expected}", False
    if kind not in _WORDS:  # our own validators: their text is a sentence already
        prefix = f"{name}: " if name else ""
        return f"{prefix}{detail['msg'].removeprefix('Value error, ')}", False
    pattern = detail.get("ctx", {}).get("pattern")
    if pattern in _PATTERNS:
        return f"{name or 'this'} {_PATTERNS[pattern]}", False
    quotes = ": put it in quotes" if isinstance(detail["input"], int | float) else ""
    bounds = {key: _plain(value) for key, value in detail.get("ctx", {}).items()}
    return f"{name or 'this'} {_WORDS[kind].format_map({'quotes': quotes, **bounds})}", False


def _plain(value: object) -> object:
    """30, not 30.0: as people write it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _why(model: type[BaseModel], loc: Loc) -> str:
    """The field's own description: it says what to write."""
    for owner in _models_at(model, loc[:-1]):
        for name, field in owner.model_fields.items():
            if loc[-1] == (field.alias or name) and field.description:
                return f" ({field.description.rstrip('.')})"
    return ""


def _without_tags(loc: tuple[int | str, ...], data: object) -> Loc:
    """Pydantic names union members and dict keys (`[key]`) in paths; a file does not."""
    kept: list[int | str] = []
    here = data
    for part in loc:
        if isinstance(here, Mapping) and part != "[key]":
            kept.append(part)
            here = here.get(part)
        elif here is None and part != "[key]":  # not in the file: it came from the environment
            kept.append(part)
        elif isinstance(here, list) and isinstance(part, int):
            kept.append(part)
            here = here[part]
    return tuple(kept)


def _models_at(model: type[BaseModel], loc: Loc) -> list[type[BaseModel]]:
    models = [model]
    for part in loc:
        inner: list[object] = []
        for owner in models:
            field = next((f for n, f in owner.model_fields.items() if part == (f.alias or n)), None)
            if field is not None:
                inner.append(field.annotation)
        if inner:
            models = [found for annotation in inner for found in _models_in(annotation)]
        # Else `part` is a key of a dict or an index: its models were found with the field around it.
    return models


def _models_in(annotation: object) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for part in get_args(annotation):
            yield from _models_in(part)


def _fields_at(model: type[BaseModel], loc: Loc) -> list[str]:
    return [
        field.alias or name for owner in _models_at(model, loc) for name, field in owner.model_fields.items()
    ]
