"""What `build` refuses, and how it says so: where, what, what to do, and never the value."""

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from connector.core.operations import OPERATIONS, Invalid, Request
from connector.core.operations.invalid import explain, shown, unknown
from connector.core.records import Channel
from tests.support.requests import (
    ALIAS,
    CALL,
    INBOUND,
    LINE,
    METADATA,
    OUTBOUND,
    TEMPLATE,
    attempt,
    body_of,
    refused,
    sent,
)

_SECRET = "zq7-secret-value"
# fmt: off
_BAD: list[tuple[str, object, str, str]] = [
    ("update-call", {"call_status": _SECRET}, "body.call_status", "must be 'queued', 'ringing', 'connected', 'hold', 'hangup', 'abandoned', 'missed' or 'transferred'"),
    ("update-channel", {"status": 1}, "body.status", "must be 'offline' or 'ok'"),
    ("add-call-transcript", {"lines": []}, "body.lines", "must have at least one entry"),
    ("add-call-transcript", {"lines": [{**LINE, "start_time_seconds": float("nan")}]}, "body.lines[0].start_time_seconds", "must be a finite number"),
    ("add-call-transcript", {"lines": [{**LINE, "start_time_seconds": 10**400}]}, "body.lines[0].start_time_seconds", "must be a finite number"),
    ("add-call-transcript", {"lines": [LINE, {**LINE, "start_time_seconds": True}]}, "body.lines[1].start_time_seconds", "must be a finite number"),
    ("add-call-summary", {"content": ""}, "body.content", "must not be empty"),
    ("add-call-summary", {}, "body.content", "is required"),
    ("add-call-summary", {"content": None}, "body.content", "is required, but it is null"),
    ("add-call-summary", {"content": 5}, "body.content", "must be a string"),
    (
        "update-external-message-status",
        {"status": "failed", "reason": "a\ud800"},
        "body.reason",
        "must be valid Unicode: it has half a surrogate pair",
    ),
    (
        "sync-inbound-message",
        {**INBOUND, "attachments": [{"url": "https://a.b/c"}] * 101},
        "body.attachments",
        "must have at most 100 entries",
    ),
    ("add-call-summary", {"content": "a\ud800"}, "body.content", "must be valid Unicode: it has half a surrogate pair"),
    ("sync-inbound-message", {**INBOUND, "sender": {}}, "body.sender.handle", "is required"),
    ("sync-inbound-message", {**INBOUND, "sender": {"handle": ""}}, "body.sender.handle", "must not be empty"),
    ("sync-inbound-message", {**INBOUND, "sender": _SECRET}, "body.sender", "must be an object"),
    ("sync-inbound-message", {**INBOUND, "metadata": {"external_id": "m"}}, "body.metadata.external_conversation_id", "is required"),
    ("sync-inbound-message", {**INBOUND, "metadata": {**METADATA, "external_id": ""}}, "body.metadata.external_id", "must not be empty"),
    ("sync-inbound-message", {**INBOUND, "delivered_at": 1789000042000}, "body.delivered_at", "must be in seconds since 1970; this looks like milliseconds or finer: divide it"),
    ("sync-inbound-message", {**INBOUND, "delivered_at": 1789000042.5}, "body.delivered_at", "must be whole seconds since 1970, as an integer"),
    ("sync-inbound-message", {**INBOUND, "delivered_at": "1789000042"}, "body.delivered_at", "must be whole seconds since 1970, as an integer"),
    ("sync-inbound-message", {**INBOUND, "attachments": _SECRET}, "body.attachments", "must be a list"),
    ("sync-inbound-message", {**INBOUND, "sendr": _SECRET}, "body.sendr", "is not known here: did you mean sender?"),
    ("sync-inbound-message", {**INBOUND, "metadata": {**METADATA, "zz": 1}}, "body.metadata.zz", "is not known here; known are: external_conversation_id, external_id, referenced_message_external_id"),
    ("sync-inbound-message", {**INBOUND, 5: 1}, "body", "has a key that is not a string"),
    ("sync-inbound-message", {**INBOUND, "metadata": {**METADATA, 5: 1}}, "body.metadata", "has a key that is not a string"),
    ("sync-inbound-message", [_SECRET], "body", "must be an object"),
    ("sync-outbound-message", {**OUTBOUND, "to": []}, "body.to", "must have at least one entry"),
    ("sync-outbound-message", {**OUTBOUND, "to": [{"handle": ""}]}, "body.to[0].handle", "must not be empty"),
    ("sync-outbound-message", {**OUTBOUND, "to": {"handle": "h"}}, "body.to", "must be a list"),
    ("sync-outbound-message", {**OUTBOUND, "to": [{"handle": "h", "nam": 1}]}, "body.to[0].nam", "is not known here: did you mean name?"),
    ("sync-outbound-message", {**OUTBOUND, "author_id": ""}, "body.author_id", "must not be empty"),
    ("sync-application-message-template", {**TEMPLATE, "is_disabled": "false"}, "body.is_disabled", "must be true or false"),
    ("update-application-message-template", {"variable_mappings": [{"uid": "v", "name": "n"}]}, "body.variable_mappings[0].type", "is required"),
    ("update-application-message-template", {"external_id": "tpl"}, "body.external_id", "is not known here; known are: blurb, is_disabled, name, status_name, template_preview, variable_mappings"),
    ("create-call", {**CALL, "direction": _SECRET}, "body.direction", "must be 'inbound' or 'outbound'"),
    ("create-call", {key: CALL[key] for key in CALL if key != "direction"}, "body.direction", "is required, and must be 'inbound' or 'outbound'"),
    ("create-call", [_SECRET], "body", "must be an object"),
    ("create-call", {**CALL, "to": {"handle": "h"}}, "body.to", "is not known here; known are: agent_email_address, direction, external_call_id, from, initial_status, parent_external_call_id, started_at"),
    ("create-call", {**CALL, "from": {"handle": "h", "mail": 1}}, "body.from.mail", "is not known here; known are: handle, name"),
    ("create-call", {**CALL, "parent_external_call_id": ""}, "body.parent_external_call_id", "must not be empty"),
    ("create-call", {**CALL, "started_at": 1789000000}, "body.started_at", "must be in milliseconds since 1970; this looks like seconds: multiply by 1000"),
    ("create-call", {**CALL, "started_at": 1789000000000000}, "body.started_at", "must be in milliseconds since 1970; this looks like microseconds: divide by 1000"),
    ("create-call", {**CALL, "started_at": "1789000000000"}, "body.started_at", "must be a finite number"),
]
# fmt: on
# ruff: noqa: E501


@pytest.mark.parametrize(("name", "body", "path", "message"), _BAD)
def test_bad_05_a_body_that_breaks_the_contract_is_refused_by_field(
    name: str, body: object, path: str, message: str
) -> None:
    """One problem each: where, what, and what to do; the value itself is never shown."""
    problems = refused(name, body)
    assert problems == (Invalid(path, message),)
    assert _SECRET not in str(problems)


@pytest.mark.parametrize(("char", "units"), [("x", 1), ("é", 1), ("漢", 1), ("🙂", 2)])
@pytest.mark.parametrize(
    "field", ["external_id", "external_conversation_id", "referenced_message_external_id"]
)
def test_bad_06_ids_of_200_units_are_sent_and_longer_ones_refused(field: str, char: str, units: int) -> None:
    """JavaScript counts UTF-16 units, so an emoji counts twice; an id is never cut."""
    fits, over = char * (200 // units), char * (200 // units + 1)
    request = sent("sync-inbound-message", {**INBOUND, "metadata": {**METADATA, field: fits}})
    assert body_of(request)["metadata"][field] == fits
    assert refused("sync-inbound-message", {**INBOUND, "metadata": {**METADATA, field: over}}) == (
        Invalid(
            f"body.metadata.{field}",
            f"has {200 + units} UTF-16 units, the most is 200: write short_id(...) around it, in every rule alike",
        ),
    )


@pytest.mark.parametrize("name", ["conv_ext_id", "message_ext_id"])
def test_bad_06_path_ids_of_messages_have_the_same_limit(name: str) -> None:
    """An id that could not have been created cannot be updated."""
    ids = {"conv_ext_id": "room-9", "message_ext_id": "m-1"}
    assert isinstance(attempt("update-external-message-status", params={**ids, name: "x" * 200}), Request)
    assert refused("update-external-message-status", params={**ids, name: "x" * 201}) == (
        Invalid(
            f"path.{name}",
            "has 201 UTF-16 units, the most is 200: write short_id(...) around it, in every rule alike",
        ),
    )


@pytest.mark.parametrize(
    ("params", "problems"),
    [
        ({}, [("path.external_call_id", "is required")]),
        ({"external_call_id": None}, [("path.external_call_id", "is required")]),
        ({"external_call_id": ""}, [("path.external_call_id", "must not be empty")]),
        ({"external_call_id": 17}, [("path.external_call_id", "must be a string")]),
        (
            {"external_call_id": "\udc00"},
            [("path.external_call_id", "must be valid Unicode: it has half a surrogate pair")],
        ),
        (
            {"external_cal_id": "leg-1"},
            [
                ("path.external_call_id", "is required"),
                ("path.external_cal_id", "is not known here: did you mean external_call_id?"),
            ],
        ),
        (
            {"external_call_id": "leg-1", "channel": "cha_7"},
            [("path.channel", "is not known here; known are: external_call_id")],
        ),
    ],
)
def test_path_ids_are_checked(params: dict[str, object], problems: list[tuple[str, str]]) -> None:
    """Each id of the path must be there, be a string, and not be empty; others are refused."""
    assert refused("update-call", params=params) == tuple(Invalid(*problem) for problem in problems)


def test_an_operation_without_path_ids_takes_none() -> None:
    """The channel is named elsewhere."""
    assert refused("create-call", params={"id": "1"}) == (
        Invalid("path.id", "is not known here; known are: none"),
    )


def test_an_empty_channel_is_refused() -> None:
    """It would address the list of channels."""
    empty = Channel(id="", real_id="", company="acme", app="support")
    assert refused("update-channel", channel=empty) == (
        Invalid("channel", "must not be empty: give the cha_ id"),
    )


def test_everything_wrong_is_told_at_once() -> None:
    """Channel, path and body problems come together, in this order."""
    problems = refused("update-call", {"call_status": "x"}, params={}, channel=ALIAS)
    assert [problem.path for problem in problems] == ["channel", "path.external_call_id", "body.call_status"]


def test_the_same_mistake_in_a_thousand_lines_is_told_twenty_times() -> None:
    """What is told has a bound."""
    problems = refused("add-call-transcript", {"lines": [{}] * 1000})
    assert len(problems) == 20


def test_a_key_that_is_no_field_name_is_not_shown() -> None:
    """An expression can hand over a map whose keys are data."""
    (problem,) = refused("sync-inbound-message", {**INBOUND, "+49 30 555010": 1})
    assert problem.path == "body.*"
    assert "555010" not in problem.message


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_no_model_shows_its_input_when_it_fails(name: str) -> None:
    """Even an error that escapes as text holds no record data."""
    with pytest.raises(ValueError) as error:
        OPERATIONS[name].body.model_validate(
            {"direction": "inbound", "content": 5, "more": _SECRET, "to": _SECRET}
        )
    assert _SECRET not in str(error.value)


_SECONDS = "must be in seconds since 1970; "
_MILLISECONDS = "must be in milliseconds since 1970; "
_MILLISECONDS_ARE = _SECONDS + "this looks like milliseconds or finer: divide it"
_DIVIDED_TWICE = _SECONDS + "this would be before March 1973: was it divided twice?"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (10**8, None),
        (10**8 - 1, _DIVIDED_TWICE),
        (10**11, None),
        (10**11 + 1, _MILLISECONDS_ARE),
        (True, "must be whole seconds since 1970, as an integer"),
    ],
)
def test_bad_08_seconds_have_a_range_that_milliseconds_do_not_reach(value: object, why: str | None) -> None:
    """From 1973 to the year 5138, both ends included."""
    body = {**INBOUND, "delivered_at": value}
    if why is None:
        assert body_of(sent("sync-inbound-message", body)) == body
    else:
        assert refused("sync-inbound-message", body) == (Invalid("body.delivered_at", why),)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (10**11, None),
        (10**11 - 1, _MILLISECONDS + "this looks like seconds: multiply by 1000"),
        (10**14, None),
        (10**14 + 1, _MILLISECONDS + "this looks like microseconds: divide by 1000"),
    ],
)
def test_bad_08_milliseconds_have_a_range_that_seconds_do_not_reach(value: int, why: str | None) -> None:
    """From 1973 to the year 5138, both ends included."""
    body: dict[str, object] = {"call_status": "hangup", "occurred_at": value}
    if why is None:
        assert body_of(sent("update-call", body)) == body
    else:
        assert refused("update-call", body) == (Invalid("body.occurred_at", why),)


@pytest.mark.parametrize("value", [1e308, -1e308, 0, -1.5])
def test_bad_08_a_number_may_be_any_that_is_finite(value: float) -> None:
    """A line may even begin before its call."""
    body: dict[str, object] = {"lines": [{**LINE, "start_time_seconds": value}]}
    assert body_of(sent("add-call-transcript", body)) == body


@pytest.mark.parametrize("value", [1.1e308, -1.1e308, float("-inf"), "1", None])
def test_bad_08_what_is_no_finite_number_is_refused(value: object) -> None:
    """Nor what is so large that a reader may take it for infinite."""
    problems = refused("add-call-transcript", {"lines": [{**LINE, "start_time_seconds": value}]})
    assert problems == (Invalid("body.lines[0].start_time_seconds", "must be a finite number"),)


@pytest.mark.parametrize("key", ["+sender", "sender\n", "", 5, None, ("sender",)])
def test_a_key_that_is_no_field_name_is_likened_to_none(key: object) -> None:
    """It may be data, and what it comes close to would tell of it."""
    assert unknown(key, ["subject", "sender"]) == "is not known here; known are: sender, subject"
    assert shown(key) == "*"


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    known: int = 0


class _Outer(BaseModel):
    inner: tuple[int, None | _Inner]  # noqa: RUF036 - the object stands last, that is the case


def test_words_are_found_for_bodies_that_are_still_to_come() -> None:
    """An error without words of ours says its kind; the object around a key is found wherever its field names it."""
    with pytest.raises(ValidationError) as caught:
        _Outer.model_validate({"inner": ["x", {"knwon": 1}]})
    assert explain(_Outer, caught.value) == (
        Invalid("body.inner[0]", "is not valid (int_parsing)"),
        Invalid("body.inner[1].knwon", "is not known here: did you mean known?"),
    )
