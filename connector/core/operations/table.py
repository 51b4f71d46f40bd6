"""The eleven operations as a table: names, methods, paths and path ids as in the contract. No behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel

from connector.core.operations import bodies


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that Front can be asked to do.

    `name` is the contract's operationId, `path` its template, `params` the path ids besides `channel_id`.
    `awaits_creation`: Front creates calls and messages some time after it accepted them, so a 404 may mean
    "not yet" (Front's 202 is an acceptance, not a result).
    """

    name: str
    method: str
    path: str
    params: tuple[str, ...]
    body: type[BaseModel]
    files: Literal["none", "optional", "one_audio"] = "none"
    awaits_creation: bool = False

    @property
    def entity(self) -> Literal["call", "conversation", "channel"]:
        """What it is about, and the kind of order key that its requests have by default (`build`)."""
        if self.path.startswith(_CALLS):
            return "call"
        of_messages = ("/inbound_messages", "/outbound_messages", "/status")
        return "conversation" if self.path.endswith(of_messages) else "channel"

    @property
    def takes_alias(self) -> bool:
        """Whether `alt:address:…` may stand for the channel: Front offers it for all but the call routes."""
        return not self.path.startswith(_CALLS)


_CHANNEL = "/channels/{channel_id}"
_CALLS = f"{_CHANNEL}/calls"
_CALL = f"{_CALLS}/{{external_call_id}}"
_TEMPLATES = f"{_CHANNEL}/application_message_templates"
_STATUS = f"{_CHANNEL}/conversations/{{conv_ext_id}}/messages/{{message_ext_id}}/status"
_OF_CALL = ("external_call_id",)

_TABLE = (
    Operation("update-channel", "PATCH", _CHANNEL, (), bodies.UpdateChannel),
    Operation("sync-application-message-template", "PUT", _TEMPLATES, (), bodies.ApplicationMessageTemplate),
    Operation(
        "update-application-message-template",
        "PATCH",
        f"{_TEMPLATES}/{{external_id}}",
        ("external_id",),
        bodies.ApplicationMessageTemplateEditBlob,
    ),
    Operation("create-call", "POST", _CALLS, (), bodies.CreateCall),
    Operation("update-call", "PATCH", _CALL, _OF_CALL, bodies.UpdateCall, awaits_creation=True),
    Operation(
        "add-call-recording",
        "POST",
        f"{_CALL}/recording",
        _OF_CALL,
        bodies.AddCallRecording,
        files="one_audio",
        awaits_creation=True,
    ),
    Operation(
        "add-call-summary", "POST", f"{_CALL}/summary", _OF_CALL, bodies.AddCallSummary, awaits_creation=True
    ),
    Operation(
        "add-call-transcript",
        "POST",
        f"{_CALL}/transcript",
        _OF_CALL,
        bodies.AddCallTranscript,
        awaits_creation=True,
    ),
    Operation(
        "update-external-message-status",
        "PUT",
        _STATUS,
        ("conv_ext_id", "message_ext_id"),
        bodies.UpdateExternalMessageStatus,
        awaits_creation=True,
    ),
    Operation(
        "sync-inbound-message",
        "POST",
        f"{_CHANNEL}/inbound_messages",
        (),
        bodies.InboundMessage,
        files="optional",
    ),
    Operation(
        "sync-outbound-message",
        "POST",
        f"{_CHANNEL}/outbound_messages",
        (),
        bodies.OutboundMessage,
        files="optional",
    ),
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType({operation.name: operation for operation in _TABLE})
"""By name, in the contract's order."""
