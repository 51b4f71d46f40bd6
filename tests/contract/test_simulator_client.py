"""A client of the simulator for these tests: it signs, sends and reads the control routes, and shares no code.

The tests here say that the client itself is right: a simulator tested with a wrong client would prove nothing.
"""

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from connector.simulator.clock import Clock
from connector.simulator.server import running
from connector.simulator.world import World

APP, SECRET = "app_test", "a-secret-of-the-tests-and-of-nothing-else"
OTHER_APP, OTHER_SECRET = "app_other", "another-secret-of-the-tests-and-of-no-one"
NOW = 1_789_000_000.0


def small_world() -> World:
    """Two companies, two apps; `cha_plain` has templates switched off, `cha_foreign` belongs to the other app."""
    return World.model_validate(
        {
            "apps": {APP: SECRET, OTHER_APP: OTHER_SECRET},
            "companies": ["acme", "globex"],
            "channels": {
                "cha_1": {"company": "acme", "app": APP, "aliases": ["+4930555010"], "type": "voice"},
                "cha_2": {"company": "acme", "app": APP},
                "cha_plain": {"company": "acme", "app": APP, "templates": False},
                "cha_far": {"company": "globex", "app": APP},
                "cha_foreign": {"company": "globex", "app": OTHER_APP},
            },
        }
    )


@dataclass
class Hands:
    """A clock that moves only when a test moves it."""

    moved_s: float = 0.0

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: 5_000.0 + self.moved_s, wall=lambda: NOW + self.moved_s)


def sign(claims: Mapping[str, Any], secret: str, alg: str = "HS256") -> str:
    """A JSON Web Token by hand (RFC 7515 §3.1), so that the simulator's library is not its own witness."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = part(json.dumps({"alg": alg, "typ": "JWT"}, separators=(",", ":")).encode())
    body = part(json.dumps(claims, separators=(",", ":")).encode())
    mac = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{part(mac)}"


@dataclass
class FrontClient:
    """Sends as a connector would: a fresh token for each request, good for ten seconds."""

    base_url: str
    hands: Hands
    timeout_s: float = 5.0
    _jtis: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.base_url, timeout=self.timeout_s, trust_env=False)

    def fresh(self) -> "FrontClient":
        """The same simulator, as just started."""
        self.control("DELETE", "/_sim")
        self.hands.moved_s = 0.0
        return self

    def claims(self, channel: str, **changes: Any) -> dict[str, Any]:
        """The claims of a good token; a change to None leaves a claim out."""
        good = {
            "iss": APP,
            "sub": channel,
            "jti": f"jti-{next(self._jtis)}",
            "exp": int(NOW + self.hands.moved_s) + 10,
        }
        return {key: value for key, value in {**good, **changes}.items() if value is not None}

    def token(self, channel: str, secret: str = SECRET, **changes: Any) -> str:
        return sign(self.claims(channel, **changes), secret)

    def send(self, method: str, path: str, *, token: str | None = None, **how: Any) -> httpx.Response:
        """One request below /channels; `cha_1` signs unless the path names another real id."""
        named = path.split("/")[2] if path.startswith("/channels/cha_") else "cha_1"
        bearer = token if token is not None else self.token(named)
        headers = {"authorization": f"Bearer {bearer}", **how.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **how)

    def message(
        self, external_id: str = "m-1", conversation: str = "room-1", channel: str = "cha_1"
    ) -> httpx.Response:
        """A minimal inbound message."""
        return self.send(
            "POST", f"/channels/{channel}/inbound_messages", json=inbound(external_id, conversation)
        )

    def control(self, method: str, path: str, content: Any = None) -> Any:
        """A control request that must succeed, and what it answers."""
        answer = (
            self.http.request(method, path, json=content)
            if content is not None
            else self.http.request(method, path)
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def switch(self, **switches: Any) -> None:
        self.control("PATCH", "/_sim/switches", switches)

    def log(self) -> list[dict[str, Any]]:
        requests: list[dict[str, Any]] = self.control("GET", "/_sim/requests?after=0&limit=1000")["requests"]
        return requests

    def inbox(self, channel: str = "cha_1") -> dict[str, Any]:
        """What is accepted for a channel, whatever its company."""
        companies = self.control("GET", f"/_sim/accepted?channel={channel}")["companies"]
        (company,) = companies.values()
        inbox: dict[str, Any] = company["channels"][channel]
        return inbox


@contextmanager
def simulating() -> Iterator[FrontClient]:
    """A client of a simulator in a thread, with a small world and a clock that the test moves."""
    hands = Hands()
    with running(small_world(), clock=hands.clock()) as simulator:
        client = FrontClient(simulator.base_url, hands)
        try:
            yield client
        finally:
            client.http.close()


def inbound(external_id: str = "m-1", conversation: str = "room-1", **more: Any) -> dict[str, Any]:
    """A minimal body of sync-inbound-message."""
    metadata = {"external_id": external_id, "external_conversation_id": conversation}
    return {"sender": {"handle": "visitor-7"}, "body": "Are you open?", "metadata": metadata, **more}


def call(external_call_id: str = "leg-1", **more: Any) -> dict[str, Any]:
    """A minimal body of create-call."""
    return {
        "external_call_id": external_call_id,
        "initial_status": "ringing",
        "direction": "inbound",
        "from": {"handle": "+4930555011"},
        "parent_external_call_id": external_call_id,
        **more,
    }


def details(answer: httpx.Response) -> list[str]:
    """The details of a 400 in Front's form, after checking the rest of it."""
    content = answer.json()["_error"]
    assert (answer.status_code, content["status"], content["title"]) == (400, 400, "Bad request")
    assert content["message"] == "Body did not satisfy requirements"
    found: list[str] = content["details"]
    return found


def test_the_client_signs_as_front_documents() -> None:
    """The test vector of Front's token: same secret, same claims, same token."""
    claims = {"iss": "app_demo1", "sub": "cha_demo1", "jti": "0123456789abcdef", "exp": 1789000010}
    assert sign(claims, "not-a-real-secret") == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJpc3MiOiJhcHBfZGVtbzEiLCJzdWIiOiJjaGFfZGVtbzEiLCJqdGkiOiIwMTIzNDU2Nzg5YWJjZGVmIiwiZXhwIjoxNzg5MDAwMDEwfQ."
        "MWR3wK4xhgsDXAJPApcpuGW6GCdTMOF6fTFuVGgRx_0"
    )
