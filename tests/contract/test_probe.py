"""The probe against the simulator, over sockets: what it finds out is so, whatever the switches; with faults it claims less,
and nothing wrong. Beside it, Fronts that lie.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.front.aiohttp_carrier import AiohttpCarrier
from connector.adapters.front.carrier import CarrierOptions
from connector.simulator.faults import Fault
from connector.simulator.profiles import settings
from connector.simulator.switches import Switches
from connector.workbench.probe.asking import REQUESTS_MAX, Asker, Pace, Stopped, Whom
from connector.workbench.probe.findings import Finding, Measured, NotDecidable
from connector.workbench.probe.items import Items
from connector.workbench.probe.profile import as_profile
from connector.workbench.probe.thresholds import ServerTime
from connector.workbench.probe.tokens import Refused, calibrate
from connector.workbench.probe.trials import Ended
from tests.support.http_peer import Line, Seen, listening
from tests.support.probing import (
    CHANNEL,
    TOKENS,
    Hasty,
    asked,
    hidden,
    missed,
    probed,
    random_switches,
    wrong_claims,
)

RUNS = int(os.environ.get("PROBE_RUNS", "48"))
"""Sets of random switches, in groups of `GROUP`."""
GROUP = 8


def found(ended: Ended) -> dict[str, Finding]:
    return dict(ended.report.findings)


# --- random switches ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(0, RUNS, GROUP))
async def test_every_switch_that_can_be_seen_is_found_out(first: int) -> None:
    """Whatever the others are: nothing wrong, nothing missed, below the number of requests that was announced."""
    for seed in range(first, min(first + GROUP, RUNS)):
        switches = random_switches(seed)
        ended = await probed(switches)
        assert wrong_claims(switches, found(ended)) == [], f"seed {seed}: {switches}"
        assert missed(switches, found(ended)) == [], f"seed {seed}: {switches}"
        for name in hidden(switches):
            assert isinstance(found(ended)[name], NotDecidable), f"seed {seed}: {name} cannot be seen"
        style = found(ended)["retry_after_style"]
        assert isinstance(style, Measured) == ("429" in ended.report.answers), f"seed {seed}"
        assert ended.report.stopped is None
        assert ended.report.requests < REQUESTS_MAX


async def test_what_was_found_makes_a_simulator_like_it(tmp_path: Path) -> None:
    """The profile, taken by a simulator, which is then probed: all that can be seen is the same again."""
    switches = random_switches(3).model_copy(update={"processing_delay_ms": 300, "unknown_call": "404"})
    first = await probed(switches)
    path = tmp_path / "front.yaml"
    path.write_text(as_profile(first.report), encoding="utf-8")
    again = settings(str(path)).switches
    for name, finding in found(first).items():
        if isinstance(finding, Measured) and name != "processing_delay_ms":
            assert getattr(again, name) == finding.value
    second = await probed(again)
    assert wrong_claims(again, found(second)) == []
    assert missed(again, found(second)) == []


# --- faults ------------------------------------------------------------------------------------------------------

FAULTS = [
    *(
        {"effect": "status", "status": status, "share": share}
        for status in (400, 401, 403, 404, 409, 500)
        for share in (0.05, 0.3)
    ),
    *(
        {"effect": effect, "share": 0.2}
        for effect in ("drop", "drop_after", "garbage_body", "cut_body", "redirect", "non_json", "half_close")
    ),
    *({"effect": "status_after", "status": status, "share": 0.2} for status in (500, 404, 400, 401)),
    *({"effect": "status", "status": status, "share": 0.2} for status in (200, 202)),
    {"effect": "non_json", "status": 404, "share": 0.2},
    {"effect": "hang", "share": 0.04},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: " ".join(map(str, one.values())))
async def test_with_faults_less_is_claimed_and_nothing_wrong(fault: dict[str, Any]) -> None:
    """Refusals and acceptances for no reason, lost answers, and bodies that are none."""
    seed = random.Random(str(fault)).randrange(1000)
    switches = random_switches(seed)
    ended = await probed(switches, [Fault.model_validate(fault)], deadline_s=0.4)
    assert wrong_claims(switches, found(ended)) == [], f"seed {seed}: {switches}"


async def test_a_limit_is_obeyed_and_costs_no_finding() -> None:
    """429s in between are waited out."""
    switches = Switches(rpm=50)
    fault = Fault(effect="status", status=429, retry_after=2, share=0.2)
    ended = await probed(switches, [fault])
    assert ended.report.answers["429"] > 5
    assert wrong_claims(switches, found(ended)) == missed(switches, found(ended)) == []
    assert ended.report.took_s > 2 * ended.report.answers["429"]


async def test_a_long_wait_ends_the_run() -> None:
    """It is obeyed by going: nobody looks on for ten minutes."""
    fault = Fault(effect="status", status=429, retry_after=600, operation=("sync-outbound-message",))
    ended = await probed(Switches(), [fault])
    assert ended.report.stopped == "Front answered 429 and wants us to wait for 600 s"
    assert ended.report.answers["429"] == 1


async def test_a_front_that_falls_silent_ends_the_run() -> None:
    """What was found until then is told; the rest is not decidable, and why."""
    hasty = Hasty()
    async with hasty.simulator(Switches()) as front:
        run = asyncio.ensure_future(asked(front.base_url, hasty))
        while not front.state.front.accepted.of(CHANNEL, "corner-shop").calls:
            await asyncio.sleep(0)
        front.state.faults.replace([Fault(effect="drop")], seed=0)
        ended, asker = await run
    assert ended.report.stopped == "5 requests one after the other got no answer (protocol)"
    assert ended.report.calls_open
    assert found(ended)["unknown_keys"] == Measured("drop", "answered 202", rests_on=frozenset({202}))
    assert found(ended)["jwt_max_ttl_s"] == NotDecidable(ended.report.stopped)
    assert asker.sent < REQUESTS_MAX / 2


async def test_a_channel_of_another_kind_leaves_only_its_part_open() -> None:
    """Calls are refused where messages are taken; nothing else is touched by that."""
    refusal = Fault(effect="status", status=400, operation=("create-call",))
    ended = await probed(Switches(), [refusal])
    assert found(ended)["repeat_call_create"] == NotDecidable(
        "this channel took no call: answered 400; a voice channel is another kind of channel"
    )
    assert found(ended)["strict_body"] == Measured(
        True,
        "refused: no body, a list, an empty `to`, an id of more than 200 UTF-16 units",
        rests_on=frozenset({400}),
    )


async def test_a_token_that_may_not_look_up_leaves_open_what_only_look_ups_tell() -> None:
    """And the refusals are not taken for doubts about tokens."""
    closed = Fault(effect="status", status=403, operation=("get-message",))
    ended = await probed(Switches(), [closed])
    assert missed(Switches(), found(ended)) == [
        f"{name}: {found(ended)[name]}" for name in ("processing_delay_ms", "dedupe", "attachment_names")
    ]
    assert wrong_claims(Switches(), found(ended)) == []


@pytest.mark.parametrize(
    "operation", ["get-message", "update-external-message-status", "sync-inbound-message"]
)
async def test_one_refusal_for_no_reason_takes_every_claim_on_its_status(operation: str) -> None:
    """A look-up, a repeat that is answered otherwise, a message like others: after that a 400 proves nothing."""
    switches = Switches(unknown_keys="reject")
    steady = await probed(switches)
    assert isinstance(found(steady)["unknown_keys"], Measured)
    once = Fault.model_validate({"effect": "status", "status": 400, "operation": operation, "times": 1})
    ended = await probed(switches, [once])
    assert found(ended)["unknown_keys"] == NotDecidable(
        "it would rest on an answer 400, which other requests got without a reason"
    )
    assert isinstance(found(ended)["jti_replay"], Measured)


async def test_a_state_is_judged_only_of_a_call_that_is_known_to_be_there() -> None:
    """By a summary of it that was taken."""
    broken = Fault(effect="status", status=500, operation=("add-call-summary",))
    ended = await probed(Switches(), [broken])
    assert found(ended)["illegal_transition"] == NotDecidable("the call was not processed in time")


async def test_where_any_call_is_taken_the_probe_waits_before_it_judges() -> None:
    """As long as messages took to be processed."""
    switches = Switches(unknown_call="accept_drop", illegal_transition="reject", processing_delay_ms=5000)
    ended = await probed(switches)
    assert isinstance(found(ended)["illegal_transition"], Measured)
    assert wrong_claims(switches, found(ended)) == []


async def test_front_s_clock_is_learnt_to_a_fifth_of_a_second() -> None:
    """By a few requests at the moments at which its second may change."""
    hasty = Hasty()
    async with hasty.simulator(Switches()) as front:
        front.state.clock.skew_s = 7.37
        carrier = AiohttpCarrier(CarrierOptions())
        await carrier.start()
        asker = Asker(carrier, Whom(front.base_url, CHANNEL, TOKENS), hasty.times, Pace())
        asker.server = ServerTime(6.9, 7.9)
        await calibrate(asker, Items(CHANNEL, "test").nothing())
        await carrier.close()
    assert 0 < asker.sent <= 6
    assert asker.server.high - asker.server.low <= 0.2
    assert asker.server.low <= 7.37 <= asker.server.high


# --- Fronts that lie -----------------------------------------------------------------------------------------------


def always(status: int, body: bytes = b"{}") -> Callable[[Seen, Line], Awaitable[None]]:
    async def script(_seen: Seen, line: Line) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
        length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
        line.writer.write(f"{head}{length}\r\n".encode() + (b"" if status == 204 else body))

    return script


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"{}"),
        (200, b'{"id": "msg_1", "attachments": [], "message_uid": "u", "status": "accepted"}'),
        (202, b'{"status": "accepted", "message_uid": "u"}'),
        (204, b""),
        (400, b"{}"),
        (404, b"{}"),
        (409, b"{}"),
    ],
)
async def test_of_a_front_that_always_says_the_same_nearly_nothing_is_claimed(
    status: int, body: bytes
) -> None:
    """Only what the one answer itself is: the body of a call's 202, or that a repeat gets the same uid."""
    async with listening(always(status, body)) as peer:
        ended, _ = await asked(f"http://127.0.0.1:{peer.port}", Hasty())
    claimed = {name for name, finding in found(ended).items() if not isinstance(finding, NotDecidable)}
    assert claimed <= {"call_202_body", "dedupe"}


async def test_a_call_that_front_should_not_have_taken_is_ended_too() -> None:
    """Though it had no first state."""
    async with listening(always(202)) as peer:
        await asked(f"http://127.0.0.1:{peer.port}", Hasty())
    ended = [
        seen.line for seen in peer.seen if b'"abandoned"' in seen.body and "never-created" not in seen.line
    ]
    for name in ("call-0", "call-1", "wrong-call-0", "wrong-call-1"):
        assert any(f"-test-{name} " in line for line in ended), name


@pytest.mark.parametrize(
    ("status", "body", "error", "why"),
    [
        (401, b"{}", Refused, "401"),
        (403, b"{}", Refused, "403"),
        (404, b'{"_error": {"message": "No such route."}}', Stopped, '404 "No such route"'),
        (500, b"{}", Stopped, "500"),
        (307, b"", Stopped, "307"),
    ],
)
async def test_a_front_that_lets_nothing_through_is_no_matter_of_beliefs(
    status: int, body: bytes, error: type[Exception], why: str
) -> None:
    """The run ends before anything is created."""
    async with listening(always(status, body)) as peer:
        with pytest.raises(error, match=why):
            await asked(f"http://127.0.0.1:{peer.port}", Hasty())
        assert {seen.line.split()[0] for seen in peer.seen} == {"PATCH"}


async def test_a_front_that_hangs_ends_the_run() -> None:
    """After five requests without an answer."""

    async def hang(_seen: Seen, line: Line) -> None:
        await line.gone()

    async with listening(hang) as peer:
        with pytest.raises(Stopped, match=r"no answer \(timeout\)"):
            await asked(f"http://127.0.0.1:{peer.port}", Hasty(), deadline_s=0.3)
        assert len(peer.seen) <= 5
