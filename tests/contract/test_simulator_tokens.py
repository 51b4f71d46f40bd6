"""Who is let in: tokens, apps, channels and routes, and the words in which the others are refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.test_simulator_client import (
    NOW,
    OTHER_APP,
    OTHER_SECRET,
    SECRET,
    FrontClient,
    inbound,
    sign,
    simulating,
)

MESSAGES = "/channels/cha_1/inbound_messages"


@pytest.fixture(scope="module")
def simulated() -> Iterator[FrontClient]:
    with simulating() as client:
        yield client


@pytest.fixture
def front(simulated: FrontClient) -> FrontClient:
    return simulated.fresh()


TOKENS = [
    ("bad signature", {"secret": "another"}),
    ("exp is past", {"exp": int(NOW)}),
    ("exp is too far ahead", {"exp": int(NOW) + 31}),
    ("exp is missing", {"exp": None}),
    ("jti is missing", {"jti": None}),
    ("sub is missing", {"sub": None}),
    ("sub is not the channel of the path", {"sub": "cha_2"}),
    ("iss is no app of this Front", {"iss": "app_unknown", "secret": "another"}),
    ("iss is not the app that signed", {"iss": "app_unknown"}),
]


@pytest.mark.parametrize(("why", "changes"), TOKENS, ids=[why for why, _ in TOKENS])
def test_a_wrong_token_is_refused_and_the_log_says_why(
    front: FrontClient, why: str, changes: dict[str, Any]
) -> None:
    """The client hears 401 in Front's words and no more; nothing is stored."""
    answer = front.send("POST", MESSAGES, json=inbound(), token=front.token("cha_1", **changes))
    assert answer.status_code == 401
    assert answer.json() == {
        "_error": {"status": 401, "title": "Unauthenticated", "message": "JSON Web Token error"}
    }
    entry = front.log()[-1]
    assert (entry["remark"], entry["accepted"]) == (f"token: {why}", False)
    assert front.control("GET", "/_sim/accepted") == {"companies": {}}


def test_a_request_without_a_token_is_refused(front: FrontClient) -> None:
    """No header, another scheme, and something that is no token: 401 each."""
    for headers in ({}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer nonsense"}):
        assert front.http.post(MESSAGES, json=inbound(), headers=headers).status_code == 401
    assert [entry["remark"] for entry in front.log()] == [
        "token: no bearer token",
        "token: no bearer token",
        "token: not a JSON Web Token of this kind",
    ]


def test_only_hs256_is_taken(front: FrontClient) -> None:
    """A token that says `none` or another algorithm is refused, whatever its signature."""
    for alg in ("none", "HS512"):
        token = sign(front.claims("cha_1"), SECRET, alg=alg)
        assert front.send("POST", MESSAGES, json=inbound(), token=token).status_code == 401


def test_the_last_second_of_a_token_counts_and_thirty_ahead_is_enough(front: FrontClient) -> None:
    """`exp` one second ahead and exactly thirty ahead are both good."""
    for ahead in (1, 30):
        token = front.token("cha_1", exp=int(NOW) + ahead)
        assert front.send("POST", MESSAGES, json=inbound(), token=token).status_code == 202


def test_a_replayed_token_is_refused_unless_switched(front: FrontClient) -> None:
    """The same jti a second time is a 401; with jti_replay=allow it is not."""
    token = front.token("cha_1")
    statuses = [front.send("POST", MESSAGES, json=inbound(), token=token).status_code for _ in range(2)]
    assert statuses == [202, 401]
    assert front.log()[-1]["remark"] == "token: jti was used before"
    front.switch(jti_replay="allow")
    assert front.send("POST", MESSAGES, json=inbound(), token=token).status_code == 202


def test_a_token_counts_as_used_although_its_body_was_refused(front: FrontClient) -> None:
    """The token is checked at the head: a retry of a refused request needs a new one."""
    token = front.token("cha_1")
    statuses = [front.send("POST", MESSAGES, json={}, token=token).status_code for _ in range(2)]
    assert statuses == [400, 401]


def test_the_static_token_is_taken_when_switched_on(front: FrontClient) -> None:
    """An API token works for every channel, again and again, and only while it is set."""
    assert front.send("POST", MESSAGES, json=inbound(), token="api-token").status_code == 401
    front.switch(static_token="api-token")
    assert front.send("POST", MESSAGES, json=inbound("m-1"), token="api-token").status_code == 202
    assert front.send("POST", MESSAGES, json=inbound("m-2"), token="api-token").status_code == 202


def test_another_apps_channel_is_forbidden(front: FrontClient) -> None:
    """A good token of one app on the other's channel is a 403."""
    token = front.token("cha_1", secret=OTHER_SECRET, iss=OTHER_APP)
    answer = front.send("POST", MESSAGES, json=inbound(), token=token)
    assert (answer.status_code, answer.json()["_error"]["title"]) == (403, "Forbidden")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/inbound_messages"),
        ("POST", "/v1/channels/cha_1/inbound_messages"),
        ("GET", "/channels/cha_1/inbound_messages"),
        ("POST", "/channels/cha_1/inbound_messages/"),
        ("POST", "/channels//inbound_messages"),
        ("PATCH", "/channels/cha_1/calls/a/b"),
        ("PUT", "/channels/cha_1"),
    ],
)
def test_a_wrong_route_is_told_in_fronts_words(front: FrontClient, method: str, path: str) -> None:
    """Wrong base, wrong method, an id that was not encoded: 404 "No such route.", and it is in the log."""
    answer = front.send(method, path, json=inbound())
    assert answer.status_code == 404
    assert answer.json() == {"_error": {"status": 404, "title": "Not found", "message": "No such route."}}
    entry = front.log()[-1]
    assert (entry["operation"], entry["status"], entry["remark"]) == (None, 404, "no such route")


def test_an_unknown_channel_is_not_found(front: FrontClient) -> None:
    """A channel that this Front does not have is a 404 that is not "No such route."."""
    answer = front.message(channel="cha_unknown")
    assert answer.status_code == 404
    assert answer.json() == {"_error": {"status": 404, "title": "Not found", "message": "Channel not found."}}
