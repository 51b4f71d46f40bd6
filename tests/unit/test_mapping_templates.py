"""Trees of templates: what stands at a place must be of its kind, and what is said when it is not names the kind alone."""

import decimal

import pytest

from connector.core.expression import ABSENT
from connector.core.mapping import Constant, Fields, Items
from connector.core.mapping.templates import Failed, describe, evaluate, evaluate_flag, evaluate_text

NOTHING = Constant(ABSENT)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "true or false"),
        ("", "text"),
        (7, "a number"),
        (7.5, "a number"),
        (b"", "bytes"),
        ({}, "a map"),
        ([], "a list"),
        ((), "a list"),
        (None, "null"),
        (ABSENT, "absent"),
        (decimal.Decimal(1), "a Decimal"),
    ],
)
def test_a_value_is_told_by_its_kind(value: object, kind: str) -> None:
    """In the words of mapping files."""
    assert describe(value) == kind


def test_what_is_absent_leaves_its_place_out() -> None:
    """A field, an item, a map in a map; null is a value."""
    tree = Fields(
        (
            ("a", NOTHING),
            ("b", Items((Constant(1), NOTHING, Constant(None)))),
            ("c", Fields((("d", NOTHING),))),
        )
    )
    assert evaluate(tree, {}) == {"b": [1, None], "c": {}}


@pytest.mark.parametrize(("value", "text"), [("", ""), ("a", "a"), (0, "0"), (-7, "-7")])
def test_text_is_text_or_a_whole_number(value: object, text: str) -> None:
    """Written out as in JSON."""
    assert evaluate_text(Constant(value), {}, "path.id") == text


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (ABSENT, "is absent in this record, but needed"),
        (True, "must be text, but is true or false"),
        (1.5, "must be text, but is a number"),
        (None, "must be text, but is null"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(value: object, why: str) -> None:
    """The place, the kind, and nothing of the value."""
    with pytest.raises(Failed) as caught:
        evaluate_text(Constant(value), {}, "path.id")
    assert (caught.value.place, caught.value.why, str(caught.value)) == ("path.id", why, f"path.id: {why}")


@pytest.mark.parametrize(("value", "holds"), [(True, True), (False, False), (ABSENT, False)])
def test_a_condition_holds_if_it_is_true(value: object, holds: bool) -> None:
    """What is absent does not hold."""
    assert evaluate_flag(Constant(value), {}, "when") is holds


@pytest.mark.parametrize(("value", "kind"), [(1, "a number"), ("true", "text"), (None, "null")])
def test_a_condition_of_another_kind_is_refused(value: object, kind: str) -> None:
    """Nothing is taken for true that is not."""
    with pytest.raises(Failed) as caught:
        evaluate_flag(Constant(value), {}, "when")
    assert str(caught.value) == f"when: must be true or false, but is {kind}"
