"""The simulator misbehaves as told: each effect, each way to choose whom it strikes, and each mistake in a rule."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connector.simulator.server import Simulator
from tests.contract.test_simulator_client import FrontClient, Hands, call, inbound, simulating, small_world


@pytest.fixture(scope="module")
def simulated() -> Iterator[FrontClient]:
    with simulating() as client:
        yield client


@pytest.fixture
def front(simulated: FrontClient) -> FrontClient:
    return simulated.fresh()


def fault(front: FrontClient, **rule: Any) -> None:
    front.control("POST", "/_sim/faults", rule)


def stored(front: FrontClient) -> list[str]:
    """External ids of the stored messages, over all channels and conversations, in order of arrival."""
    companies = front.control("GET", "/_sim/accepted")["companies"].values()
    inboxes = [inbox for company in companies for inbox in company["channels"].values()]
    messages = [one for inbox in inboxes for room in inbox["conversations"].values() for one in room]
    return [one["external_id"] for one in sorted(messages, key=lambda one: int(one["seq"]))]


def test_a_status_fault_answers_in_fronts_form_and_stores_nothing(front: FrontClient) -> None:
    """503 with an error body, the first time; then all is well."""
    fault(front, effect="status", status=503, times=1, retry_after=7)
    refused = front.message()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "7")
    assert refused.json()["_error"]["status"] == 503
    assert stored(front) == []
    assert front.message().status_code == 202
    first, second = front.log()
    assert (first["status"], first["accepted"], first["fault"]) == (503, False, "status")
    assert (second["status"], second["accepted"], second["fault"]) == (202, True, None)


def test_a_status_fault_carries_the_body_that_it_is_given(front: FrontClient) -> None:
    """JSON as JSON, a text as a page."""
    fault(front, effect="status", status=418, body={"any": ["thing"]}, times=1)
    fault(front, effect="status", status=500, body="<h1>gateway</h1>", times=1)
    assert front.message().json() == {"any": ["thing"]}
    page = front.message()
    assert (page.status_code, page.text, page.headers["content-type"]) == (
        500,
        "<h1>gateway</h1>",
        "text/html; charset=utf-8",
    )


def test_a_status_that_has_no_body_comes_without_one(front: FrontClient) -> None:
    """204 (RFC 9110 §15.3.5), and the connection serves the next request."""
    fault(front, effect="status", status=204, times=1)
    answer = front.message()
    assert (answer.status_code, answer.content) == (204, b"")
    assert front.message().status_code == 202


def test_a_status_after_storing_hides_an_acceptance(front: FrontClient) -> None:
    """The item exists, the client saw a 500."""
    fault(front, effect="status_after", status=500)
    assert front.message().status_code == 500
    assert stored(front) == ["m-1"]
    entry = front.log()[-1]
    assert (entry["status"], entry["accepted"], entry["stored"]) == (500, True, True)


def test_a_non_json_fault_answers_with_a_page(front: FrontClient) -> None:
    """Like a proxy before Front."""
    fault(front, effect="non_json")
    answer = front.message()
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert "<html>" in answer.text


def test_a_redirect_fault_points_elsewhere(front: FrontClient) -> None:
    """A location that must not be followed with a token."""
    fault(front, effect="redirect", location="https://elsewhere.example/login")
    answer = front.message()
    assert (answer.status_code, answer.headers["location"]) == (307, "https://elsewhere.example/login")


@pytest.mark.parametrize(("effect", "exists"), [("drop", []), ("drop_after", ["m-1"])])
def test_a_dropped_request_was_stored_only_after(front: FrontClient, effect: str, exists: list[str]) -> None:
    """The connection is closed without a byte; whether the item exists is the difference."""
    fault(front, effect=effect)
    with pytest.raises(httpx.TransportError):
        front.message()
    assert stored(front) == exists
    entry = front.log()[-1]
    assert (entry["status"], entry["accepted"], entry["external_id"]) == ("dropped", bool(exists), "m-1")


@pytest.mark.parametrize(("effect", "exists"), [("hang", []), ("hang_after", ["m-1"])])
def test_a_hung_request_gets_no_answer(front: FrontClient, effect: str, exists: list[str]) -> None:
    """The client's time-out ends it; the simulator goes on."""
    fault(front, effect=effect, times=1)
    hasty = FrontClient(front.base_url, front.hands, timeout_s=0.1)
    with pytest.raises(httpx.ReadTimeout):
        hasty.send("POST", "/channels/cha_1/inbound_messages", json=inbound(), token=front.token("cha_1"))
    hasty.http.close()
    assert stored(front) == exists
    assert front.log()[-1]["status"] == "hung"
    assert front.message("m-2").status_code == 202


@pytest.mark.parametrize(
    ("effect", "exists"),
    [("reset", []), ("reset_after", ["m-1"]), ("half_close", []), ("half_close_after", ["m-1"])],
)
def test_a_broken_connection_was_stored_only_after(
    front: FrontClient, effect: str, exists: list[str]
) -> None:
    """Reset, or closed in our direction alone: never a byte of an answer."""
    fault(front, effect=effect)
    wanted = httpx.ReadError if effect.startswith("reset") else httpx.RemoteProtocolError
    with pytest.raises(wanted):
        front.message()
    assert stored(front) == exists
    assert front.log()[-1]["status"] == "dropped"


def test_a_cut_body_ends_in_the_middle(front: FrontClient) -> None:
    """The head promises more than comes; the item exists."""
    fault(front, effect="cut_body")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        front.message()
    assert stored(front) == ["m-1"]
    assert front.log()[-1]["status"] == "dropped"


def test_a_cut_body_needs_something_to_cut(front: FrontClient) -> None:
    """Where Front says nothing, it begins to say something."""
    fault(front, effect="cut_body")
    with pytest.raises(httpx.RemoteProtocolError):
        front.send("PATCH", "/channels/cha_1", json={})


def test_a_garbage_body_has_the_right_status(front: FrontClient) -> None:
    """Neither JSON nor UTF-8, under the content type of the answer."""
    fault(front, effect="garbage_body")
    answer = front.message()
    assert (answer.status_code, answer.headers["content-type"]) == (202, "application/json; charset=utf-8")
    with pytest.raises(ValueError, match="codec can't decode"):
        answer.json()
    assert stored(front) == ["m-1"]
    assert front.send("PATCH", "/channels/cha_1", json={}).status_code == 204


def test_a_slow_body_comes_in_pieces_and_whole(front: FrontClient) -> None:
    """The head is there long before the end; a client that does not wait so long sees a time-out."""
    fault(front, effect="slow_body", delay_ms=150)
    answer = front.message()
    assert answer.json()["status"] == "accepted"
    assert answer.elapsed.total_seconds() > 0.1
    entry = front.log()[-1]
    assert (entry["status"], entry["fault"]) == (202, "slow_body")


def test_a_rule_may_strike_look_ups(front: FrontClient) -> None:
    """By the name that the raw log has for them."""
    fault(front, effect="status", status=500, operation="get-message")
    uid = front.message().json()["message_uid"]
    assert front.send("GET", f"/messages/alt:uid:{uid}").status_code == 500


def test_a_delayed_request_is_overtaken_but_not_in_the_log(front: FrontClient) -> None:
    """The log has the order of arrival; the store and the answers that of carrying out."""
    fault(front, effect="delay", delay_ms=150, external_id="^m-slow$")
    slow = threading.Thread(target=front.message, args=("m-slow",))
    slow.start()
    while not front.control("GET", "/_sim/summary")["arrived"]:
        pass
    assert front.message("m-quick").status_code == 202
    slow.join()
    first, second = front.log()
    assert (first["external_id"], second["external_id"]) == ("m-slow", "m-quick")
    rooms = front.inbox()["conversations"]["room-1"]
    assert [one["external_id"] for one in rooms] == ["m-quick", "m-slow"]


def test_a_delayed_request_is_carried_out_although_its_client_gave_up(front: FrontClient) -> None:
    """The unknown outcome: the client saw a time-out, the item exists."""
    fault(front, effect="delay", delay_ms=120, times=1)
    hasty = FrontClient(front.base_url, front.hands, timeout_s=0.05)
    with pytest.raises(httpx.ReadTimeout):
        hasty.send("POST", "/channels/cha_1/inbound_messages", json=inbound(), token=front.token("cha_1"))
    hasty.http.close()
    while front.control("GET", "/_sim/summary")["in_flight"]:
        pass
    assert stored(front) == ["m-1"]


def test_a_rule_strikes_only_what_it_names(front: FrontClient) -> None:
    """Operation, channel, company and external id must all match."""
    fault(front, effect="status", status=500, operation="create-call", channel="cha_1")
    fault(front, effect="status", status=501, company="globex")
    fault(front, effect="status", status=502, external_id="^room-9$")
    statuses = [
        front.send("POST", "/channels/cha_1/calls", json=call()).status_code,
        front.send("POST", "/channels/cha_2/calls", json=call()).status_code,
        front.message(channel="cha_1").status_code,
        front.message(channel="cha_far").status_code,
        front.message("m-2", "room-9").status_code,
    ]
    assert statuses == [500, 202, 202, 501, 502]


def test_a_rule_strikes_each_nth_and_so_often(front: FrontClient) -> None:
    """`every` counts matching requests, `times` counts strikes."""
    fault(front, effect="status", status=500, every=3, times=2)
    statuses = [front.message(f"m-{number}").status_code for number in range(12)]
    assert [number for number, status in enumerate(statuses, 1) if status == 500] == [3, 6]
    (shown,) = front.control("GET", "/_sim/faults")["faults"]
    assert shown == {
        "id": 1,
        "matched": 12,
        "struck": 2,
        "rule": {"effect": "status", "status": 500, "every": 3, "times": 2},
    }


def test_a_share_repeats_with_its_seed(front: FrontClient) -> None:
    """A third of the requests, the same ones each time; others with another seed."""

    def struck(seed: int) -> list[int]:
        front.control("DELETE", "/_sim")
        front.switch(seed=seed)
        fault(front, effect="status", status=500, share=0.3)
        return [n for n in range(60) if front.message(f"m-{n}").status_code == 500]

    first = struck(1)
    assert 5 <= len(first) <= 35
    assert struck(1) == first
    assert struck(2) != first


def test_the_first_rule_that_strikes_wins_and_lists_replace(front: FrontClient) -> None:
    """PUT sets the list, its order decides, DELETE clears it."""
    rules = [{"effect": "status", "status": 500, "times": 1}, {"effect": "status", "status": 503}]
    front.control("PUT", "/_sim/faults", rules)
    assert [front.message().status_code for _ in range(3)] == [500, 503, 503]
    front.control("DELETE", "/_sim/faults")
    assert front.message().status_code == 202


def test_a_fault_does_not_save_a_used_token(front: FrontClient) -> None:
    """The token of a request that met a fault counts as used: a retry with it is a 401."""
    fault(front, effect="status", status=503, times=1)
    token = front.token("cha_1")
    path = "/channels/cha_1/inbound_messages"
    statuses = [front.send("POST", path, json=inbound(), token=token).status_code for _ in range(2)]
    assert statuses == [503, 401]


WRONG_RULES: list[tuple[Any, list[str]]] = [
    (
        {"effect": "status", "status": 500, "operation": "create-cal"},
        ["operation: no operation 'create-cal'; did you mean 'create-call'?"],
    ),
    ({"effect": "status"}, ["status: effect 'status' needs the status to answer"]),
    ({"effect": "delay"}, ["delay_ms: effect 'delay' needs the milliseconds to wait"]),
    ({"effect": "drop", "chanel": "cha_1"}, ["chanel: unknown name; did you mean 'channel'?"]),
    ({"effect": "drop", "share": 1.5}, ["share: Input should be less than or equal to 1"]),
    ({}, ["effect: Field required"]),
]


@pytest.mark.parametrize(("rule", "wanted"), WRONG_RULES)
def test_a_wrong_rule_is_told_what_is_wrong(front: FrontClient, rule: Any, wanted: list[str]) -> None:
    """400 with a line for each mistake; no rule comes into force."""
    answer = front.http.post("/_sim/faults", json=rule)
    assert (answer.status_code, answer.json()) == (400, {"errors": wanted})
    assert front.control("GET", "/_sim/faults") == {"faults": []}


def test_a_wrong_pattern_is_told(front: FrontClient) -> None:
    """A regular expression that does not compile is refused at once, not at the first request."""
    answer = front.http.post("/_sim/faults", json={"effect": "drop", "external_id": "("})
    (line,) = answer.json()["errors"]
    assert line.startswith("external_id: not a regular expression: ")


def test_wrong_control_requests_are_told(front: FrontClient) -> None:
    """Unknown routes, bodies that are no JSON, lists and numbers in the wrong place."""
    assert front.http.put("/_sim/faults", json={}).json() == {
        "errors": ["not a list of fault rules; POST adds a single one"]
    }
    assert front.http.post("/_sim/faults", content=b"{").json() == {"errors": ["the body is not JSON"]}
    assert front.http.get("/_sim/requests?after=x").json() == {"errors": ["after: not a whole number"]}
    assert front.http.patch("/_sim/switches", json={"dedup": "off"}).json() == {
        "errors": ["dedup: unknown name; did you mean 'dedupe'?"]
    }
    assert front.http.patch("/_sim/switches", json=[]).json() == {"errors": ["not an object of switches"]}
    unknown = front.http.get("/_sim/request")
    assert unknown.status_code == 404
    assert unknown.json()["errors"][0].startswith(
        "no control route GET /_sim/request; there are: GET /_sim/requests"
    )


async def test_closing_lets_go_of_held_requests() -> None:
    """A hung and a delayed request do not keep the simulator open, and their clients see the connection end."""
    hands = Hands()
    simulator = Simulator(small_world(), clock=hands.clock())
    await simulator.start()
    client = FrontClient(simulator.base_url, hands)
    async with httpx.AsyncClient(base_url=simulator.base_url, trust_env=False, timeout=30) as http:
        await http.put(
            "/_sim/faults",
            json=[{"effect": "hang", "times": 1}, {"effect": "delay", "delay_ms": 60_000}],
        )

        async def held() -> None:
            headers = {"authorization": f"Bearer {client.token('cha_1')}"}
            with pytest.raises(httpx.TransportError):
                await http.patch("/channels/cha_1", json={}, headers=headers)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(held())
            tasks.create_task(held())
            while simulator.state.log.arrived < 2 or simulator.state.log.in_flight > 1:
                await asyncio.sleep(0)
            await simulator.close()
    client.http.close()
    assert sorted(str(entry.outcome) for entry in simulator.state.log.entries) == ["gone", "hung"]
