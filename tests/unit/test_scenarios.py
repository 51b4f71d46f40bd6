"""The page of delivery scenarios and the tests agree: each promise has a test, and no test claims one that is not made."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "scenarios.md"
FAMILIES = ("LED", "ORD", "REB", "RET", "BRK", "DLQ", "SHD", "BAD", "REG", "ATT")

_ROW = re.compile(r"^\| ([A-Z]{3}-\d\d) \| (.+) \| ([^|]+) \|$", re.MULTILINE)
_ID = re.compile(r"(?<![a-z0-9])([a-z]{3})_(\d\d)(?![0-9])")
_ROOMS = {"simulation": "simulation", "kafka": "real Kafka", "contract": "contract"}
_LEVELS = {
    "tests.support.virtual_time": "virtual time",
    "tests.support.http_peer": "real HTTP",
    "tests.support.http_stage": "real HTTP",
}
"""What a unit test's imports say of the place where it runs."""


def promised(page: str) -> dict[str, frozenset[str]]:
    """Id -> the places where the page says that it is proven. An id that stands there twice is refused."""
    found: dict[str, frozenset[str]] = {}
    for scenario, _, places in _ROW.findall(page):
        assert scenario not in found, f"{scenario} stands there twice"
        found[scenario] = frozenset(places.split(", "))
    return found


def ids(name: str) -> Iterator[str]:
    """The scenarios that a test's name carries; other words with two digits are nobody's."""
    for family, number in _ID.findall(name):
        if family.upper() in FAMILIES:
            yield f"{family.upper()}-{number}"


def places(path: Path, tree: ast.Module) -> frozenset[str]:
    """Where a file's tests run."""
    room = path.relative_to(ROOT / "tests").parts[0]
    if room in _ROOMS:
        return frozenset({_ROOMS[room]})
    imports = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return frozenset(level for name, level in _LEVELS.items() if name in imports) or frozenset({"unit"})


@cache
def carried() -> Mapping[str, frozenset[str]]:
    """Id -> the places of the tests that carry it."""
    found: dict[str, frozenset[str]] = defaultdict(frozenset)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for scenario in ids(node.name):
                    found[scenario] |= places(path, tree)
    return found


def test_every_promise_is_carried_by_a_test_where_the_page_says() -> None:
    """What is promised and not tried is a wish."""
    page = promised(PAGE.read_text(encoding="utf-8"))
    missing = {
        scenario: sorted(where - carried().get(scenario, frozenset())) for scenario, where in page.items()
    }
    assert {scenario: where for scenario, where in missing.items() if where} == {}


def test_no_test_carries_a_promise_that_the_page_does_not_make() -> None:
    """A mistyped id would prove nothing."""
    assert sorted(set(carried()) - set(promised(PAGE.read_text(encoding="utf-8")))) == []


def test_the_page_has_every_family_in_order() -> None:
    """Families as they are listed here, numbers ascending, each row with a sentence."""
    page = PAGE.read_text(encoding="utf-8")
    listed = list(promised(page))
    assert listed == sorted(listed, key=lambda scenario: (FAMILIES.index(scenario[:3]), scenario))
    assert {scenario[:3] for scenario in listed} == set(FAMILIES)
    assert all(sentence.endswith(".") for _, sentence, _ in _ROW.findall(page))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("test_led_02_head_blocks", ["LED-02"]),
        ("test_led_09_reb_11_the_map_moves", ["LED-09", "REB-11"]),
        ("test_a_bad_10_row", ["BAD-10"]),
        ("test_the_first_100_of_sha_25", []),
        ("test_led_123_and_failed_02", []),
    ],
)
def test_the_reader_finds_ids_and_nothing_else(name: str, found: list[str]) -> None:
    """Several ids in one name; longer words and numbers are none."""
    assert list(ids(name)) == found
