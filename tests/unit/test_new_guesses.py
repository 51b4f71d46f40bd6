"""What `new` guesses from names, types and docs, and that nothing unsure is passed off as sure."""

import re
from pathlib import Path
from typing import Any

import pytest

from connector.workbench.new.draft import report
from connector.workbench.testing.run import run_tests
from tests.unit.new_drafts import body, enum, made_for, record, rules_of, valid


@pytest.mark.parametrize(
    ("kind", "doc", "call", "message", "value"),
    [
        ("long", "epoch milliseconds", "@", "to_seconds(@)", 1_793_692_800_000),
        ("long", "Unix epoch in ms.", "@", "to_seconds(@)", 1_793_692_800_000),
        ("long", "epochMillis, UTC", "@", "to_seconds(@)", 1_793_692_800_000),
        ("long", "Unix time (seconds)", "to_millis(@)", "@", 1_793_692_800),
        ("double", "secs since 1970", "to_millis(@)", "int(@)", 1_793_692_800.0),
        ("string", "ISO 8601", "parse_time(@)", "to_seconds(parse_time(@))", "2026-11-03T08:00:00Z"),
        ("string", "milliseconds", "int(@)", "to_seconds(int(@))", "1793692800000"),
    ],
)
def test_a_doc_says_the_unit_of_a_time(
    tmp_path: Path, kind: str, doc: str, call: str, message: str, value: object
) -> None:
    """It is taken as said, for calls and messages, and the made-up record has the moment in that unit."""
    definition = record(call_id="string")
    definition["fields"].append({"name": "eventTime", "type": kind, "doc": doc})
    for operation, field, expression in (
        ("update-call", "occurred_at", call), ("sync-inbound-message", "delivered_at", message),
    ):  # fmt: skip
        made = made_for([definition], operation, file=tmp_path)
        assert body(made)[field] == f"${{{expression.replace('@', 'value.eventTime')}}}"
        assert f"likely  body.{field}" in re.sub(" +", "  ", report(made))
        assert next(iter(made.samples.values()))["value"]["eventTime"] == value  # type: ignore[index]
        assert run_tests(valid(made, tmp_path)).passed


def test_units_that_contradict_one_another_are_marked() -> None:
    """The name says one, the doc another."""
    definition = record(call_id="string")
    definition["fields"].append({"name": "eventTimeMs", "type": "long", "doc": "in seconds"})
    made = made_for([definition], "update-call")
    assert "# TODO: the schema speaks of milliseconds and seconds; milliseconds are assumed" in made.text


def test_a_time_of_day_or_a_duration_is_no_moment() -> None:
    """Milliseconds since midnight, and 32 bits of milliseconds, are not since 1970."""
    made = made_for(
        [record(created_at={"type": "int", "logicalType": "time-millis"}, time_ms="int", durationMs="long")],
        "update-call",
    )
    assert "# TODO: occurred_at: no field looks like a time; left out" in made.text


@pytest.mark.parametrize(
    "operations",
    [
        ("sync-inbound-message", "sync-outbound-message"),
        ("sync-outbound-message", "sync-inbound-message"),
    ],
)
def test_messages_of_both_directions_are_told_apart(tmp_path: Path, operations: tuple[str, ...]) -> None:
    """Both rules hold for their own records, and each has a test that reaches it."""
    schema = record(
        messageId="string", chatId="string", text="string", direction=enum("D", "Inbound", "Outbound", "Internal"),
        **{"from": "string", "to": "string"},
    )  # fmt: skip
    made = made_for([schema], *operations, file=tmp_path)
    whens = {rule["operation"]: rule["when"] for rule in rules_of(made)}
    assert whens == {
        "sync-inbound-message": '${schema.name == "Event" && value.direction == "Inbound"}',
        "sync-outbound-message": '${schema.name == "Event" && value.direction == "Outbound"}',
    }
    assert "dead letters: Internal" in made.text
    outcome = run_tests(valid(made, tmp_path))
    assert len(outcome.results) == 2
    assert outcome.passed


def test_a_text_that_says_the_direction_is_marked(tmp_path: Path) -> None:
    """Its values are made up."""
    made = made_for([record(text="string", direction="string")], "sync-inbound-message", file=tmp_path)
    assert 'value.direction in ["inbound", "INBOUND", "incoming"]' in rules_of(made)[0]["when"]
    assert "# TODO: the schema does not say which values there are: these are made up" in made.text
    assert run_tests(valid(made, tmp_path)).passed


def test_a_topics_name_is_no_persons(tmp_path: Path) -> None:
    """A field that has another thing in its name is not taken, or is a guess."""
    made = made_for([record(to="string", topicName="string", text="string")], "sync-outbound-message")
    assert body(made)["to"] == [{"handle": "${value.to}"}]


@pytest.mark.parametrize(
    ("fields", "name", "todo"),
    [
        ({"firstName": "string", "lastName": "string"}, '${value.sender.firstName + " " + value.sender.lastName}',
         "joined from value.sender.firstName and value.sender.lastName"),
        ({"firstName": ["null", "string"], "lastName": ["null", "string"], "nickname": "string"},
         '${value.?sender.?firstName.optMap(it, (it + " " + value.?sender.?lastName.orValue("")).trim())}',
         "there is also value.sender.nickname"),
        ({"firstName": "string", "nickname": "string"}, "${value.sender.nickname}",
         "a guess; there is also value.sender.firstName"),
        ({"firstName": "string"}, "${value.sender.firstName}", "a guess"),
        ({"displayName": "string", "firstName": "string"}, "${value.sender.displayName}", "line-1"),
    ],
)  # fmt: skip
def test_a_name_in_parts_is_joined(tmp_path: Path, fields: dict[str, Any], name: str, todo: str) -> None:
    """A display name first; what is a choice is marked."""
    sender = {**record(address="string", **fields), "name": "Sender"}
    made = made_for(
        [record(sender=sender, text="string", line_id="string")], "sync-inbound-message", file=tmp_path
    )
    assert body(made)["sender"]["name"] == name
    assert todo in made.text
    assert run_tests(valid(made, tmp_path)).passed


def test_the_state_is_the_enum_whose_symbols_fit_best(tmp_path: Path) -> None:
    """Not the one of which one symbol in five happens to fit."""
    call = {**record(state=enum("State", "RINGING", "ANSWERED", "ENDED")), "name": "Call"}
    event = enum("Kind", "ENDED", "CONFIGURED", "TAGGED", "RATED", "EXPORTED")
    made = made_for([record(call_id="string", status=event, call=call)], "update-call", file=tmp_path)
    assert body(made)["call_status"].endswith("[value.call.state]}")
    alone = made_for([record(call_id="string", status=event)], "update-call")
    assert not re.search(r"likely +body\.call_status", report(alone))


def test_a_handle_is_found_in_records_within_records(tmp_path: Path) -> None:
    """The normalized form rather than the raw one, and never the agent's."""
    other = {**record(addressRaw="string", addressNormalized="string"), "name": "Other"}
    agent = {**record(number="string"), "name": "Agent"}
    call = {**record(id="string", agent=agent, other=other), "name": "Call"}
    made = made_for([record(call=call)], "create-call", file=tmp_path)
    assert body(made)["from"]["handle"] == "${value.call.other.addressNormalized}"


def test_every_guess_that_is_not_likely_is_marked_in_the_file() -> None:
    """The last line of the report counts the marks, and a place that is left out has one too."""
    made = made_for([record(call_id="string", contact_ref_number="string", weight="double")], "update-call")
    unsure = [guess for found in made.guesses.values() for guess in found if guess.confidence != "likely"]
    marks = made.text.count("# TODO: ")
    assert marks >= len(unsure) > 0
    assert report(made).endswith(f"{marks} places to look at, each marked with TODO")


def test_a_date_says_no_direction(tmp_path: Path) -> None:
    """It is text to expressions, and whatever its name, no word for a direction fits into a made-up record."""
    date = {"type": "int", "logicalType": "date"}
    made = made_for([record(call_id="string", direction=date)], "create-call", file=tmp_path)
    assert "# TODO: no field says who calls whom" in made.text
    assert run_tests(valid(made, tmp_path)).passed


def test_a_message_whose_event_has_no_id_gets_the_record_s(tmp_path: Path) -> None:
    """A word that all messages shared would make Front drop all but the first; one that may be absent is no gap."""
    bare = made_for([record(text="string")], "sync-inbound-message", file=tmp_path)
    assert body(bare)["metadata"]["external_id"] == "${record_id}"
    note = "no field looks like a message's id: this is made of where the record lies"
    assert f"# TODO: {note}" in bare.text
    assert run_tests(valid(bare, tmp_path)).passed
    optional = made_for([record(message_id=["null", "string"], text="string")], "sync-outbound-message")
    assert body(optional)["metadata"]["external_id"] == "${value.message_id}"
    assert "Front needs external_id" not in optional.text
