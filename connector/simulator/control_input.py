"""What the control routes are given, checked: numbers of the query, JSON bodies, models. No route lives here."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from connector.simulator.suggest import explain

_Model = TypeVar("_Model", bound=BaseModel)


class ControlError(Exception):
    """A control request that cannot be carried out; one line for each reason."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def whole(query: Mapping[str, str], name: str) -> int | None:
    """A number of the query; None if it is not there. Raises ControlError."""
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise ControlError([f"{name}: not a whole number"])
    return int(text)


def read_json(content: bytes) -> Any:
    """A body. Raises ControlError."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise ControlError(["the body is not JSON"]) from exc


def checked(model: type[_Model], data: Any, where: str = "") -> _Model:
    """A body as a model. Raises ControlError with a line for each mistake."""
    if not isinstance(data, dict):
        raise ControlError([f"{where.removesuffix('.')}: not an object" if where else "not an object"])
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        raise ControlError([f"{where}{line}" for line in explain(exc, model)]) from exc
