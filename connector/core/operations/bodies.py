"""The bodies of the eleven operations, with Front's own field names. Rules only: no encoding, no paths.

Scalars are strict (a number never becomes a string unasked), unknown keys are refused (Front would drop them
silently), and a null counts as absent. Each model mirrors a schema of the contract that the simulator is
built from; where it is stricter, the comment says why. `tests/contract` holds the two together.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    RootModel,
    Strict,
    model_validator,
)
from pydantic_core import PydanticCustomError

from connector.core.call_states import CallStatus
from connector.core.identity import ID_UNITS_MAX, utf16_units

ID_TOO_LONG = (
    f"has {{units}} UTF-16 units, the most is {ID_UNITS_MAX}: "
    "write short_id(...) around it, in every rule alike"
)

_LARGEST = 1e308
# RFC 6838 §4.2, then any parameters.
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?: *;[ -~]*)?", re.ASCII)


def _short_enough(text: str) -> str:
    units = utf16_units(text)
    if units > ID_UNITS_MAX:
        raise PydanticCustomError("id", ID_TOO_LONG, {"units": units})
    return text


def _whole_seconds(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("seconds", "must be whole seconds since 1970, as an integer")
    if value > 10**11:
        raise PydanticCustomError(
            "seconds", "must be in seconds since 1970; this looks like milliseconds or finer: divide it"
        )
    if value < 10**8:
        raise PydanticCustomError(
            "seconds", "must be in seconds since 1970; this would be before March 1973: was it divided twice?"
        )
    return value


def _number(value: object) -> float:
    # The comparison also refuses NaN, the infinities and integers that no double can hold.
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST <= value <= _LARGEST:
        raise PydanticCustomError("number", "must be a finite number")
    return value


def _milliseconds(value: object) -> float:
    number = _number(value)
    if number < 10**11:
        raise PydanticCustomError(
            "milliseconds", "must be in milliseconds since 1970; this looks like seconds: multiply by 1000"
        )
    if number > 10**14:
        raise PydanticCustomError(
            "milliseconds", "must be in milliseconds since 1970; this looks like microseconds: divide by 1000"
        )
    return number


def _media_type(text: str) -> str:
    # It becomes a header line of its part, so a line break in it would be an injection.
    if not _MEDIA_TYPE.fullmatch(text):
        raise PydanticCustomError("media_type", "must be a MIME type such as audio/mpeg")
    return text


def _whole(text: str) -> str:
    # Without a constraint pydantic does not look inside a text, and it would fail only when it is written out.
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError(
            "string_unicode", "must be valid Unicode: it has half a surrogate pair"
        ) from None
    return text


Text: TypeAlias = Annotated[str, Strict(), AfterValidator(_whole)]
Filled: TypeAlias = Annotated[str, Strict(), Field(min_length=1)]
"""An id or a handle: an empty one would tie strangers together."""
MetadataId: TypeAlias = Annotated[
    Filled,
    AfterValidator(_short_enough),
    # Said in the JSON schema only: pydantic would count code points.
    Field(json_schema_extra={"maxLength": ID_UNITS_MAX}),
]
Flag: TypeAlias = Annotated[bool, Strict()]
# Numbers keep the type they came with: 1789000000250 is not sent as 1789000000250.0.
Number: TypeAlias = Annotated[
    int | float,
    PlainValidator(_number, json_schema_input_type=Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)]),
]
Seconds: TypeAlias = Annotated[
    int, PlainValidator(_whole_seconds, json_schema_input_type=Annotated[int, Field(ge=10**8, le=10**11)])
]
Milliseconds: TypeAlias = Annotated[
    int | float,
    PlainValidator(_milliseconds, json_schema_input_type=Annotated[float, Field(ge=10**11, le=10**14)]),
]


class Body(BaseModel):
    """What all bodies and their parts share. An error's text never shows its input."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


# --- files ----------------------------------------------------------------------------------------


class Attachment(Body):
    """A file as a mapping gives it: its bytes, or else the URL where they lie. A part of its own, never of the encoded body.

    Absent `name` and `content_type` are told by whoever serves the URL, and by the file's first bytes.
    """

    content: Annotated[bytes, Strict()] | None = None
    url: Filled | None = None
    name: Text | None = None
    content_type: Annotated[str, Strict(), AfterValidator(_media_type)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Attachment":
        if self.content is None and self.url is None:
            raise PydanticCustomError("attachment", "has neither content nor url: give one of them")
        if self.content is not None and self.name is None:
            raise PydanticCustomError("attachment", "has content but no name: give both")
        return self


def _as_list(value: object) -> object:
    return [value] if isinstance(value, Mapping) else value


def _one_audio(files: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    if len(files) != 1:
        raise PydanticCustomError(
            "attachment_rejected", "must be exactly one file; there are {files}", {"files": len(files)}
        )
    (file,) = files
    # An absent one is told by its first bytes: see `form`.
    if file.content_type is not None and not file.content_type.lower().startswith("audio/"):
        raise PydanticCustomError(
            "attachment_rejected", "must have a content_type of audio/*, such as audio/mpeg"
        )
    return files


FILES_MAX = 100
"""Of one message. Front says none; thousands would hold up everything else while they are looked at."""
Attachments: TypeAlias = Annotated[
    Annotated[tuple[Attachment, ...], Field(max_length=FILES_MAX)] | None, Field(exclude=True)
]
Recording: TypeAlias = Annotated[
    tuple[Attachment, ...], BeforeValidator(_as_list), AfterValidator(_one_audio), Field(exclude=True)
]


# --- messages -------------------------------------------------------------------------------------


class MessageParty(Body):
    """A person outside Front. A phone number needs `+` and the country code, else it is taken as a US one."""

    handle: Filled
    name: Text | None = None
    email: Text | None = None


class Metadata(Body):
    """How Front recognises and threads a message."""

    external_id: MetadataId
    external_conversation_id: MetadataId
    referenced_message_external_id: MetadataId | None = None


class InboundMessage(Body):
    """`delivered_at` is in whole seconds; absent, Front takes the time of receipt."""

    sender: MessageParty
    subject: Text | None = None
    body: Text
    metadata: Metadata
    delivered_at: Seconds | None = None
    attachments: Attachments = None


class OutboundMessage(Body):
    """A message that was already sent elsewhere. The contract forgets to ask for at least one recipient."""

    sender_name: Text | None = None
    to: Annotated[tuple[MessageParty, ...], Field(min_length=1)]
    subject: Text | None = None
    author_id: Filled | None = None
    body: Text
    metadata: Metadata
    delivered_at: Seconds | None = None
    attachments: Attachments = None


class UpdateExternalMessageStatus(Body):
    """Front knows no "delivered" and no "read". Users see `reason`."""

    status: Literal["failed"]
    reason: Text | None = None


# --- calls ----------------------------------------------------------------------------------------


class CallParty(Body):
    """The other end of a call."""

    handle: Filled
    name: Text | None = None


class _CreateCall(Body):
    external_call_id: Filled
    initial_status: Literal["queued", "ringing"]
    started_at: Milliseconds | None = None
    parent_external_call_id: Filled
    agent_email_address: Text | None = None


class CreateCallInbound(_CreateCall):
    """Somebody calls the channel."""

    direction: Literal["inbound"]
    from_: Annotated[CallParty, Field(alias="from")]


class CreateCallOutbound(_CreateCall):
    """The channel calls somebody."""

    direction: Literal["outbound"]
    to: CallParty


class CreateCall(
    RootModel[Annotated[CreateCallInbound | CreateCallOutbound, Field(discriminator="direction")]]
):
    """`direction` decides which of the two it is. A first leg is its own parent."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class UpdateCall(Body):
    """`occurred_at` is in milliseconds and the only trace of when it really happened."""

    call_status: CallStatus
    occurred_at: Milliseconds | None = None
    agent_email_address: Text | None = None


class AddCallRecording(Body):
    """Exactly one audio file."""

    recording_type: Literal["call", "voicemail"]
    attachments: Recording


class AddCallSummary(Body):
    """Plain text."""

    content: Filled


class TranscriptLine(Body):
    """`start_time_seconds` counts from the start of the call; fractions are welcome."""

    speaker_name: Text
    content: Text
    start_time_seconds: Number
    speaker_type: Literal["internal", "external"]


class AddCallTranscript(Body):
    """The whole transcript at once: Front has no key by which to add to one."""

    lines: Annotated[tuple[TranscriptLine, ...], Field(min_length=1)]


# --- channel and templates ------------------------------------------------------------------------


class UpdateChannel(Body):
    """An empty body is allowed and changes nothing."""

    status: Literal["offline", "ok"] | None = None


class VariableMapping(Body):
    """A variable of a template; `uid` must lead back to its position."""

    uid: Filled
    name: Text
    type: Text


class ApplicationMessageTemplate(Body):
    """`is_disabled` true means: not usable. `template_preview` is HTML with inline styles."""

    external_id: Filled
    name: Text
    blurb: Text
    is_disabled: Flag
    status_name: Text
    variable_mappings: tuple[VariableMapping, ...]
    template_preview: Text


class ApplicationMessageTemplateEditBlob(Body):
    """Only what is to change."""

    name: Text | None = None
    blurb: Text | None = None
    is_disabled: Flag | None = None
    status_name: Text | None = None
    variable_mappings: tuple[VariableMapping, ...] | None = None
    template_preview: Text | None = None
