"""What one run sends: items that anybody can tell for a test of ours, by their ids and by their texts. Pure.

Ids begin with `front-connector-probe-` and the run's own random id; all messages share one conversation, so that one thing is
left to archive. Where Front's answer to a wrong body is wanted, a right one is bent: `build` makes no wrong ones.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from connector.core.files import File
from connector.core.http_encoding import Pieces, multipart_body
from connector.core.http_request import HttpRequest
from connector.core.operations import OPERATIONS, bodies, build
from connector.core.operations.build import Request, segment
from connector.core.records import Channel

PREFIX: Final = "front-connector-probe"
_CALLER: Final = "+12025550143"
"""A number that is kept free for fiction."""
SPELLINGS: Final = ("attachments[]", "attachments", "attachments[0]")
_FILE_TEXT: Final = b"A test file of front-connector probe.\n"


@dataclass(frozen=True, slots=True)
class Items:
    """The items of the run `run` for one channel."""

    channel: str
    run: str

    @property
    def conversation(self) -> str:
        """In which all messages of the run stand."""
        return self.name("conversation")

    def name(self, what: str) -> str:
        """An id, the same for the same `what`."""
        return f"{PREFIX}-{self.run}-{what}"

    # -- messages -------------------------------------------------------------------------------------------------

    def inbound(self, what: str, **metadata: str) -> HttpRequest:
        """A message of the channel's other side, `what` its id and its text."""
        return self._request("sync-inbound-message", {}, self._inbound(what, metadata))

    def outbound(self, what: str) -> HttpRequest:
        """A message that our side has sent already."""
        body = self._inbound(what, {})
        del body["sender"]
        return self._request("sync-outbound-message", {}, {**body, "to": [{"handle": PREFIX}]})

    def unknown_key(self, what: str) -> HttpRequest:
        """A message with a key that Front does not document."""
        return _bent(self.inbound(what), lambda body: {**body, "front_connector_probe": "unknown"})

    def without_text(self, what: str) -> HttpRequest:
        """A message without `body`, which the contract requires."""
        return _bent(
            self.inbound(what), lambda body: {key: value for key, value in body.items() if key != "body"}
        )

    def loose(self, what: str) -> Mapping[str, HttpRequest]:
        """The bodies that the contract forgets to forbid."""
        empty_to = _bent(self.outbound(f"{what}-empty-to"), lambda body: {**body, "to": []})
        # Above 200 UTF-16 units, below 200 characters: too long by Front's words, and not by the contract's schema.
        long_id = self.name(f"{what}-") + "\N{TELEPHONE RECEIVER}" * 90

        def too_long(body: dict[str, Any]) -> object:
            return {**body, "metadata": {**body["metadata"], "external_id": long_id}}

        return {
            "no body": replace(self.inbound(what), content=b"", content_type=None),
            "a list": _bent(self.inbound(what), lambda _body: []),
            "an empty `to`": empty_to,
            "an id of more than 200 UTF-16 units": _bent(self.inbound(f"{what}-long-id"), too_long),
        }

    def with_file(self, what: str, part: str) -> HttpRequest:
        """A message with a small file whose part is called `part`."""
        return self.with_files(what, part, (_FILE_TEXT,))

    def with_files(self, what: str, part: str, contents: Sequence[bytes]) -> HttpRequest:
        """A message with these files."""
        model = bodies.InboundMessage.model_validate(self._inbound(what, {}))
        files = [File(f"{PREFIX}-{at}.txt", "text/plain", content) for at, content in enumerate(contents, 1)]
        encoded = multipart_body(model, files, part, f"{PREFIX}-{self.run}")
        assert not isinstance(encoded.content, Pieces), "no file was fetched"
        return replace(self.inbound(what), content=encoded.content, content_type=encoded.content_type)

    def failed(self, what: str) -> HttpRequest:
        """The status of the message `what`."""
        ids = {"conv_ext_id": self.conversation, "message_ext_id": self.name(what)}
        body = {"status": "failed", "reason": self._text("a status")}
        return self._request("update-external-message-status", ids, body)

    # -- calls ----------------------------------------------------------------------------------------------------

    def call(self, what: str) -> HttpRequest:
        """A call that rings."""
        leg = self.name(what)
        body = {"external_call_id": leg, "initial_status": "ringing", "direction": "inbound"}
        party = {"handle": _CALLER, "name": PREFIX}
        return self._request("create-call", {}, {**body, "from": party, "parent_external_call_id": leg})

    def wrong_call(self, what: str) -> HttpRequest:
        """A call without `initial_status`, which the contract requires."""
        return _bent(
            self.call(what),
            lambda body: {key: value for key, value in body.items() if key != "initial_status"},
        )

    def call_status(self, what: str, status: str) -> HttpRequest:
        """A state of the call `what`."""
        return self._request("update-call", {"external_call_id": self.name(what)}, {"call_status": status})

    def summary(self, what: str, text: str) -> HttpRequest:
        """A summary of the call `what`."""
        ids = {"external_call_id": self.name(what)}
        return self._request("add-call-summary", ids, {"content": self._text(text)})

    # -- the channel ----------------------------------------------------------------------------------------------

    def nothing(self) -> HttpRequest:
        """An update of the channel that changes nothing."""
        return self._request("update-channel", {}, {})

    def look_up(self, uid: str) -> HttpRequest:
        """A message by the uid of its 202: a route of Front's Core API that the channel's token opens too."""
        return HttpRequest("get-message", "GET", f"/messages/{segment(f'alt:uid:{uid}')}")

    def _inbound(self, what: str, metadata: Mapping[str, str]) -> dict[str, Any]:
        ids = {"external_id": self.name(what), "external_conversation_id": self.conversation}
        return {
            "sender": {"handle": PREFIX, "name": PREFIX},
            "body": self._text(what),
            "metadata": {**ids, **metadata},
        }

    def _text(self, what: str) -> str:
        return f"A test by front-connector probe, run {self.run}: {what}. Nobody needs to answer."

    def _request(self, name: str, ids: Mapping[str, str], body: Mapping[str, object]) -> HttpRequest:
        channel = Channel(id=self.channel, real_id=self.channel, company="", app="")
        request = build(OPERATIONS[name], channel, ids, body, PREFIX)
        assert isinstance(request, Request), request
        return request.http


def _bent(request: HttpRequest, change: Callable[[dict[str, Any]], object]) -> HttpRequest:
    body = change(json.loads(request.content))
    return replace(request, content=json.dumps(body).encode())
