"""The raw log, the control routes, the page, and the simulator embedded: what tests and people see."""

import asyncio
import re
import socket
from collections.abc import Iterator
from importlib import resources

import httpx
import pytest

from connector.simulator.request_log import Entry, RequestLog
from connector.simulator.server import ListenError, Simulator, running
from tests.contract.test_simulator_client import (
    NOW,
    OTHER_SECRET,
    SECRET,
    FrontClient,
    Hands,
    inbound,
    simulating,
    small_world,
)

PAGE = sorted(
    "/" if file.name == "index.html" else f"/page/{file.name}"
    for file in resources.files("connector.simulator").joinpath("page").iterdir()
)
"""Where the files of the inbox page are served."""


@pytest.fixture(scope="module")
def simulated() -> Iterator[FrontClient]:
    with simulating() as client:
        yield client


@pytest.fixture
def front(simulated: FrontClient) -> FrontClient:
    return simulated.fresh()


def test_the_log_keeps_arrivals_in_order_and_pages_through_them(front: FrontClient) -> None:
    """Sequence numbers rise by one, `after` continues where a reader stopped, hashes are those of the bodies."""
    for number in range(1, 6):
        front.message(f"m-{number}")
    first = front.control("GET", "/_sim/requests?after=0&limit=3")
    rest = front.control("GET", "/_sim/requests?after=3")
    assert [one["external_id"] for one in first["requests"]] == ["m-1", "m-2", "m-3"]
    assert [one["seq"] for one in rest["requests"]] == [4, 5]
    assert first["arrived"] == 5
    newest = front.control("GET", "/_sim/requests?limit=1")["requests"]
    assert [one["seq"] for one in newest] == [5]
    entry = newest[0]
    assert entry["at"] <= entry["answered_at"]
    assert entry["channel"] == "cha_1"
    assert entry["company"] == "acme"
    assert entry["jti"].startswith("jti-")
    assert len(entry["body_sha256"]) == 64


def test_the_same_bytes_have_the_same_hash(front: FrontClient) -> None:
    """A repeat can be told from a changed repeat by the raw log alone."""
    front.message("m-1")
    front.message("m-1")
    front.message("m-2")
    hashes = [entry["body_sha256"] for entry in front.log()]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_summary_counts_by_operation_and_status(front: FrontClient) -> None:
    """Counts of answers, and of what is stored."""
    front.message("m-1")
    front.message("m-2", "room-2")
    front.send("POST", "/channels/cha_1/inbound_messages", json={})
    front.send("GET", "/nowhere")
    summary = front.control("GET", "/_sim/summary")
    assert summary["operations"] == {"sync-inbound-message": {"202": 2, "400": 1}, "no route": {"404": 1}}
    assert summary["stored"] == {"messages": 2, "conversations": 2, "calls": 0, "templates": 0}
    assert (summary["arrived"], summary["in_flight"], summary["in_flight_peak"]) == (4, 0, 1)


def test_nothing_shown_holds_a_token_or_a_secret(front: FrontClient) -> None:
    """Log, store, switches and pages are free of bearers, of app secrets and of the static token."""
    front.switch(static_token="static-token-of-the-test")
    token = front.token("cha_1")
    front.send("POST", "/channels/cha_1/inbound_messages", json=inbound("m-1"), token=token)
    front.send(
        "POST", "/channels/cha_1/inbound_messages", json=inbound("m-2"), token="static-token-of-the-test"
    )
    front.send("POST", "/channels/cha_1/inbound_messages", json=inbound("m-3"), token="refused-token")
    paths = (
        "/_sim/requests",
        "/_sim/accepted",
        "/_sim/summary",
        "/_sim/switches",
        "/_sim/faults",
        "/_sim/profiles",
        "/_sim/world",
        "/_sim/clock",
        *PAGE,
    )
    shown = "".join(front.http.get(path).text for path in paths)
    assert [entry["status"] for entry in front.log()] == [202, 202, 401]
    for secret in (
        SECRET,
        OTHER_SECRET,
        token,
        token.rpartition(".")[2],
        "static-token",
        "refused-token",
        "Bearer",
    ):
        assert secret not in shown


def test_the_log_holds_no_body(front: FrontClient) -> None:
    """Handles and texts are in the inbox, not in the raw log."""
    sender = {"handle": "+4930555012", "name": "Grace", "email": "grace@mail.example"}
    front.send("POST", "/channels/cha_1/inbound_messages", json=inbound(sender=sender))
    assert "grace" in front.http.get("/_sim/accepted").text.lower()
    shown = front.http.get("/_sim/requests").text
    assert "grace" not in shown.lower()
    assert "+4930555012" not in shown


def test_reset_is_as_just_started(front: FrontClient) -> None:
    """After DELETE /_sim nothing is known, no fault and no switch is left, and numbers begin again."""
    front.message()
    front.switch(dedupe="off")
    front.control("POST", "/_sim/faults", {"effect": "drop", "operation": "update-channel"})
    front.control("DELETE", "/_sim")
    assert front.log() == []
    assert front.control("GET", "/_sim/accepted") == {"companies": {}}
    assert front.control("GET", "/_sim/faults") == {"faults": []}
    assert front.control("GET", "/_sim/switches")["dedupe"] == "accept_then_drop"
    front.message()
    assert front.log()[0]["seq"] == 1


def test_uids_repeat_with_the_seed(front: FrontClient) -> None:
    """The same requests after a reset get the same uids; another seed gives others."""
    first = front.message().json()
    front.control("DELETE", "/_sim")
    assert front.message().json() == first
    front.switch(seed=7)
    assert front.message("m-2").json()["message_uid"] != first["message_uid"]


def test_the_page_loads_nothing_from_elsewhere_and_trusts_no_text() -> None:
    """Served from the package under a strict policy; its script puts text in as text."""
    with (
        running(small_world()) as simulator,
        httpx.Client(base_url=simulator.base_url, trust_env=False) as http,
    ):
        page, scripts = http.get("/"), [http.get(path) for path in PAGE if path.endswith(".js")]
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert all(script.is_success for script in scripts)
        script = re.sub(r"^\s*//.*$", "", "\n".join(one.text for one in scripts), flags=re.MULTILINE)
        everything = "".join(http.get(path).text for path in PAGE)
    # A namespace is a name, which nobody fetches.
    assert "://" not in everything.replace("http://www.w3.org/2000/svg", "")
    for way_in in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way_in not in script


def test_an_open_world_takes_in_any_channel_of_its_first_company() -> None:
    """Without a world file, a first request to `cha_anything` works; with another secret it does not."""
    hands = Hands()
    open_world = small_world().model_copy(update={"open": True})
    with running(open_world, clock=hands.clock()) as simulator:
        front = FrontClient(simulator.base_url, hands)
        refused = front.token("cha_new", secret="wrong")
        path = "/channels/cha_new/inbound_messages"
        assert front.send("POST", path, json=inbound(), token=refused).status_code == 401
        assert front.message(channel="cha_new").status_code == 202
        assert front.message(channel="other_new").status_code == 404
        assert [entry["company"] for entry in front.log()] == [None, "acme", None]
        front.http.close()


async def test_a_simulator_lives_in_the_callers_loop_and_closes_twice() -> None:
    """Embedded use: start, ask, read the state directly, close, and close again."""
    hands = Hands()
    simulator = Simulator(small_world(), clock=hands.clock())
    await simulator.start()
    client = FrontClient(simulator.base_url, hands)
    async with httpx.AsyncClient(base_url=simulator.base_url, trust_env=False) as http:
        headers = {"authorization": f"Bearer {client.token('cha_1')}"}
        answer = await http.patch("/channels/cha_1", json={"status": "ok"}, headers=headers)
    client.http.close()
    assert answer.status_code == 204
    assert [entry.operation for entry in simulator.state.log.entries] == ["update-channel"]
    assert simulator.state.front.accepted.channels["cha_1"].status == "ok"
    await simulator.close()
    await simulator.close()


async def test_a_port_in_use_is_named() -> None:
    """The error says which address and what to do."""
    async with Simulator(small_world()) as first:
        port = int(first.base_url.rpartition(":")[2])
        with pytest.raises(
            ListenError, match=rf"cannot listen on 127\.0\.0\.1 port {port}: .*choose another port, or 0"
        ):
            await Simulator(small_world()).start(port=port)


async def test_many_at_once_are_all_logged_and_stored() -> None:
    """Two hundred requests over many connections: as many entries, in order, as many messages."""
    hands = Hands()
    async with Simulator(small_world(), clock=hands.clock()) as simulator:
        client = FrontClient(simulator.base_url, hands)

        async def send(http: httpx.AsyncClient, number: int) -> int:
            headers = {"authorization": f"Bearer {client.token('cha_1')}"}
            path = "/channels/cha_1/inbound_messages"
            return (
                await http.post(path, json=inbound(f"m-{number}", f"room-{number % 9}"), headers=headers)
            ).status_code

        limits = httpx.Limits(max_connections=32)
        async with httpx.AsyncClient(base_url=simulator.base_url, trust_env=False, limits=limits) as http:
            statuses = await asyncio.gather(*(send(http, number) for number in range(200)))
        client.http.close()
        log = simulator.state.log
        assert statuses == [202] * 200
        assert [entry.seq for entry in log.entries] == list(range(1, 201))
        assert log.in_flight == 0
        inbox = simulator.state.front.accepted.channels["cha_1"]
        assert sum(len(of) for of in inbox.conversations.values()) == 200


async def test_an_answer_does_not_wait_for_an_acknowledgement() -> None:
    """Nagle's algorithm is off on accepted connections: with it every answer may take 40 ms."""
    async with (
        Simulator(small_world()) as simulator,
        httpx.AsyncClient(base_url=simulator.base_url, trust_env=False) as http,
    ):
        await http.get("/_sim/summary")
        assert simulator._running is not None
        (connection,) = simulator._running[0].server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_full_log_forgets_the_oldest_and_still_finds_its_place() -> None:
    """Beyond the bound the oldest go; `after` counts arrivals, not what is left of them."""
    log = RequestLog(kept_max=3)
    for seq in range(1, 6):
        log.open(Entry(seq=seq, at=0.0, wall=NOW, method="POST", operation=None))
    assert [entry.seq for entry in log.after(0, 10)] == [3, 4, 5]
    assert [entry.seq for entry in log.after(3, 10)] == [4, 5]
    assert [entry.seq for entry in log.newest(2)] == [4, 5]
