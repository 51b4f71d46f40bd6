"""Errors of what people write for the simulator (worlds, switches, fault rules), as one line each."""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint to put behind an unknown name, or nothing when no known name is near."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def explain(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for each mistake: where, what, and a name to use instead. Never the value: it may be a secret."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            hint = (
                did_you_mean(str(problem["loc"][-1]), model.model_fields) if len(problem["loc"]) == 1 else ""
            )
            lines.append(f"{where}: unknown name{hint}")
        else:
            told = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{where}: {told}" if where else told)
    return lines
