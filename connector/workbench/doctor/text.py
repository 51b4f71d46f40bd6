"""What was found, in lines for people and as data for programs. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias

from connector.config.problems import counted
from connector.workbench.doctor.results import Examined, Fine, NotChecked, Result, Warn, Wrong

Mark: TypeAlias = Literal["ok", "warning", "WRONG", "not checked"]

_INDENT: Final = " " * 13


def mark(result: Result) -> Mark:
    """How a line begins."""
    match result:
        case Fine():
            return "ok"
        case Warn():
            return "warning"
        case Wrong():
            return "WRONG"
        case NotChecked():
            return "not checked"


def lines(alike: Sequence[Examined]) -> Iterator[tuple[Mark, str]]:
    """A line for each result, with what to do below it. `alike`: a check, or several with the same results."""
    name = ", ".join(one.name for one in alike)
    for result in alike[0].results:
        begin = f"{mark(result):<13}{name}: "
        match result:
            case Fine(said):
                yield "ok", begin + said
            case Warn(said, do) | Wrong(said, do):
                yield mark(result), begin + said + ("" if do is None else f"\n{_INDENT}-> {do}")
            case NotChecked(because):
                yield "not checked", begin + because


def verdict(found: Sequence[Examined]) -> str:
    """The last line."""
    wrong, warnings, unknown = count(found, "WRONG"), count(found, "warning"), count(found, "not checked")
    rest = ", ".join(
        text
        for number, text in (
            (warnings, counted(warnings, "warning")),
            (unknown, f"{unknown} not checked"),
        )
        if number
    )
    if not wrong:
        return f"nothing is wrong; {rest}" if rest else "all is well"
    return f"{wrong} wrong{f', {rest}' if rest else ''}: begin with {first_wrong(found)}"


def first_wrong(found: Sequence[Examined]) -> str | None:
    """The check that others may wait for."""
    return next((one.name for one in found if any(isinstance(item, Wrong) for item in one.results)), None)


def count(found: Sequence[Examined], what: Mark) -> int:
    """How many results are of this kind."""
    return sum(mark(result) == what for one in found for result in one.results)


def as_json(found: Sequence[Examined]) -> dict[str, Any]:
    """For programs: every result, in order."""
    return {
        "wrong": count(found, "WRONG"),
        "warnings": count(found, "warning"),
        "not_checked": count(found, "not checked"),
        "begin_with": first_wrong(found),
        "results": [{"check": one.name, **_result(result)} for one in found for result in one.results],
    }


def _result(result: Result) -> dict[str, str | None]:
    match result:
        case Fine(said):
            return {"result": "fine", "said": said}
        case Warn(said, do):
            return {"result": "warning", "said": said, "do": do}
        case Wrong(said, do):
            return {"result": "wrong", "said": said, "do": do}
        case NotChecked(because):
            return {"result": "not_checked", "because": because}
