"""What is looked at once a second: the log tells each change of state once, and each key that waits for a minute."""

import asyncio
from typing import Any

from connector.app.watching import Watch
from connector.core.answers import Answered
from connector.core.records import key_hash
from connector.core.status import State
from tests.support.virtual_time import in_virtual_time
from tests.support.world import TP, Clock, Stage, record


class Said:
    """Implements `ports.EventLog` and keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def debug(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    info = warning = error = debug


@in_virtual_time
async def test_a_key_that_waits_for_a_minute_is_told_and_so_is_its_end() -> None:
    """Once each, by hash and record; one that the next attempt mends is not worth a line."""
    said, now = Said(), Clock(asyncio.get_running_loop().time)
    async with Stage() as stage:
        stage.front.script = lambda sent, n: Answered(503 if sent.key == "CANARY" or n == 1 else 202)
        stage.assign()
        stage.pipeline.received([record(0, "CANARY"), record(1, "CANARY"), record(2, "well")])
        watch = Watch(lambda: "running", stage.pipeline.blocked, now, said)
        watch.look()
        said.lines.clear()
        await stage.quiet(50.0)
        watch.look()
        assert said.lines == []
        await stage.quiet(20.0)
        watch.look()
        watch.look()
        [(event, told)] = said.lines
        assert event == "key.blocked"
        assert told["key_hash"] == key_hash(("conversation", "cha_1", "CANARY"))
        assert (told["topic"], told["partition"], told["offset"]) == (*TP, 0)
        assert told["error_type"] == "503"
        assert told["seconds"] >= 60
        stage.front.script = lambda _sent, _n: Answered(202)
        await stage.quiet(200.0)
        watch.look()
        watch.look()
        event, told = said.lines[-1]
        assert event == "key.released"
        assert told["key_hash"] == key_hash(("conversation", "cha_1", "CANARY"))
        assert len(said.lines) == 2
    assert "CANARY" not in repr(said.lines)


@in_virtual_time
async def test_a_change_of_state_is_told_once_and_the_stop_tells_its_own() -> None:
    """Also the way back; `starting` is how it begins, and no change."""
    said = Said()
    states: list[State] = ["starting", "running", "running", "circuit_open", "running", "draining"]
    coming = iter(states)
    watch = Watch(lambda: next(coming), {}, Clock(asyncio.get_running_loop().time), said)
    for _ in states:
        watch.look()
    assert [fields["state"] for _, fields in said.lines] == ["running", "circuit_open", "running"]
