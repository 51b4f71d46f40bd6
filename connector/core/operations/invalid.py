"""What is wrong with a request, in words: where, what, what to do. No value of the record enters a message.

Keys are another matter: they come from the mapping file and must be shown to be mended. Since an expression
can also hand over a whole map, a key is shown only when it looks like a field's name.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from connector.core.operations import bodies

InvalidReason: TypeAlias = Literal["request_invalid", "attachment_rejected", "attachment_unavailable"]

SHOWN_MAX = 20
"""Most problems told of one request: a transcript may have thousands of lines with the same mistake."""

_NO_CALL_ID = "is required: none is made up for a call, as its other events must name it too"

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_VARIANTS: dict[str | int, type[BaseModel]] = {
    "inbound": bodies.CreateCallInbound,
    "outbound": bodies.CreateCallOutbound,
}

_WORDS = {
    "missing": "is required",
    "string_type": "must be a string",
    "string_unicode": "must be valid Unicode: it has half a surrogate pair",
    "string_too_short": "must not be empty",
    "too_short": "must have at least one entry",
    "too_long": "must have at most {max_length} entries",
    "literal_error": "must be {expected}",
    "bool_type": "must be true or false",
    "bytes_type": "must be bytes",
    "tuple_type": "must be a list",
    "invalid_key": "has a key that is not a string",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "union_tag_not_found": "is required, and must be {direction}",
    "union_tag_invalid": "must be {direction}",
}
_OURS = frozenset(
    {"attachment", "id", "seconds", "number", "milliseconds", "media_type", *get_args(InvalidReason)}
)
"""Errors that our own validators raise: their text is already in these words."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """One thing that Front would refuse, or silently drop.

    `path` is where: "channel", "path.external_call_id", "body.to[0].handle"; `message` goes on from there.
    """

    path: str
    message: str
    reason: InvalidReason = "request_invalid"


def explain(model: type[BaseModel], error: ValidationError) -> tuple[Invalid, ...]:
    """Pydantic's errors about a body, as ours: at most `SHOWN_MAX`."""
    details = [detail for detail in error.errors(include_url=False) if not _is_echo(detail)]
    return tuple(_explain(model, detail) for detail in details[:SHOWN_MAX])


def unknown(key: object, known: Iterable[str]) -> str:
    """Says that a key is not one of `known`, and which of them was probably meant."""
    names = sorted(known)
    named = isinstance(key, str) and _FIELD_NAME.fullmatch(key) is not None
    close = difflib.get_close_matches(str(key), names, n=1) if named else []
    if close:
        return f"is not known here: did you mean {close[0]}?"
    return f"is not known here; known are: {', '.join(names) or 'none'}"


def shown(key: object) -> str:
    """A key as it may appear in a path: itself if it looks like a field's name, else a star."""
    return key if isinstance(key, str) and _FIELD_NAME.fullmatch(key) else "*"


def _explain(model: type[BaseModel], detail: ErrorDetails) -> Invalid:
    kind, where = detail["type"], detail["loc"]
    if model is bodies.CreateCall:
        if where:  # the first part only says which of the two it is
            model, where = _VARIANTS[where[0]], where[1:]
        elif kind in ("union_tag_not_found", "union_tag_invalid"):
            where = ("direction",)
    if kind == "invalid_key":
        where = where[:-1]
    path = "body" + "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in where)
    if kind == "extra_forbidden":
        return Invalid(path, unknown(where[-1], _fields(_model_at(model, where[:-1]))))
    if kind in _OURS:
        return Invalid(path, detail["msg"], _reason(kind))
    if path == "body.external_call_id" and (detail["input"] is None or kind == "missing"):
        return Invalid(path, _NO_CALL_ID)
    if detail["input"] is None and kind != "missing":
        return Invalid(path, "is required, but it is null")
    words = _WORDS.get(kind, f"is not valid ({kind})")
    return Invalid(path, words.format_map({"direction": "'inbound' or 'outbound'", **detail.get("ctx", {})}))


def _is_echo(detail: ErrorDetails) -> bool:
    # A list whose only entry is wrong is reported a second time, as too short.
    return detail["type"] == "too_short" and bool(detail["input"])


def _reason(kind: str) -> InvalidReason:
    match kind:
        case "attachment_rejected" | "attachment_unavailable":
            return kind
        case _:
            return "request_invalid"


def _model_at(model: type[BaseModel], where: tuple[str | int, ...]) -> type[BaseModel]:
    for part in where:
        if isinstance(part, str):
            field = next(field for name, field in model.model_fields.items() if part == (field.alias or name))
            found = _model_in(field.annotation)
            assert found is not None, "an unknown key has a model around it"
            model = found
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _fields(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
