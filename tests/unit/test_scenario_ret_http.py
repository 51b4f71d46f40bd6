"""The pipeline over real sockets: stale connections, a mix of failures, texts of all kinds, and tokens that are echoed."""

import asyncio
import itertools
import json
from collections import defaultdict

from connector.core.decode import SchemaId
from connector.simulator.faults import Fault
from connector.simulator.server import Simulator
from connector.simulator.switches import Switches
from tests.support.http_peer import Line, Seen, always, answer, listening
from tests.support.http_stage import over_http
from tests.support.operation_world import SCHEMA, wanted, wanting
from tests.support.real_time import until
from tests.support.world import Stage, record


def accepted(stage: Stage) -> int:
    return stage.facts.count("settled", "messages", "accepted")


def committed(stage: Stage) -> int:
    entry = stage.coordinator.committed()
    return entry.offset if entry is not None else -1


def test_ret_10_a_connection_that_front_closed_while_idle_costs_neither_time_nor_an_attempt() -> None:
    """Between two records Front closes what is idle: the second goes over a new connection, at its first attempt."""

    async def play() -> None:
        async with (
            listening(always(answer())) as peer,
            over_http(f"http://127.0.0.1:{peer.port}") as (stage, told),
        ):
            stage.assign()
            stage.pipeline.received([record(0)])
            await until(lambda: accepted(stage) == 1)
            peer.close_idle()
            await peer.until(lambda: peer.ended == 1)
            await asyncio.sleep(0.05)  # the end reaches our side of the socket
            stage.pipeline.received([record(1)])
            await until(lambda: accepted(stage) == 2)
            assert [seen.connection for seen in peer.seen] == [1, 2]
            assert stage.facts.count("retried") == 0
            assert [args[1] for name, args, _ in told.seen if name == "request"] == ["202", "202"]

    asyncio.run(play())


def test_ret_15_every_third_request_fails_and_everything_arrives_in_order() -> None:
    """A hundred records of seven keys: Front ends with a hundred distinct ones, each key in order, and all is committed."""

    async def play() -> None:
        async with (
            Simulator(switches=Switches(dedupe="off")) as front,
            over_http(front.base_url) as (stage, _),
        ):
            front.state.faults.replace([Fault(effect="status", status=500, every=3)], seed=1)
            stage.assign()
            stage.pipeline.received([record(n, str(n % 7), channel="cha_shop_chat") for n in range(100)])
            await until(lambda: committed(stage) == 100)
            arrived = sorted(front.state.log.newest(1000), key=lambda entry: entry.seq)
            assert sum(entry.outcome == 500 for entry in arrived) == len(arrived) // 3
            of_key: dict[str | None, list[int]] = defaultdict(list)
            for entry in arrived:
                if entry.accepted:
                    of_key[entry.conversation_id].append(int(str(entry.external_id).rpartition("-")[2]))
            assert {key: sorted(offsets) for key, offsets in of_key.items()} == of_key
            assert sorted(itertools.chain(*of_key.values())) == list(range(100))
            assert stage.letters.letters == []

    asyncio.run(play())


TEXTS = {
    "emoji": "👩‍👩‍👧 ok 🇩🇪",
    "right to left": "שלום, مرحبا",
    "lines": "one\ntwo\r\nthree\ttab",
    "quotes": '"\\" </script> \u2028 \x7f',
    "a megabyte": "ü" * 500_000,
}


def test_bad_09_text_arrives_as_it_was_written() -> None:
    """Emoji, right-to-left, line ends, and a megabyte: what Front decodes is the record's text."""

    async def play() -> None:
        async with Simulator() as front, over_http(front.base_url, wanted("messages")) as (stage, _):
            stage.schemas.known[SchemaId(50)] = SCHEMA
            stage.assign()
            stage.pipeline.received(
                [wanting(n, "sync-inbound-message", body=text) for n, text in enumerate(TEXTS.values())]
            )
            await until(lambda: accepted(stage) == len(TEXTS))
            (inbox,) = front.state.front.accepted.channels.values()
            bodies = [json.loads(message.packed)["body"] for message in inbox.conversations["1"]]
            assert bodies == list(TEXTS.values())

    asyncio.run(play())


def test_dlq_07_a_token_that_front_echoes_is_in_no_header_log_or_fact() -> None:
    """The error body repeats the request's Authorization: the letter keeps Front's other words and not the token."""

    async def echo(seen: Seen, line: Line) -> None:
        details = [f"got {seen.headers['authorization']}", "body.to: missing"]
        error = {"status": 400, "title": "Bad request", "message": "No", "details": details}
        line.writer.write(answer(json.dumps({"_error": error}).encode(), "400 Bad Request"))

    async def play() -> None:
        async with listening(echo) as peer, over_http(f"http://127.0.0.1:{peer.port}") as (stage, told):
            stage.assign()
            stage.pipeline.received([record(0)])
            await until(lambda: bool(stage.letters.letters))
            token = peer.seen[0].headers["authorization"].removeprefix("Bearer ")
            (letter,) = stage.letters.letters
            assert b"body.to: missing" in dict(letter.headers)["front.details"]  # type: ignore[operator]
            for shown in (letter.headers, stage.facts.seen, told.seen):
                assert all(part not in str(shown) for part in token.split("."))

    asyncio.run(play())
