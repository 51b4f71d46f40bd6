"""The size of things, read from the syntax tree: what outgrows it is telling of a missing room.

The limits describe code that a person can hold in their head; they are not a score. An exception is a line in a table
below, with its reason; one that is no longer needed fails, so that the tables only shrink.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 6

LONG_FILES: Mapping[str, str] = {}
"""path -> why it may be longer than `FILE_LINES`."""

LONG_FUNCTIONS: Mapping[str, str] = {}
"""path::name -> why it may be longer than `FUNCTION_LINES`."""

MANY_PARAMETERS: Mapping[str, str] = {
    "connector/cli.py::probe": "each is an option of the verb",
    "connector/cli_mapping.py::check": "each is an option of the verb",
    "connector/cli_mapping.py::render": "each is an option of the verb",
    "connector/cli_mapping.py::shadow": "each is an option of the verb",
}
"""path::name -> why it may take more than `PARAMETERS`."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
SOURCES = sorted(
    str(path.relative_to(ROOT)) for room in ("connector", "tests") for path in (ROOT / room).rglob("*.py")
)


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), path)


def functions(node: ast.AST, owner: str) -> Iterator[tuple[str, Function]]:
    """Every function below `node`, nested ones too, as path::Class.name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            separator = "::" if "::" not in owner else "."
            name = f"{owner}{separator}{child.name}"
            if isinstance(child, Function):
                yield name, child
            yield from functions(child, name)
        else:
            yield from functions(child, owner)


def all_functions() -> Iterator[tuple[str, Function]]:
    for path in SOURCES:
        yield from functions(tree(path), path)


def parameters(function: Function) -> int:
    """How many a caller may give, `self` and its kin aside; `*args` and `**kwargs` count one each."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return len([one for one in named if one is not None and one.arg not in ("self", "cls")])


def length(function: Function) -> int:
    """Lines from `def` to the end. Decorators are not read with the function: a table of cases may be long."""
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def held(found: Mapping[str, int], limit: int, exceptions: Mapping[str, str]) -> None:
    """What exceeds the limit is exactly what is excepted."""
    over = {name: size for name, size in found.items() if size > limit}
    assert {name: size for name, size in over.items() if name not in exceptions} == {}
    assert [name for name in exceptions if name not in over] == [], "these exceptions are no longer needed"


def test_no_file_is_too_long() -> None:
    """A file is read in one sitting."""
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    held(lines, FILE_LINES, LONG_FILES)


def test_no_function_is_too_long() -> None:
    """A function fits on a screen, its docstring included."""
    held({name: length(function) for name, function in all_functions()}, FUNCTION_LINES, LONG_FUNCTIONS)


def test_no_function_takes_too_many_parameters() -> None:
    """What needs more of them wants an options type."""
    held({name: parameters(function) for name, function in all_functions()}, PARAMETERS, MANY_PARAMETERS)


def test_every_module_says_what_lives_in_it() -> None:
    """A docstring at its head; a package that only groups others has nothing to say and is empty."""
    silent = [path for path in SOURCES if ast.get_docstring(tree(path)) is None and tree(path).body]
    assert silent == []


@pytest.mark.parametrize(
    ("text", "name", "lines", "given"),
    [
        ("class A:\n    @property\n    def b(self, x, *, y=1, **z):\n        pass\n", "f::A.b", 2, 3),
        ("def a():\n    async def b(*c):\n        pass\n", "f::a.b", 2, 1),
        ("if True:\n    def a(x, /, y):\n        pass\n", "f::a", 2, 2),
    ],
)
def test_the_ruler_measures(text: str, name: str, lines: int, given: int) -> None:
    """Methods, nested and conditional functions are found; neither decorators nor `self` count."""
    function = dict(functions(ast.parse(text), "f"))[name]
    assert (length(function), parameters(function)) == (lines, given)


def test_the_ruler_reports() -> None:
    """Too long without an exception fails, and so does an exception without need."""
    with pytest.raises(AssertionError, match="long"):
        held({"long": 3, "short": 1}, 2, {})
    with pytest.raises(AssertionError, match="no longer needed"):
        held({"short": 1}, 2, {"short": "once it was long"})
    held({"long": 3}, 2, {"long": "because"})
