"""What a Python mapper returned becomes plain values within bounds, and runs no code of its own any more."""

import itertools
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connector.core.mapping import Plan, Refusal
from tests.unit.test_mapping import SECRET
from tests.unit.test_mapping_mapper import OK, mapped


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An importable module, for mappers of a test's own."""
    made = ModuleType("our_mappers")
    monkeypatch.setitem(sys.modules, "our_mappers", made)
    return made


class Deep(dict[str, object]):
    """A map within itself."""

    def __init__(self) -> None:
        super().__init__()
        self["again"] = self


class Nasty(dict[str, object]):
    """Whoever looks into it gets an exception."""

    def items(self) -> Any:
        raise LookupError(SECRET)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (itertools.repeat(OK), "mapper: returned more than 100 requests"),
        ([OK] * 101, "mapper: returned more than 100 requests"),
        ([{**OK, "body": Deep()}], "requests[0].body: has more than 32 maps and lists within one another"),
        (
            [{**OK, "body": {"status": "x" * 50_000_001}}],
            "mapper: returned requests of more than 50000000 characters and bytes together",
        ),
        (
            [{**OK, "body": {"status": ["x" * 1_000_000] * 51}}],
            "mapper: returned requests of more than 50000000 characters and bytes together",
        ),
        ([{**OK, "body": Nasty()}], "mapper: raised LookupError"),
        (
            [{**OK, "body": {"status": datetime(2026, 1, 1, tzinfo=UTC)}}],
            "requests[0].body: holds a datetime: give maps, lists, texts, bytes, numbers, flags or null",
        ),
    ],
)
def test_what_a_mapper_returns_is_bounded(
    tmp_path: Path, module: ModuleType, returned: object, said: str
) -> None:
    """Endless, huge, circular, or with code in it: one refusal of one record."""
    refusal = mapped(tmp_path, module, lambda _: returned)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.message) == (
        "mapping_failed",
        f"rule 'our_mappers:to_front', {said}",
    )


def runs(*_: object) -> Any:
    """What a method of a mapper's own class does when it is called."""
    raise AssertionError("code of a mapper runs where requests are made")


class Sly(str):
    """Passes for a text."""

    __slots__ = ()
    __len__ = __eq__ = encode = startswith = isprintable = runs  # type: ignore[assignment]
    __hash__ = str.__hash__


class Number(int):
    """Passes for a number."""

    __lt__ = __gt__ = __le__ = __ge__ = __eq__ = __str__ = runs
    __hash__ = int.__hash__


class Content(bytes):
    """Passes for bytes."""

    __len__ = __eq__ = __add__ = __iter__ = __getitem__ = runs
    __hash__ = bytes.__hash__


CALL = {
    "operation": "create-call",
    "channel": "cha_1",
    "body": {
        "external_call_id": "c",
        "parent_external_call_id": "c",
        "initial_status": "ringing",
        "direction": "inbound",
        "from": {"handle": "+4930123456"},
        "started_at": Number(1_769_860_800_000),
    },
}
FILE_OF_CALL = {"name": Sly("a.wav"), "content_type": "audio/wav", "content": Content(b"RIFF")}
RECORDING = {
    "operation": "add-call-recording",
    "channel": "cha_1",
    "path": {Sly("external_call_id"): Sly("c")},
    "body": {"recording_type": "call", "attachments": [FILE_OF_CALL]},
}


@pytest.mark.parametrize(
    ("returned", "part"), [(CALL, b"1769860800000"), (RECORDING, b"RIFF"), (RECORDING, b"a.wav")]
)
def test_what_a_mapper_returned_runs_no_code_when_its_request_is_made(
    tmp_path: Path, module: ModuleType, returned: object, part: bytes
) -> None:
    """A subclass of text, number or bytes becomes its plain value first."""
    plan = mapped(tmp_path, module, lambda _: [returned])
    assert isinstance(plan, Plan)
    assert part in plan.requests[0].http.content


def test_a_channel_of_a_mapper_s_own_texts_is_plain_in_the_plan(tmp_path: Path, module: ModuleType) -> None:
    """The order key is hashed where requests are sent."""
    channel = {"channel": Sly("cha_1"), "company": Sly("shop"), "app": Sly("main")}
    plan = mapped(
        tmp_path, module, lambda _: [{**OK, "operation": Sly("update-channel"), "channel": channel}]
    )
    assert isinstance(plan, Plan)
    (request,) = plan.requests
    assert {type(part) for part in (*plan.key, request.channel.id, request.channel.company)} == {str}
    assert plan.key == ("channel", "cha_1")


def test_a_text_that_lies_about_its_length_is_counted_as_it_is(tmp_path: Path, module: ModuleType) -> None:
    """And so are the names of fields."""
    for body in ({"status": Sly("x" * 50_000_001)}, {"x" * 50_000_001: "ok"}):
        refusal = mapped(tmp_path, module, lambda _, body=body: [{**OK, "body": body}])  # type: ignore[misc]
        assert isinstance(refusal, Refusal)
        assert "returned requests of more than 50000000 characters and bytes together" in refusal.message


def test_a_hundred_requests_are_taken(tmp_path: Path, module: ModuleType) -> None:
    """The bound itself is within the bounds."""
    plan = mapped(tmp_path, module, lambda _: [OK] * 100)
    assert isinstance(plan, Plan)
    assert len(plan.requests) == 100
