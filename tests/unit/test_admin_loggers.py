"""Levels of the loggers, changed while the process runs: over HTTP as Connect's clients do, and in the logs themselves."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any

import pytest

from connector.adapters.telemetry import configure_logging
from connector.adapters.telemetry.recent import KEPT
from connector.core.status import LoggerLevel
from tests.unit.admin_stage import Desk

LOGGERS = "/admin/loggers"
OURS = f"{LOGGERS}/front-connector"
SHAPE = '{"level": "DEBUG"}, with "ttl_seconds" from 1 to 86400 if it is for a time'


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.listener.start()
    yield desk
    await desk.listener.close()


async def test_three_loggers_are_there_and_as_configured(desk: Desk) -> None:
    """Ours, the Kafka client's, and every other library's, in Connect's words."""
    configured = {"level": "WARN", "last_modified": None}
    assert await desk.get(LOGGERS) == {
        "front-connector": {"level": "INFO", "last_modified": None},
        "librdkafka": configured,
        "root": configured,
    }
    assert await desk.get(f"{LOGGERS}/root") == configured


async def test_a_change_is_in_force_at_once_and_on_record(desk: Desk) -> None:
    """What was silent speaks; the line that tells of the change has what was and what is."""
    log = desk.logs.levels.log
    log.debug("record.accepted")
    answer = await desk.ask("PUT", OURS, json={"level": "DEBUG"})
    assert (answer.status_code, answer.json()) == (200, ["front-connector"])
    log.debug("record.accepted", topic="calls")
    assert [line["topic"] for line in desk.said("record.accepted")] == ["calls"]
    (action,) = desk.said("admin.action")
    told = {key: action[key] for key in ("level", "action", "name", "before", "after")}
    assert told == {
        "level": "info",
        "action": "logger level",
        "name": "front-connector",
        "before": "info",
        "after": "debug",
    }
    now = await desk.get(OURS)
    assert (now["level"], now["last_modified"] > 1_000_000_000_000) == ("DEBUG", True)


async def test_silence_is_on_record_too(desk: Desk) -> None:
    """The line comes whatever the level is then."""
    for level in ("ERROR", "INFO"):
        assert (await desk.ask("PUT", OURS, json={"level": level})).status_code == 200
        desk.logs.levels.log.warning("record.dead_lettered")
    assert [line["after"] for line in desk.said("admin.action")] == ["error", "info"]
    assert len(desk.said("record.dead_lettered")) == 1


async def test_a_change_for_a_time_ends_by_itself(desk: Desk) -> None:
    """Back to what is configured, which is told as well; a later change ends the clock of the one before."""
    levels = desk.logs.levels
    levels.set("front-connector", "debug", 0.01)
    levels.set("front-connector", "error")
    await asyncio.sleep(0.05)
    assert levels.all["front-connector"].level == "error"
    levels.set("front-connector", "debug", 0.02)
    while levels.all["front-connector"].level == "debug":
        await asyncio.sleep(0.005)
    assert levels.all["front-connector"] == LoggerLevel("info")
    assert [line["after"] for line in desk.said("admin.action")] == ["debug", "error", "debug", "info"]
    assert [line.get("seconds") for line in desk.said("admin.action")] == [0.01, None, 0.02, None]


async def test_the_time_is_taken_from_the_body(desk: Desk) -> None:
    """In whole seconds."""
    await desk.ask("PUT", OURS, json={"level": "debug", "ttl_seconds": 600})
    assert desk.said("admin.action")[0]["seconds"] == 600


async def test_libraries_have_a_level_of_their_own(desk: Desk) -> None:
    """Ours does not decide over theirs, in either direction."""
    logging.getLogger("aiohttp.client").debug("one")
    await desk.ask("PUT", f"{LOGGERS}/root", json={"level": "DEBUG"})
    await desk.ask("PUT", OURS, json={"level": "ERROR"})
    logging.getLogger("aiohttp.client").debug("two")
    logging.getLogger("librdkafka").info("three")
    lines = [line["logger"] for line in desk.said("library.log")]
    assert lines.count("aiohttp.client") == 1
    assert "librdkafka" not in lines


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"level": "LOUD"}, "level must be one of DEBUG, INFO, WARN, ERROR."),
        ({"level": "OFF"}, "level must be one of DEBUG, INFO, WARN, ERROR."),
        ({"level": 10}, f"The body must be {SHAPE}."),
        ({}, f"The body must be {SHAPE}."),
        ([], f"The body must be {SHAPE}."),
        ({"level": "INFO", "colour": "red"}, f"The body must be {SHAPE}."),
        ({"level": "INFO", "ttl_seconds": 0}, f"The body must be {SHAPE}."),
        ({"level": "INFO", "ttl_seconds": 86_401}, f"The body must be {SHAPE}."),
        ({"level": "INFO", "ttl_seconds": "60"}, f"The body must be {SHAPE}."),
        ({"level": "INFO", "ttl_seconds": True}, f"The body must be {SHAPE}."),
    ],
)
async def test_another_body_is_refused_with_its_shape(desk: Desk, body: Any, said: str) -> None:
    """And changes nothing."""
    answer = await desk.ask("PUT", OURS, json=body)
    assert (answer.status_code, answer.json()) == (400, {"error_code": 400, "message": said})
    assert desk.said("admin.action") == []


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 1000, b'{"level":"\xff"}', b'{"level": NaN}'])
async def test_a_body_that_is_no_json_is_refused(desk: Desk, body: bytes) -> None:
    """Deep nesting and bytes that are no text included."""
    answer = await desk.ask("PUT", OURS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_form_cannot_change_anything(desk: Desk, content_type: str) -> None:
    """What a page of a stranger may send without asking (a simple request) is none of JSON's type."""
    headers = {"Content-Type": content_type}
    answer = await desk.ask("PUT", OURS, content=b'{"level":"DEBUG"}', headers=headers)
    assert answer.status_code == 415
    assert desk.said("admin.action") == []


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_the_names_are_a_closed_set(desk: Desk, method: str) -> None:
    """Whoever asks for another learns which there are; nothing is made by asking."""
    for name in ("root.sub", "connector", "%2e", "a" * 300):
        options = {"json": {"level": "DEBUG"}} if method == "PUT" else {}
        answer = await desk.ask(method, f"{LOGGERS}/{name}", **options)
        assert answer.status_code == 404
        assert answer.json()["message"] == (
            "There is no logger of this name; there are front-connector, librdkafka, root."
        )
    assert len(await desk.get(LOGGERS)) == 3


async def test_a_change_of_the_whole_fleet_is_not_promised(desk: Desk) -> None:
    """KIP-976's `scope=cluster`: nobody would carry it to the others."""
    answer = await desk.ask("PUT", f"{OURS}?scope=cluster", json={"level": "DEBUG"})
    assert (answer.status_code, desk.said("admin.action")) == (400, [])
    assert (await desk.ask("PUT", f"{OURS}?scope=worker", json={"level": "DEBUG"})).status_code == 200


async def test_what_may_be_done_with_a_logger_is_said(desk: Desk) -> None:
    """Its own methods, not the others'."""
    answer = await desk.ask("DELETE", OURS)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, PUT")
    assert answer.json()["message"] == "Here it is only read, or its level is put: use GET or PUT."


def test_recent_lines_hold_words_and_coordinates_only() -> None:
    """Sentences, hosts and paths stay in the log, and lines below a warning are not kept; the newest is first."""
    stream = StringIO()
    logs = configure_logging("info", "json", "pod-1", stream)
    log = logs.levels.log
    log.info("record.retry", error_type="503", topic="calls")
    log.warning("record.dead_lettered", reason="no_rule", stage="map", topic="calls", message="CANARY")
    log.error("startup.refused", why="CANARY /etc/secret", code=78, reason="CANARY at https://a.example/x")
    log.warning("attachment.left_out", reason="files.example.com", offset=7, partition=0, topic="calls")
    assert "CANARY" in stream.getvalue()
    kept = [{key: value for key, value in line.items() if key != "timestamp"} for line in logs.recent.lines]
    assert kept == [
        {"event": "attachment.left_out", "level": "warning", "topic": "calls", "partition": 0, "offset": 7},
        {"event": "startup.refused", "level": "error", "code": 78},
        {
            "event": "record.dead_lettered",
            "level": "warning",
            "topic": "calls",
            "reason": "no_rule",
            "stage": "map",
        },
    ]
    assert "CANARY" not in json.dumps(kept)


def test_only_so_many_recent_lines_are_kept() -> None:
    """The oldest go."""
    logs = configure_logging("info", "json", "pod-1", StringIO())
    for offset in range(KEPT + 5):
        logs.levels.log.warning("record.dead_lettered", offset=offset)
    assert [line["offset"] for line in logs.recent.lines] == list(range(KEPT + 4, 4, -1))
