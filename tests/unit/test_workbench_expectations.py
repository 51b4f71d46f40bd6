"""An expectation that is not met, and how it would have to read."""

from typing import Any

import pytest

from connector.workbench.testing.differences import differences
from connector.workbench.testing.expectations import compare, in_full, renewed

SENT = {
    "requests": [
        {
            "operation": "update-call", "channel": "cha_1", "company": "shop", "app": "main",
            "url_path": "/channels/cha_1/calls/c", "path": {"external_call_id": "c"}, "body": {"a": 1, "b": [1, 2]},
        }
    ],
    "rule": "r", "order_key": ["call", "cha_1", "c"],
}  # fmt: skip
SKIPPED = {"skip": {"reason": "rule", "rule": "r", "words": "why"}}
DEAD = {"dead_letter": "mapping_failed", "error": "rule 'r', body.a: no", "rule": "r"}
WAITS = {"waits": "rule 'r', channel: no row", "rule": "r"}
RENEWED = [
    ({"body": {"a": 2}}, SENT, False, {"body": {"a": 1}}),
    ({"body": {"a": 2}}, SENT, True, {"body": {"a": 1, "b": [1, 2]}, "path": {"external_call_id": "c"}}),
    ({"body": {"z": 2, "a": 1}}, SENT, False, {"body": {"a": 1}}),
    ([{"operation": "create-call"}], SENT, False, [{"operation": "update-call"}]),
    (
        {"requests": [{"channel": "cha_2"}], "rule": "x"},
        SENT,
        False,
        {"requests": [{"channel": "cha_1"}], "rule": "r"},
    ),
    ({"path": "/x", "order_key": ["k"]}, SENT, False, {"path": "/channels/cha_1/calls/c", "order_key": SENT["order_key"]}),
    ({"skip": {"rule": "x"}}, SKIPPED, False, {"skip": {"rule": "r"}}),
    ({"skip": "no_rule"}, SKIPPED, False, {"skip": "why"}),
    ({"dead_letter": "no_rule", "error": "body.a"}, DEAD, False, {"dead_letter": "mapping_failed", "error": "body.a"}),
    ({"skip": True}, DEAD, False, DEAD),
    ({"waits": "nothing"}, WAITS, False, {"waits": "rule 'r', channel: no row"}),
    ({"waits": True, "rule": "x"}, WAITS, False, {"waits": True, "rule": "r"}),
    ({"skip": True}, WAITS, False, {"waits": True, "rule": "r"}),
    ({"waits": True}, SKIPPED, False, {"skip": {"rule": "r"}}),
    ({"body": {"a": 1}}, SKIPPED, False, {"skip": {"rule": "r"}}),
    (
        {"skip": True},
        SENT,
        False,
        {"operation": "update-call", "channel": "cha_1", "path": {"external_call_id": "c"}, "body": {"a": 1, "b": [1, 2]}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("written", "document", "exact", "wanted"), RENEWED, ids=range(len(RENEWED)))
def test_a_renewed_expectation_keeps_its_form_and_its_fields(
    written: object, document: dict[str, object], exact: bool, wanted: object
) -> None:
    """And is then met; one of another kind says everything."""
    assert compare(written, document, exact=exact) != ()
    assert renewed(written, document, exact=exact) == wanted
    assert compare(wanted, document, exact=exact) == ()
    assert compare(in_full(document), document, exact=exact) == ()


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"a": [value]}])
@pytest.mark.parametrize(
    ("expected", "actual", "same"), [(True, 1, False), (0, False, False), (1, 1.0, True), (True, True, True)]
)
def test_true_is_not_the_number_one(wrap: Any, expected: object, actual: object, same: bool) -> None:
    """Python has them equal, JSON has not, and Front refuses one of them."""
    assert (list(differences(wrap(expected), wrap(actual))) == []) is same
