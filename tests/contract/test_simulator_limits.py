"""Rate limits of the simulator, on a clock that the test moves: windows, burst, tier, and every header."""

from collections.abc import Iterator

import httpx
import pytest

from tests.contract.test_simulator_client import NOW, FrontClient, simulating


@pytest.fixture(scope="module")
def simulated() -> Iterator[FrontClient]:
    with simulating() as client:
        yield client


@pytest.fixture
def front(simulated: FrontClient) -> FrontClient:
    return simulated.fresh()


def send(front: FrontClient, channel: str = "cha_1") -> httpx.Response:
    return front.send("PATCH", f"/channels/{channel}", json={})


def shown(answer: httpx.Response) -> dict[str, str]:
    """The headers that speak of limits."""
    return {name: value for name, value in answer.headers.items() if name.startswith(("x-", "retry-after"))}


def test_the_company_window_counts_down_and_refuses(front: FrontClient) -> None:
    """Two a minute for all channels of the company; the third is a 429 with headers, text and wait."""
    front.switch(rpm=2)
    first, second = send(front), send(front, "cha_2")
    assert shown(first) == {
        "x-ratelimit-limit": "2",
        "x-ratelimit-remaining": "1",
        "x-ratelimit-reset": str(int(NOW) + 60),
    }
    assert shown(second)["x-ratelimit-remaining"] == "0"
    front.hands.moved_s = 20.5
    third = send(front)
    assert third.status_code == 429
    assert third.json() == {
        "_error": {
            "status": 429,
            "title": "Too many requests",
            "message": "Rate limit exceeded. Please retry in 39500 milliseconds.",
        }
    }
    assert shown(third) == {
        "x-ratelimit-limit": "2",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(NOW) + 60),
        "retry-after": "40",
    }
    assert (front.log()[-1]["status"], front.log()[-1]["remark"]) == (429, "rate limit")


def test_another_company_has_a_window_of_its_own(front: FrontClient) -> None:
    """One company's 429 does not touch the other's."""
    front.switch(rpm=1)
    assert [send(front).status_code for _ in range(2)] == [204, 429]
    assert send(front, "cha_far").status_code == 204


def test_the_window_opens_again_after_its_minute(front: FrontClient) -> None:
    """A refused request is not counted, and waiting as told is enough."""
    front.switch(rpm=1)
    send(front)
    wait = int(send(front).headers["retry-after"])
    front.hands.moved_s = float(wait)
    assert send(front).status_code == 204


def test_the_burst_is_used_beyond_the_window_and_given_back_over_ten_minutes(front: FrontClient) -> None:
    """Two beyond the limit of one; after five minutes half the burst is there again."""
    front.switch(rpm=1, burst=2)
    left = [send(front).headers["x-ratelimit-burst-remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = send(front)
    assert (refused.status_code, refused.headers["x-ratelimit-burst-limit"]) == (429, "2")
    front.hands.moved_s = 300.0
    assert [send(front).status_code for _ in range(3)] == [204, 204, 429]


def test_the_tier_limits_one_channel_and_leaves_the_company_its_window(front: FrontClient) -> None:
    """Two a second for a channel: remaining stays above 0, the text names the tier, the other channel goes on."""
    front.switch(rpm=50, tier_rps=2)
    assert [send(front).status_code for _ in range(2)] == [204, 204]
    front.hands.moved_s = 0.5
    refused = send(front)
    assert refused.status_code == 429
    message = refused.json()["_error"]["message"]
    assert message == "Rate limit exceeded for tier-2 route. Please retry in 500 milliseconds."
    assert shown(refused)["x-front-tier"] == "2"
    assert shown(refused)["retry-after"] == "1"
    assert shown(refused)["x-ratelimit-remaining"] == "48"
    assert front.log()[-1]["remark"] == "tier limit"
    assert send(front, "cha_2").status_code == 204
    front.hands.moved_s = 1.0
    assert send(front).status_code == 204


@pytest.mark.parametrize(
    ("style", "retry_after", "in_text"),
    [
        ("seconds", "60", True),
        ("fraction", "59.500", True),
        ("absent", None, False),
        ("text_only", None, True),
    ],
)
def test_a_wait_is_said_in_the_style_of_the_switch(
    front: FrontClient, style: str, retry_after: str | None, in_text: bool
) -> None:
    """Whole seconds, a fraction, nothing at all, or only milliseconds in the text."""
    front.switch(rpm=1, retry_after_style=style)
    send(front)
    front.hands.moved_s = 0.5
    refused = send(front)
    assert refused.headers.get("retry-after") == retry_after
    assert ("59500 milliseconds" in refused.json()["_error"]["message"]) is in_text


def test_a_request_that_is_not_let_in_costs_nothing(front: FrontClient) -> None:
    """A 401 and a 404 do not count against the company."""
    front.switch(rpm=1)
    assert front.send("PATCH", "/channels/cha_1", json={}, token="nonsense").status_code == 401
    assert front.send("PATCH", "/channels/cha_unknown", json={}).status_code == 404
    assert send(front).status_code == 204


def test_a_refused_body_costs_a_request(front: FrontClient) -> None:
    """A 400 was a request like any other."""
    front.switch(rpm=1)
    assert front.send("PATCH", "/channels/cha_1", json=[]).status_code == 400
    assert send(front).status_code == 429
