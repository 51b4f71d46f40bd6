"""Two versions of what a record becomes, compared: which kind of difference it is, and in which fields."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from connector.core.dead_letter import Failure
from connector.core.decode import SchemaId, SchemaNeeded
from connector.core.mapping import ChannelNeeded, Plan, Skip
from connector.core.operations import OPERATIONS, Request, build
from connector.core.prepare import Prepared
from connector.core.records import Channel, OrderKey
from connector.workbench.forms import FileContent
from connector.workbench.shadow.compare import Kind, Leaf, Value, compare
from tests.support.requests import CALL, CHANNEL, INBOUND, OF_CALL

FILE = {"content": b"%PDF", "name": "ünvoice.pdf", "content_type": "application/pdf"}


def request(
    operation: str,
    body: Mapping[str, Any],
    params: Mapping[str, str] | None = None,
    channel: Channel = CHANNEL,
    boundary: str = "b",
) -> Request:
    built = build(OPERATIONS[operation], channel, params or {}, body, boundary)
    assert isinstance(built, Request), built
    return built


def inbound(boundary: str = "b", **fields: Any) -> Request:
    return request("sync-inbound-message", {**INBOUND, **fields}, boundary=boundary)


def plan(*requests: Request, key: OrderKey = ("k",), rule: str = "r") -> Plan:
    return Plan(requests=requests, key=key, rule=rule)


def failure(reason: Any = "mapping_failed", message: str = "rule 'r', body.a: no such field") -> Failure:
    return Failure(reason=reason, stage="map", message=message, step="s", rule="r")


def fields(old: Plan, new: Plan) -> dict[str, tuple[Leaf | str, Leaf | str]]:
    """Operation and path of each difference -> what it was and is; "-" where the field is not there."""
    return {
        f"{diff.operation} {diff.path}": (
            diff.old.content if diff.old else "-",
            diff.new.content if diff.new else "-",
        )
        for diff in compare(old, new).diffs
    }


WAITS = ChannelNeeded(line="l", key=("line", "l"), rule="r", message="no row")
SENDS, LETTER, SKIPPED = plan(inbound()), failure(), Skip("rule", "r")


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (SENDS, SENDS, "same"),
        (SENDS, plan(inbound(body="other")), "changed"),
        (SENDS, plan(inbound(), key=("other",)), "order_key"),
        (SENDS, plan(inbound(body="other"), key=("other",)), "changed"),
        (SENDS, plan(inbound(), rule="renamed"), "same"),
        (SENDS, SKIPPED, "gone"),
        (SENDS, WAITS, "gone"),
        (SENDS, None, "gone"),
        (SENDS, LETTER, "dead_letter"),
        (SKIPPED, LETTER, "dead_letter"),
        (None, LETTER, "dead_letter"),
        (SKIPPED, SENDS, "new"),
        (LETTER, SENDS, "new"),
        (None, SENDS, "new"),
        (LETTER, SKIPPED, "ending"),
        (SKIPPED, WAITS, "ending"),
        (SKIPPED, None, "ending"),
        (SKIPPED, Skip("null_value"), "same"),
        (LETTER, failure("no_rule"), "reason"),
        (LETTER, failure(message="rule 'r', body.b: no such field"), "reason"),
        (LETTER, replace(LETTER, rule="q", message="rule 'q', body.a: no such field"), "same"),
        (None, None, "same"),
    ],
)
def test_every_pair_of_ends_is_one_kind(old: Prepared | None, new: Prepared | None, kind: Kind) -> None:
    """The rule's name alone is no difference, neither of requests nor in the sentence of a dead letter."""
    assert compare(old, new).kind == kind


def test_sides_say_outcome_rule_and_reason() -> None:
    """The message goes with a side, and does not tell one side from another: it would make a group of each record."""
    found = compare(LETTER, SKIPPED)
    assert (found.old.outcome, found.old.rule, found.old.reason) == ("dead_letter", "r", "mapping_failed")
    assert found.old.message == "rule 'r', body.a: no such field"
    assert (found.new.outcome, found.new.rule, found.new.reason) == ("skip", "r", "rule")
    assert found.old == replace(found.old, message="another")


def test_fields_are_told_with_path_old_and_new() -> None:
    """Changed, added and removed ones, in objects and in lists; what is the same is not told."""
    old = plan(inbound(subject="one", sender={"handle": "h", "name": "n"}))
    new = plan(inbound(subject="two", sender={"handle": "h"}, delivered_at=1_700_000_000))
    assert fields(old, new) == {
        "sync-inbound-message body.subject": ("one", "two"),
        "sync-inbound-message body.sender.name": ("n", "-"),
        "sync-inbound-message body.delivered_at": ("-", 1_700_000_000),
    }
    lists = [
        plan(request("sync-outbound-message", {"to": to, "body": "b", "metadata": INBOUND["metadata"]}))
        for to in ([{"handle": "a"}], [{"handle": "b"}, {"handle": "c"}])
    ]
    assert fields(*lists) == {
        "sync-outbound-message body.to[0].handle": ("a", "b"),
        "sync-outbound-message body.to[1].handle": ("-", "c"),
    }


def test_a_channel_is_one_difference_and_not_a_second_one_in_the_path() -> None:
    """Where it goes, whose limit it has and who signs are told one by one; ids in the path are told as the path."""
    call = {"call_status": "hangup"}
    old = plan(request("update-call", call, OF_CALL))
    other = Channel(id="cha_8", real_id="cha_8", company="acme", app="sales")
    assert fields(old, plan(request("update-call", call, OF_CALL, other))) == {
        "update-call channel": ("cha_7", "cha_8"),
        "update-call channel.real_id": ("cha_7", "cha_8"),
        "update-call channel.app": ("support", "sales"),
    }
    moved = fields(old, plan(request("update-call", call, {"external_call_id": "leg-2"})))
    assert list(moved) == ["update-call path"]
    assert moved["update-call path"] == ("/channels/{channel}/calls/leg-1", "/channels/{channel}/calls/leg-2")


def test_what_a_rule_says_of_answers_is_a_difference() -> None:
    """The request is the same, and what becomes of it is not."""
    changed = replace(inbound(), outcomes={404: "retry"})
    assert fields(plan(inbound()), plan(changed)) == {"sync-inbound-message outcomes.404": ("-", "retry")}


def test_an_order_key_is_told_beside_what_else_differs() -> None:
    """As its parts, for ids may hold any character."""
    found = compare(plan(inbound(), key=("a", "b:c")), plan(inbound(), key=("a:b", "c")))
    (diff,) = found.diffs
    assert (diff.path, diff.old, diff.new) == ("order key", Value(("a", "b:c")), Value(("a:b", "c")))


def test_a_form_is_compared_by_its_parts_and_not_by_its_boundary() -> None:
    """Another boundary alone is nothing; a part has the path that it has in JSON; a file is told without its bytes."""
    old = plan(inbound("one", attachments=[FILE]))
    assert compare(old, plan(inbound("two", attachments=[FILE]))).kind == "same"
    other = {**FILE, "content": b"%PDF-2"}
    found = fields(old, plan(inbound("two", attachments=[other], subject="ä")))
    file, changed = found.pop("sync-inbound-message body.attachments[0]")
    assert isinstance(file, FileContent)
    assert isinstance(changed, FileContent)
    assert (file.name, file.content_type, file.size) == ("ünvoice.pdf", "application/pdf", 4)
    assert (changed.size, changed.sha256 != file.sha256) == (6, True)
    assert found == {"sync-inbound-message body.subject": ("-", "ä")}


def test_a_body_that_becomes_a_form_differs_in_the_file_alone() -> None:
    """A form has only texts: a number that is the same one is no difference."""
    old = plan(inbound(delivered_at=1_700_000_000))
    new = plan(inbound(delivered_at=1_700_000_000, attachments=[FILE]))
    assert list(fields(old, new)) == ["sync-inbound-message body.attachments[0]"]


def test_requests_are_matched_by_operation_and_order() -> None:
    """One that is put before another does not make every field of the other differ."""
    call = request("create-call", CALL)
    first, second = (request("add-call-summary", {"content": content}, OF_CALL) for content in ("one", "two"))
    assert fields(plan(first), plan(call, first)) == {"create-call (whole request)": ("-", "create-call")}
    assert fields(plan(call, first, second), plan(call, first)) == {
        "add-call-summary 2 (whole request)": ("add-call-summary", "-")
    }
    assert fields(plan(first, second), plan(first, first)) == {
        "add-call-summary 2 body.content": ("two", "one")
    }
    assert fields(plan(call, first), plan(first, call)) == {
        "add-call-summary order of requests": (
            "create-call, add-call-summary",
            "add-call-summary, create-call",
        )
    }


def test_a_flag_is_not_the_number_that_equals_it() -> None:
    """1 and true are equal in Python and not in JSON."""
    old, new = (
        replace(inbound(), http=replace(inbound().http, content=content))
        for content in (b'{"a":1}', b'{"a":true}')
    )
    assert fields(plan(old), plan(new)) == {"sync-inbound-message body.a": (1, True)}


def test_names_that_are_no_plain_words_are_quoted_and_empty_things_are_values() -> None:
    """A path is read by people: a dot inside a name must not look like a step."""
    old, new = (
        replace(inbound(), http=replace(inbound().http, content=content))
        for content in (b'{"a.b":[],"c":{}}', b'{"a.b":[1],"c":null}')
    )
    assert fields(plan(old), plan(new)) == {
        'sync-inbound-message body["a.b"]': ("[]", "-"),
        'sync-inbound-message body["a.b"][0]': ("-", 1),
        "sync-inbound-message body.c": ("{}", None),
    }


def test_a_record_whose_schema_is_not_there_yet_is_a_defect() -> None:
    """Whoever compares has fetched it."""
    with pytest.raises(AssertionError):
        compare(SchemaNeeded(SchemaId(1)), SENDS)
