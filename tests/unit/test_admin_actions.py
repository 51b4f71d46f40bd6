"""What operators do through the listener on loopback: pause the group, settle a record; and who may not. Real sockets."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.core.skipping import NotNow, NotThisOne
from connector.ports import NotWritten
from tests.unit.admin_stage import NAME, Desk

ONE = f"/connectors/{NAME}"
HEAD = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
RECORD = {"topic": "calls", "partition": 1, "offset": 42, "reason": "Ticket 7: the caller's file is broken"}


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.listener.start()
    yield desk
    assert await desk.get("/connectors") == [NAME], "it does not answer any more"
    await desk.listener.close()


def changed(desk: Desk) -> list[Any]:
    """All that was asked of the process."""
    assert desk.control is not None
    return [*desk.control.said, *desk.settled]


# --- pause and resume ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "paused"), [("pause", True), ("resume", False)])
async def test_a_pause_is_202_without_a_body_once_it_is_acknowledged(
    desk: Desk, path: str, paused: bool
) -> None:
    """As with Connect; a reason may be given, and stands in the audit."""
    for options, reason in (({}, None), ({"json": {}}, None), ({"json": {"reason": "Übung"}}, "Übung")):
        answer = await desk.ask("PUT", f"{ONE}/{path}", **options)
        assert (answer.status_code, answer.content) == (202, b"")
        assert desk.control is not None
        assert desk.control.said[-1] == (paused, reason)
    told = desk.said("admin.action")
    assert [(line["action"], line["outcome"], line.get("reason")) for line in told] == [
        (path, "acknowledged", None),
        (path, "acknowledged", None),
        (path, "acknowledged", "Übung"),
    ]


@pytest.mark.parametrize(
    ("code", "effect"),
    [
        ("_MSG_TIMED_OUT", "It may have taken effect all the same: look at /status, and ask again."),
        ("TOPIC_AUTHORIZATION_FAILED", "Nothing has changed."),
    ],
)
async def test_what_kafka_does_not_acknowledge_is_503_with_what_is_known(
    desk: Desk, code: str, effect: str
) -> None:
    """Nobody is told 202 for a pause that may not last."""
    assert desk.control is not None
    desk.control.answer = NotWritten(code)
    answer = await desk.ask("PUT", f"{ONE}/pause")
    said = f"Kafka did not acknowledge it ({code}). {effect}"
    assert (answer.status_code, answer.json()) == (503, {"error_code": 503, "message": said})
    (line,) = desk.said("admin.action")
    assert (line["outcome"], line["error_type"]) == ("not acknowledged", code)


async def test_without_a_control_topic_it_is_405_and_names_the_setting() -> None:
    """One process never pauses alone."""
    desk = Desk(control=False)
    await desk.listener.start()
    for path in ("pause", "resume"):
        answer = await desk.ask("PUT", f"{ONE}/{path}")
        assert answer.status_code == 405
        assert "Set control.topic to a compacted topic" in answer.json()["message"]
        assert "allow" in answer.headers
    assert desk.said("admin.action") == []
    await desk.listener.close()


async def test_another_connector_is_not_paused(desk: Desk) -> None:
    """404, as for reading."""
    answer = await desk.ask("PUT", "/connectors/other/pause")
    assert answer.status_code == 404
    assert changed(desk) == []


# --- settle -------------------------------------------------------------------------------------------------------


async def test_a_settled_record_is_200_with_its_letter(desk: Desk) -> None:
    """And on record: what, where, why."""
    answer = await desk.ask("POST", "/admin/settle", json=RECORD)
    assert answer.status_code == 200
    assert answer.json() == {
        "topic": "calls",
        "partition": 1,
        "offset": 42,
        "outcome": "dead_lettered",
        "dead_letter": {"topic": "letters", "reason": "operator_skip"},
    }
    assert desk.settled == [("calls", 1, 42, RECORD["reason"])]
    (line,) = desk.said("admin.action")
    assert {name: line[name] for name in ("action", "outcome", "instance", *RECORD)} == {
        "action": "settle",
        "outcome": "dead_lettered",
        "instance": "pod-1",
        **RECORD,
    }


@pytest.mark.parametrize(("answer", "status"), [(NotThisOne("it is gone"), 409), (NotNow("it leaves"), 503)])
async def test_what_cannot_be_settled_is_told_in_a_sentence(
    desk: Desk, answer: NotThisOne | NotNow, status: int
) -> None:
    """409: not this record, or not here; 503: not now. Both on record."""
    desk.skipped = answer
    said = await desk.ask("POST", "/admin/settle", json=RECORD)
    message = f"The record was not settled: {answer.why}."
    assert (said.status_code, said.json()) == (status, {"error_code": status, "message": message})
    assert desk.said("admin.action")[0]["outcome"] == "refused"


# --- what may not be sent -----------------------------------------------------------------------------------------


def _record(**changes: object) -> str:
    return json.dumps({**RECORD, **changes})


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        '"text"',
        "{",
        _record(more=1),
        _record(topic=1),
        _record(topic=""),
        _record(topic="a b"),
        _record(topic="a" * 250),
        _record(partition="1"),
        _record(partition=1.0),
        _record(partition=True),
        _record(partition=-1),
        _record(partition=2**31),
        _record(offset="42"),
        _record(offset=None),
        _record(offset=-1),
        _record(offset=2**63),
        _record(reason=""),
        _record(reason=None),
        _record(reason=["text"]),
        _record(reason="x" * 501),
        _record(reason="two\nlines"),
        _record(reason="nul\x00"),
        _record(reason="\x1b[2J"),
        _record(reason="\u202etxet"),
        _record(reason="\u2028"),
        _record(reason="\ud800"),
        _record(offset=float("nan")),
        _record(offset=float("inf")),
        _record().replace('"offset": 42', '"offset": 42, "offset": 43'),
        _record().replace('"offset": 42', '"offset": 1e2'),
        _record().replace("{", "{" * 2000, 1),
        "[" * 4000,
        '{"a":' * 800,
        _record() + _record(),
        "\ufeff" + _record(),
    ],
)
async def test_a_body_that_is_not_exactly_a_record_is_400(desk: Desk, body: str) -> None:
    """With the shape that is wanted, and without what was sent."""
    headers = {"Content-Type": "application/json"}
    answer = await desk.ask("POST", "/admin/settle", content=body.encode(), headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (400, 400), answer.text
    assert answer.json()["message"].startswith('The body must be {"topic": "...", "partition": 0')
    assert "Ticket" not in answer.text
    assert changed(desk) == []
    assert desk.said("admin.action") == []


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"\x00", _record().encode("utf-16"), b'{"reason": "\xed\xa0\x80"}']
)
async def test_bytes_that_are_no_text_are_400(desk: Desk, body: bytes) -> None:
    """For both routes."""
    for method, path in (("POST", "/admin/settle"), ("PUT", f"{ONE}/pause")):
        answer = await desk.ask(method, path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
    assert changed(desk) == []


@pytest.mark.parametrize(
    "body",
    ['{"reason": 1}', '{"reason": ""}', '{"paused": false}', "[]", "null", '{"reason": "a", "reason": "b"}'],
)
async def test_a_pause_takes_nothing_but_a_reason(desk: Desk, body: str) -> None:
    """An unknown field is not passed over: it may be what was meant."""
    headers = {"Content-Type": "application/json"}
    answer = await desk.ask("PUT", f"{ONE}/pause", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith('The body must be empty or {"reason": "..."}')
    assert changed(desk) == []


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data"],
)
async def test_a_form_settles_and_pauses_nothing(desk: Desk, content_type: str) -> None:
    """What a page of a browser may send without asking first is none of these types."""
    for method, path in (("POST", "/admin/settle"), ("PUT", f"{ONE}/pause")):
        answer = await desk.ask(method, path, content=_record(), headers={"Content-Type": content_type})
        assert answer.status_code == 415
    assert changed(desk) == []


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        *[(method, f"{ONE}/pause", "PUT") for method in ("GET", "POST", "DELETE", "PATCH", "OPTIONS")],
        *[(method, f"{ONE}/resume", "PUT") for method in ("GET", "POST", "DELETE")],
        *[(method, "/admin/settle", "POST") for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS")],
    ],
)
async def test_any_other_method_is_405_with_the_one_that_does_it(
    desk: Desk, method: str, path: str, allow: str
) -> None:
    """Nothing is done by following a link."""
    answer = await desk.ask(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    assert answer.json()["message"] == f"This is done with {allow}."
    assert changed(desk) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8083"},
        {"Host": "attacker.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
async def test_no_web_page_may_pause_or_settle(desk: Desk, headers: dict[str, str]) -> None:
    """403, and no header of CORS."""
    for method, path in (("POST", "/admin/settle"), ("PUT", f"{ONE}/pause"), ("PUT", f"{ONE}/resume")):
        answer = await desk.ask(method, path, json=RECORD, headers=headers)
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert changed(desk) == []


@pytest.mark.parametrize("target", [b"POST /admin/settle", b"PUT " + ONE.encode() + b"/pause"])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello!"),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        (b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"zz\r\nhello\r\n0\r\n\r\n"),
        (b"Content-Length: -1\r\n", b""),
        (b"Content-Length: 10485760\r\n", b" " * 100_000),
        (b"Transfer-Encoding: chunked\r\n", b"2000\r\n" + b" " * 0x2000 + b"\r\n0\r\n\r\n"),
        (b"Content-Length: 2\r\nContent-Type: text/plain\r\n", b"{}"),
        (b"Content-Length: 9\r\n", b'{"reason"'),
    ],
)
async def test_crooked_frames_change_nothing(desk: Desk, target: bytes, headers: bytes, body: bytes) -> None:
    """Two lengths, two ends, a body of megabytes: refused, or no request at all; what follows is not taken for another."""
    behind = b"PUT " + ONE.encode() + b"/resume HTTP/1.1\r\n" + HEAD + b"\r\n"
    answer = await desk.raw(
        target + b" HTTP/1.1\r\n" + HEAD + JSON + headers + b"Connection: close\r\n\r\n" + body + behind
    )
    assert answer == b"" or answer.split(b" ", 2)[1].startswith(b"4"), answer
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert changed(desk) == []


async def test_a_request_without_length_has_no_body(desk: Desk) -> None:
    """A pause needs none, a record does."""
    answer = await desk.raw(b"POST /admin/settle HTTP/1.1\r\n" + HEAD + JSON + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    answer = await desk.raw(
        b"PUT " + ONE.encode() + b"/pause HTTP/1.1\r\n" + HEAD + b"Connection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 202")
    assert changed(desk) == [(True, None)]
