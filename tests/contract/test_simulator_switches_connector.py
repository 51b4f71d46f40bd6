"""The connector is right whatever Front does where its documentation is silent: each value of each switch, played.

The pipeline and the sender are the real ones, over sockets; only Kafka is scripted. A switch, or a value of one,
that has no play fails.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import pytest

from connector.adapters.files import FixedSecret
from connector.adapters.front.tokens import StaticToken
from connector.core.decode import SchemaId
from connector.core.files import FilePart
from connector.core.mapping import (
    ChannelDirectory,
    ChannelRow,
    MapperInput,
    MapperRequest,
    MappingSet,
    PythonMapper,
)
from connector.core.outcome import RetryPolicy
from connector.core.records import Record
from connector.simulator.accepted import ChannelInbox
from connector.simulator.faults import Fault
from connector.simulator.request_log import Entry
from connector.simulator.server import Simulator
from connector.simulator.switches import Switches
from tests.support.framing import framed
from tests.support.http_stage import over_http
from tests.support.operation_world import SCHEMA
from tests.support.real_time import until
from tests.support.requests import AUDIO, LINE, TEMPLATE
from tests.support.world import TP, Stage, mappings

CHANNEL = "cha_shop_phone"
REFUSED, NOT_FOUND = "front_rejected", "not_found"
PICTURE = {"content": b"\x89PNG", "name": "door.png", "content_type": "image/png"}
HASTY = RetryPolicy(base_s=0.002, cap_s=0.02, attempts=100, not_found_grace_s=0.15)

Wanted = tuple[str, dict[str, str], dict[str, Any]]
"""Operation, ids of its path, body."""


def message(name: str, *, room: str = "room", out: bool = False, **more: Any) -> Wanted:
    metadata = {"external_id": name, "external_conversation_id": room, **more.pop("metadata", {})}
    person: dict[str, Any] = {"to": [{"handle": "h"}]} if out else {"sender": {"handle": "h"}}
    return (
        "sync-outbound-message" if out else "sync-inbound-message",
        {},
        {**person, "body": "b", "metadata": metadata, **more},
    )


def failed(name: str, room: str = "room") -> Wanted:
    ids = {"conv_ext_id": room, "message_ext_id": name}
    return ("update-external-message-status", ids, {"status": "failed"})


def leg(name: str = "leg") -> Wanted:
    body = {"external_call_id": name, "initial_status": "ringing", "direction": "inbound"}
    return ("create-call", {}, {**body, "from": {"handle": "+4930555010"}, "parent_external_call_id": name})


def of_leg(operation: str, name: str = "leg", **body: Any) -> Wanted:
    return (operation, {"external_call_id": name}, body)


def state(status: str, name: str = "leg") -> Wanted:
    return of_leg("update-call", name, call_status=status)


def summary(text: str = "x", name: str = "leg") -> Wanted:
    return of_leg("add-call-summary", name, content=text)


ELEVEN: tuple[Wanted, ...] = (
    ("update-channel", {}, {"status": "ok"}),
    ("sync-application-message-template", {}, TEMPLATE),
    ("update-application-message-template", {"external_id": "tpl-7"}, {"is_disabled": True}),
    message("m-1"),
    message("m-2", out=True),
    failed("m-2"),
    leg(),
    state("connected"),
    of_leg("add-call-recording", recording_type="call", attachments="audio"),
    summary(),
    of_leg("add-call-transcript", lines=[LINE]),
)
AFTER_CREATION = 5
"""Of the eleven, those that ask for a message or a call that is there already."""


@dataclass(frozen=True)
class Seen:
    """What is left of a play."""

    inbox: ChannelInbox
    log: list[Entry]
    letters: list[str]


@dataclass(frozen=True)
class Play:
    """Records, what becomes of them, and what else must be seen. `accepted`: how many Front takes; None: all others."""

    records: tuple[Wanted, ...] = ELEVEN
    letters: tuple[str, ...] = ()
    check: Callable[[Seen], bool] = lambda _seen: True
    paused_at: int | None = None
    """Front lets only so many go: the rest waits, and is neither given up nor dead-lettered."""
    held: bool = False
    """Front refuses all: nothing is settled until the switch is put back, and then all is."""
    static: bool = False
    file_part: FilePart = "attachments[]"
    """As `front.attachment_part` says."""
    others: tuple[tuple[str, Any], ...] = ()
    """Switches that the play needs beside the one that it is about."""


def stored_messages(seen: Seen) -> int:
    return sum(len(of) for of in seen.inbox.conversations.values())


def retried(status: int) -> Callable[[Seen], bool]:
    return lambda seen: any(entry.outcome == status for entry in seen.log)


TWICE = (message("m-1"), message("m-1"))
BEYOND = (leg(), state("connected"), state("hangup"), state("connected"))
SEVEN = tuple(message(f"m-{number}", room=f"room-{number}") for number in range(7))
WITH_FILE = (message("m-1", attachments="picture"),)
LARGE = (message("m-1", body="x" * 2_000),)
LARGE_FILE = (message("m-1", attachments="picture", body="x" * 900),)


def files(seen: Seen) -> int:
    (only,) = seen.inbox.conversations["room"]
    return len(only.files)


def summaries(seen: Seen) -> int:
    return sum(asset.kind == "summary" for asset in seen.inbox.calls["leg"].assets)


PLAYS: dict[tuple[str, Any], Play] = {
    ("dedupe", "accept_then_drop"): Play(TWICE, check=lambda seen: stored_messages(seen) == 1),
    ("dedupe", "same_uid"): Play(TWICE, check=lambda seen: stored_messages(seen) == 1),
    ("dedupe", "off"): Play(TWICE, check=lambda seen: stored_messages(seen) == 2),
    ("processing_delay_ms", 0): Play(check=lambda seen: not retried(404)(seen)),
    ("processing_delay_ms", 60): Play(check=retried(404)),
    ("processing_delay_ms", "never"): Play(letters=(NOT_FOUND,) * AFTER_CREATION),
    ("jwt_max_ttl_s", 30.0): Play(),
    ("jwt_max_ttl_s", 5.0): Play(held=True),
    ("jwt_leeway_s", 0.0): Play(),
    ("jwt_leeway_s", 5.0): Play(),
    ("jti_replay", "reject"): Play(check=retried(503)),
    ("jti_replay", "allow"): Play(check=retried(503)),
    ("sub_mismatch", "reject"): Play(),
    ("sub_mismatch", "allow"): Play(),
    ("static_token", None): Play(),
    ("static_token", "an-api-token"): Play(static=True),
    ("unknown_keys", "drop"): Play(),
    ("unknown_keys", "reject"): Play(),
    ("strict_body", True): Play(),
    ("strict_body", False): Play(),
    ("call_202_body", "empty"): Play(),
    ("call_202_body", "{}"): Play(),
    ("call_202_body", '{"status":"accepted"}'): Play(),
    ("call_202_body", "text"): Play(),
    ("illegal_transition", "accept_ignore"): Play(BEYOND),
    ("illegal_transition", "reject"): Play(BEYOND, letters=(REFUSED,)),
    ("unknown_call", "404"): Play((state("connected"), message("m-1")), letters=(NOT_FOUND,)),
    ("unknown_call", "accept_drop"): Play((state("connected"), message("m-1"))),
    ("repeat_call_create", "accept_ignore"): Play((leg(), leg())),
    ("repeat_call_create", "reject"): Play((leg(), leg()), letters=(REFUSED,)),
    ("repeat_asset", "append"): Play(
        (leg(), summary("a"), summary("b")), check=lambda seen: summaries(seen) == 2
    ),
    ("repeat_asset", "replace"): Play(
        (leg(), summary("a"), summary("b")), check=lambda seen: summaries(seen) == 1
    ),
    ("unknown_reference", "accept_unlinked"): Play(
        (message("m-1", metadata={"referenced_message_external_id": "m-0"}),)
    ),
    ("unknown_reference", "reject"): Play(
        (message("m-1", metadata={"referenced_message_external_id": "m-0"}), message("m-2")),
        letters=(REFUSED,),
    ),
    ("status_on_unknown_message", "404"): Play((failed("m-0"), message("m-1")), letters=(NOT_FOUND,)),
    ("status_on_unknown_message", "204"): Play((failed("m-0"), message("m-1"))),
    ("rpm", 0): Play(),
    ("rpm", 5): Play(SEVEN, paused_at=5),
    ("burst", 0): Play(),
    ("burst", 1): Play(SEVEN, paused_at=6, others=(("rpm", 5),)),
    ("tier_rps", 0): Play(),
    ("tier_rps", 5): Play(SEVEN, check=retried(429)),
    ("retry_after_style", "seconds"): Play(SEVEN, check=retried(429), others=(("tier_rps", 5),)),
    ("retry_after_style", "fraction"): Play(SEVEN, check=retried(429), others=(("tier_rps", 5),)),
    ("retry_after_style", "absent"): Play(SEVEN, check=retried(429), others=(("tier_rps", 5),)),
    ("retry_after_style", "text_only"): Play(SEVEN, check=retried(429), others=(("tier_rps", 5),)),
    ("size_limit", 25_000_000): Play(),
    ("size_limit", 1_000): Play((*LARGE, message("m-2")), letters=(REFUSED,)),
    ("size_limit_per", "request"): Play(LARGE_FILE, letters=(REFUSED,), others=(("size_limit", 1_000),)),
    ("size_limit_per", "file"): Play(LARGE_FILE, others=(("size_limit", 1_000),)),
    ("size_limit_status", "400"): Play(LARGE, letters=(REFUSED,), others=(("size_limit", 1_000),)),
    ("size_limit_status", "413"): Play(LARGE, letters=(REFUSED,), others=(("size_limit", 1_000),)),
    ("attachment_names", "all"): Play(WITH_FILE, check=lambda seen: files(seen) == 1),
    ("attachment_names", "attachments[]"): Play(WITH_FILE, check=lambda seen: files(seen) == 1),
    # With another name in front.attachment_part these two would lose the file without a word.
    ("attachment_names", "attachments"): Play(
        WITH_FILE, check=lambda seen: files(seen) == 1, file_part="attachments"
    ),
    ("attachment_names", "attachments[0]"): Play(
        WITH_FILE, check=lambda seen: files(seen) == 1, file_part="attachments[0]"
    ),
    ("seed", 0): Play(),
    ("seed", 7): Play(),
}


def documented_values(name: str) -> set[Any] | None:
    """All values of a switch, if they are listed; None for a number or a text."""
    annotation = Switches.model_fields[name].annotation
    if annotation is bool:
        return {True, False}
    listed = [annotation, *get_args(annotation)] if get_origin(annotation) is not None else [annotation]
    literals = [value for one in listed for value in get_args(one) if isinstance(value, str)]
    return set(literals) or None


@pytest.mark.parametrize("name", Switches.model_fields)
def test_every_value_of_every_switch_has_a_play(name: str) -> None:
    """A listed value is played; a number or a text is played in two values at least, the default among them."""
    played = {value for switch, value in PLAYS if switch == name}
    assert (documented_values(name) or set()) <= played
    assert len(played) >= 2
    default: Any = getattr(Switches(), name)
    assert default in played


def _map(taken: MapperInput) -> list[MapperRequest]:
    value: Any = taken.value
    body = json.loads(value["body"])
    if "attachments" in body:
        body["attachments"] = AUDIO if body["attachments"] == "audio" else [PICTURE]
    channel = taken.channels[value["channel"]]
    return [
        MapperRequest(
            operation=value["operation"], channel=channel, path=json.loads(value["path"]), body=body
        )
    ]


def maps(file_part: FilePart) -> MappingSet:
    row = ChannelRow(key=CHANNEL, channel=CHANNEL, company="corner-shop", app="main")
    directory = ChannelDirectory.of((row,), apps=("main",))
    mapper = PythonMapper(
        name="played", function=_map, channels=directory, table=directory.table(), file_part=file_part
    )
    return mappings(TP.topic, maps=mapper)


def record(offset: int, wanted: Wanted) -> Record:
    operation, ids, body = wanted
    value = {
        "operation": operation,
        "channel": CHANNEL,
        "path": json.dumps(ids),
        "body": json.dumps(body),
    }
    return framed(TP, offset, SCHEMA, value, schema_id=50)


async def played(switches: Switches, play: Play) -> Seen:
    faults = (Fault(effect="status", status=503, times=1, operation=("update-channel",)),)
    tokens = StaticToken(token=FixedSecret("an-api-token")) if play.static else None
    async with (
        Simulator(switches=switches, faults=faults) as front,
        over_http(front.base_url, maps(play.file_part), tokens, retry=HASTY, probe_interval_s=0.05) as (
            stage,
            _,
        ),
    ):
        log = front.state.log
        stage.schemas.known[SchemaId(50)] = SCHEMA
        stage.assign()
        stage.pipeline.received([record(number, wanted) for number, wanted in enumerate(play.records)])
        if play.held:
            await until(lambda: stage.facts.count("error", "hold.started") > 0)
            assert not settled(stage), "Front has taken nothing yet, and no record is at fault"
            assert {entry.outcome for entry in log.entries} <= {401, 503}
            front.state.front.switches = Switches()
        if play.paused_at is None:
            await until(lambda: settled(stage) == len(play.records))
        else:
            await until(lambda: any(entry.outcome == 429 for entry in log.entries))
            await asyncio.sleep(0.1)
            assert accepted(stage) == settled(stage) == play.paused_at
            assert sum(entry.outcome == 429 for entry in log.entries) <= 3
        inbox = front.state.front.accepted.of(CHANNEL, "corner-shop")
        return Seen(inbox, list(log.entries), stage.letters.reasons())


def accepted(stage: Stage) -> int:
    return stage.facts.count("settled", TP.topic, "accepted")


def settled(stage: Stage) -> int:
    return stage.facts.count("settled", TP.topic)


@pytest.mark.parametrize(("name", "value"), PLAYS)
def test_the_connector_is_right_either_way(name: str, value: Any) -> None:
    """All that Front can take is accepted; what it refuses for good is in a dead letter; what must wait waits."""
    play = PLAYS[name, value]
    switches = Switches.model_validate({**dict(play.others), name: value})
    seen = asyncio.run(played(switches, play))
    assert tuple(sorted(seen.letters)) == tuple(sorted(play.letters))
    assert play.check(seen)
