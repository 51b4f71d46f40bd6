"""What is said of mistakes in mapping files: no text changes unseen, each has a place, and no key is without one."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from connector.config.mapping.file import (
    DefaultsShape,
    KeyShape,
    MappingFile,
    RequestShape,
    RuleShape,
    TopicShape,
    ValueShape,
)
from connector.config.mapping.tests import TestShape
from tests.support.mapping_mistakes import GROUPS, PAGE, RIGHT, Mistake, page, said_of

ALL = [mistake for mistakes in GROUPS.values() for mistake in mistakes]
_WITHOUT_A_PLACE = {"an empty file", "a megabyte in one expression", "operations on a call under two topics"}


def test_the_page_shows_what_is_said() -> None:
    """Else: python -m tests.support.mapping_mistakes, and look at what changed."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_file_without_a_mistake_is_valid(tmp_path: Path) -> None:
    """Else every row would say something else too."""
    assert said_of(Mistake("none", "version: 1", "version: 1"), tmp_path) == []


@pytest.mark.parametrize("mistake", ALL, ids=[mistake.name for mistake in ALL])
def test_every_mistake_is_told_with_its_place(mistake: Mistake, tmp_path: Path) -> None:
    """File, line and column, but for what is wrong with no line."""
    said = said_of(mistake, tmp_path)
    assert said, "nobody is told"
    for one in said:
        assert mistake.name in _WITHOUT_A_PLACE or re.match(
            r"(warning: )?mappings/calls(\.tests)?\.yaml:\d+:\d+: ", one
        ), one


@pytest.mark.parametrize(
    "shape",
    [MappingFile, TopicShape, ValueShape, KeyShape, RuleShape, RequestShape, DefaultsShape, TestShape],
)
def test_every_key_has_a_mistake(shape: type[BaseModel]) -> None:
    """A new key needs a row."""
    keys = {field.alias or name for name, field in shape.model_fields.items()}
    right = set(RIGHT.splitlines())
    written = [set(f"{mistake.part}\n{mistake.other}".splitlines()) - right for mistake in ALL]
    removed = [right - set(mistake.text.splitlines()) for mistake in ALL]
    changed = "\n".join(line for lines in written + removed for line in lines)
    assert {key for key in keys if not re.search(rf"\b{key}\b", changed)} <= {"exact"}  # a flag like any
