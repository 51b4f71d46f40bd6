"""Sends requests to a simulator as a connector does, and makes the small files that they carry.

Not our own client: what the page shows must not depend on what it is tested with. Nothing about the page.
"""

import io
import itertools
import math
import struct
import time
import wave
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import jwt

from connector.simulator.world import DEMO_APP, DEMO_SECRET

CHAT, PHONE = "cha_shop_chat", "cha_shop_phone"
START_S = 1_789_000_000
Upload = tuple[str, bytes, str]
"""A file's name, bytes and content type."""


class Sender:
    """One request a method; each says what the simulator answered, and is right unless a test makes it wrong."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, trust_env=False, timeout=10.0)
        self._numbers = itertools.count(1)

    def close(self) -> None:
        self._http.close()

    def control(self, method: str, path: str, content: Any = None) -> httpx.Response:
        """A control route of the simulator."""
        return self._http.request(method, f"/_sim{path}", json=content).raise_for_status()

    def send(self, method: str, channel: str, path: str, **body: Any) -> httpx.Response:
        """Any request under a channel, with a token of its own."""
        now = time.time()
        claims = {
            "iss": DEMO_APP,
            "sub": channel,
            "jti": f"{now}/{next(self._numbers)}",
            "exp": int(now) + 20,
        }
        token = jwt.encode(claims, DEMO_SECRET, algorithm="HS256")
        place = f"/channels/{quote(channel, safe='')}{path}"
        return self._http.request(method, place, headers={"authorization": f"Bearer {token}"}, **body)

    def inbound(
        self, conversation: str, external_id: str, text: str, channel: str = CHAT, **more: Any
    ) -> None:
        """A message of a customer. `more`: sender, subject, files, reply_to."""
        self._message("inbound", channel, conversation, external_id, text, more)

    def outbound(
        self, conversation: str, external_id: str, text: str, channel: str = CHAT, **more: Any
    ) -> None:
        """A message to a customer."""
        self._message("outbound", channel, conversation, external_id, text, more)

    def _message(
        self, way: str, channel: str, conversation: str, external_id: str, text: str, more: Mapping[str, Any]
    ) -> None:
        person = more.get("person", {"handle": "+33155501234", "name": "Nadia Ferrand"})
        metadata = {"external_id": external_id, "external_conversation_id": conversation}
        if "reply_to" in more:
            metadata["referenced_message_external_id"] = more["reply_to"]
        fields: dict[str, Any] = {"body": text, "metadata": metadata}
        fields |= {"sender": person} if way == "inbound" else {"to": [person], "sender_name": "Ines Roth"}
        fields |= {key: more[key] for key in ("subject", "delivered_at") if key in more}
        files: tuple[Upload, ...] = more.get("files", ())
        body: dict[str, Any] = {"json": fields}
        if files:
            body = {"data": _flat(fields), "files": [("attachments[]", file) for file in files]}
        self._done(self.send("POST", channel, f"/{way}_messages", **body), 202)

    def fail(self, conversation: str, external_id: str, reason: str, channel: str = CHAT) -> None:
        """An outbound message was not delivered."""
        path = f"/conversations/{quote(conversation, safe='')}/messages/{quote(external_id, safe='')}/status"
        self._done(self.send("PUT", channel, path, json={"status": "failed", "reason": reason}), 204)

    def call(self, call: str, states: Mapping[str, float], channel: str = PHONE, **more: Any) -> None:
        """A call that rings at 0 and goes through states, each at its second."""
        person = more.get("person", {"handle": "+33155501234", "name": "Nadia Ferrand"})
        body = {
            "external_call_id": call,
            "initial_status": "ringing",
            "direction": "inbound",
            "from": person,
            "parent_external_call_id": more.get("parent", call),
            "started_at": START_S * 1000,
            "agent_email_address": "ines@shop.example",
        }
        self._done(self.send("POST", channel, "/calls", json=body), 202)
        for state, second in states.items():
            body = {"call_status": state, "occurred_at": int((START_S + second) * 1000)}
            self._done(self.send("PATCH", channel, _of(call), json=body), 202)

    def recording(self, call: str, seconds: float = 1.0, channel: str = PHONE) -> None:
        """A recording of a tone."""
        files = {"attachments": (f"{call}.wav", tone(seconds), "audio/wav")}
        path = f"{_of(call)}/recording"
        self._done(self.send("POST", channel, path, data={"recording_type": "call"}, files=files), 202)

    def summary(self, call: str, text: str, channel: str = PHONE) -> None:
        self._done(self.send("POST", channel, f"{_of(call)}/summary", json={"content": text}), 202)

    def transcript(self, call: str, lines: list[tuple[str, str, float, str]], channel: str = PHONE) -> None:
        """Lines of speaker, text, second and `internal` or `external`."""
        keys = ("speaker_name", "content", "start_time_seconds", "speaker_type")
        body = {"lines": [dict(zip(keys, line, strict=True)) for line in lines]}
        self._done(self.send("POST", channel, f"{_of(call)}/transcript", json=body), 202)

    def template(self, external_id: str, preview: str, channel: str = CHAT, **more: Any) -> None:
        body = {
            "external_id": external_id,
            "name": "pickup_slot",
            "blurb": "Hi {{1}}, collect at {{2}}",
            "is_disabled": False,
            "status_name": "APPROVED",
            "variable_mappings": [{"uid": "body-1", "type": "text", "name": "Customer name"}],
            "template_preview": preview,
        } | more
        self._done(self.send("PUT", channel, "/application_message_templates", json=body), 200)

    def status(self, status: str, channel: str = CHAT) -> None:
        self._done(self.send("PATCH", channel, "", json={"status": status}), 204)

    @staticmethod
    def _done(answer: httpx.Response, expected: int) -> None:
        assert answer.status_code == expected, answer.text


def _of(call: str) -> str:
    return f"/calls/{quote(call, safe='')}"


def _flat(fields: Any, base: str = "") -> dict[str, str]:
    """Bracketed names, as Front's multipart bodies have them."""
    if not isinstance(fields, dict | list):
        return {base: str(fields)}
    items = fields.items() if isinstance(fields, dict) else enumerate(fields)
    flat: dict[str, str] = {}
    for key, value in items:
        flat |= _flat(value, f"{base}[{key}]" if base else str(key))
    return flat


def tone(seconds: float) -> bytes:
    """A WAV file of 440 Hz, 8 kHz, 16 bits, mono."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        waves = (int(9000 * math.sin(2 * math.pi * 440 * at / 8000)) for at in range(int(8000 * seconds)))
        file.writeframes(b"".join(struct.pack("<h", value) for value in waves))
    return made.getvalue()


def picture(width: int = 24, height: int = 16, colour: tuple[int, int, int] = (11, 95, 99)) -> bytes:
    """A PNG of one colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\x00" + bytes(colour) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
