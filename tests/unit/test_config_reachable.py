"""Rules that no record reaches: a warning with its place, and never an error."""

from pathlib import Path

import pytest

from connector.core.mapping import Rules
from tests.unit.config_files import folder, loaded, problems

HEAD = "version: 1\ntopics:\n  calls.v1:\n    start: latest\n    let: {kind: '${value.kind}'}\n    rules:\n"
USES = "      - {name: uses, when: '${kind == \"\"}', skip: true}\n"


def warnings(path: Path, *rules: str) -> list[str]:
    """Of rules in flow style, the first of which stands in line 8."""
    text = HEAD + USES + "".join(f"      - {{{rule}, skip: true}}\n" for rule in rules)
    found = loaded(folder(path, calls=text))
    maps = found.mappings.topics["calls.v1"].maps
    assert isinstance(maps, Rules)
    assert len(maps.rules) == len(rules) + 1
    return [said.replace(f"{path}/mappings/", "") for said in found.warnings]


NEVER = "the rule 'b' can never be reached"


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            ["name: a", "name: b"],
            [f"calls.yaml:9:9: {NEVER}: the rule 'a' in line 8 takes every record; move this one above it"],
        ),
        (
            ["name: a, when: '${true}'", "name: b, when: '${kind == \"x\"}'"],
            [f"calls.yaml:9:9: {NEVER}: the rule 'a' in line 8 takes every record; move this one above it"],
        ),
        (
            ["name: a, when: '${1 < 2}'", "name: b"],
            [f"calls.yaml:9:9: {NEVER}: the rule 'a' in line 8 takes every record; move this one above it"],
        ),
        (
            ["name: a, when: '${kind == \"x\"}'", "name: b, when: ' ${kind == \"x\"} '"],
            [f"calls.yaml:9:25: {NEVER}: the rule 'a' in line 8 has the same `when`"],
        ),
        (["name: b, when: '${false}'"], [f"calls.yaml:8:25: {NEVER}: its `when` is always false"]),
        (["name: b, when: '${1 > 2}'", "name: c"], [f"calls.yaml:8:25: {NEVER}: its `when` is always false"]),
        (["name: a, when: '${kind == \"x\"}'", "name: b, when: '${kind == \"y\"}'", "name: c"], []),
        (
            [
                "name: a, let: {k: '${value.a}'}, when: '${k == \"x\"}'",
                "name: b, let: {k: '${value.b}'}, when: '${k == \"x\"}'",
            ],
            [],
        ),
    ],
    ids=["no when", "true", "constant", "same", "false", "constant false", "fine", "lets of their own"],
)
def test_a_rule_that_no_record_reaches_is_a_warning(
    tmp_path: Path, rules: list[str], said: list[str]
) -> None:
    """Behind a rule without condition, behind the same condition, and one that never holds."""
    assert warnings(tmp_path, *rules) == said


def test_a_condition_that_is_no_condition_is_an_error(tmp_path: Path) -> None:
    """A constant that is neither true nor false would make every record a dead letter."""
    text = HEAD + USES + "      - {name: a, when: '${\"x\"}', skip: true}\n"
    assert problems(folder(tmp_path, calls=text)) == [
        "mappings/calls.yaml:8:25: when: must be true or false, but is text"
    ]
