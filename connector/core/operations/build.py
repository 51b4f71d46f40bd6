"""From what a mapping asked for to the bytes that every attempt will send, or to what is wrong with it.

Pure and repeatable: the same arguments give the same bytes, so that a repeat after an unknown outcome carries
the same ids. Nothing is cut, guessed or converted here; a value that does not fit is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from connector.core.call_states import CallStep
from connector.core.file_names import harmless
from connector.core.file_types import HEAD_BYTES, content_type
from connector.core.files import File, FilePart, OnUnavailable, RemoteFile, StoredFile
from connector.core.http_encoding import Encoded, json_body
from connector.core.http_request import HttpRequest
from connector.core.identity import ID_UNITS_MAX, utf16_units
from connector.core.operations import bodies
from connector.core.operations.form import REQUEST_BYTES_MAX, Form, Missing, too_large
from connector.core.operations.invalid import Invalid, explain, shown, unknown
from connector.core.operations.table import Operation
from connector.core.outcome import Override
from connector.core.records import Channel, OrderKey

_LIMITED = frozenset({"conv_ext_id", "message_ext_id"})
"""Path ids that name what `metadata` named before: whatever is longer cannot exist at Front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that Front's contract allows, and the order key it has unless the mapping names another.

    `outcomes`: what HTTP statuses mean for it, where its rule says so; the settings' own for all others.
    `form`: its body while files of it are still to be fetched; `http` has none until then (see `with_files`).
    `on_attachment_unavailable`: what becomes of it when one of them will never come.
    `call`: what it says about the state of the call that `order_key` names; None: nothing.
    """

    operation: str
    channel: Channel
    order_key: OrderKey
    http: HttpRequest
    outcomes: Mapping[int, Override] = field(default_factory=dict)
    form: Form | None = None
    on_attachment_unavailable: OnUnavailable = "dead_letter"
    call: CallStep | None = None

    def with_files(self, fetched: Sequence[StoredFile | Missing]) -> HttpRequest | Invalid:
        """What is sent, now that the fate of each file of `form` is known."""
        assert self.form is not None, "it has no files to fetch"
        encoded = self.form.encoded(fetched)
        if isinstance(encoded, Invalid):
            return encoded
        return _filled(self.http, encoded)


def build(
    operation: Operation,
    channel: Channel,
    params: Mapping[str, object],
    body: Mapping[str, object],
    boundary: str,
    file_part: FilePart = "attachments[]",
) -> Request | tuple[Invalid, ...]:
    """Check everything and encode it; raises nothing. All that is wrong is told at once.

    params: the operation's path ids as they are (not percent-encoded). body: Front's fields; a null counts as
    absent. boundary: ASCII, at most 70 characters, the same for every attempt at this request; used only with
    files. file_part: how those of a message are called; a recording's is always `attachments`.
    """
    problems = _channel_problems(operation, channel) + _param_problems(operation, params)
    if (least := _least_size(body)) > REQUEST_BYTES_MAX:
        return (*problems, Invalid("body", too_large(least, "at least ")))
    try:
        model = operation.body.model_validate(body)
    except ValidationError as error:
        return (*problems, *explain(operation.body, error))
    encoded = _encode(operation, model, boundary, file_part)
    if isinstance(encoded, Invalid):
        return (*problems, encoded)
    form = encoded if isinstance(encoded, Form) else None
    if problems:
        return problems
    ids = {name: str(params[name]) for name in operation.params}
    segments = {name: segment(value) for name, value in ids.items()}
    http = HttpRequest(
        operation=operation.name,
        method=operation.method,
        path=operation.path.format(channel_id=segment(channel.id), **segments),
    )
    if not isinstance(encoded, Form):
        http = _filled(http, encoded)
    return Request(
        operation=operation.name,
        channel=channel,
        order_key=_order_key(channel, ids, model),
        http=http,
        form=form,
        call=_call_step(model),
    )


def _filled(http: HttpRequest, body: Encoded) -> HttpRequest:
    if isinstance(body.content, bytes):
        return replace(http, content=body.content, content_type=body.content_type)
    return replace(http, upload=body.content, content_type=body.content_type)


def segment(text: str) -> str:
    """An id as one segment of a path: all but ':' and RFC 3986's unreserved characters is percent-encoded.

    A lone "." or ".." would be taken for navigation (RFC 3986 §5.2.4), so its dots are encoded too.
    """
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe=":")


def _channel_problems(operation: Operation, channel: Channel) -> tuple[Invalid, ...]:
    if channel.id.startswith("alt:") and not operation.takes_alias:
        return (Invalid("channel", f"is an alias, which {operation.name} does not take: give the cha_ id"),)
    if not channel.id:
        return (Invalid("channel", "must not be empty: give the cha_ id"),)
    return ()


def _param_problems(operation: Operation, params: Mapping[str, object]) -> tuple[Invalid, ...]:
    problems = []
    for name in operation.params:
        why = _param_problem(name, params.get(name))
        if why is not None:
            problems.append(Invalid(f"path.{name}", why))
    if len(params) > len(operation.params) or problems:
        extra = [name for name in params if name not in operation.params]
        problems += [Invalid(f"path.{shown(name)}", unknown(name, operation.params)) for name in extra]
    return tuple(problems)


def _param_problem(name: str, value: object) -> str | None:
    if value is None:
        return "is required"
    if not isinstance(value, str):
        return "must be a string"
    if not value:
        return "must not be empty"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "must be valid Unicode: it has half a surrogate pair"
    units = utf16_units(value)
    if name in _LIMITED and units > ID_UNITS_MAX:
        return bodies.ID_TOO_LONG.format(units=units)
    return None


def _encode(
    operation: Operation, model: BaseModel, boundary: str, file_part: FilePart
) -> Encoded | Form | Invalid:
    files = _files(model)
    if not files:
        encoded = json_body(model)
        return encoded if encoded.size <= REQUEST_BYTES_MAX else Invalid("body", too_large(encoded.size))
    audio = operation.files == "one_audio"
    form = Form(model, files, "attachments" if audio else file_part, boundary, audio)
    # Summed before encoding, so that files far too large are not copied first.
    size = sum(len(file.content) for file in files if isinstance(file, File))
    if size <= REQUEST_BYTES_MAX:
        if not form.remote:
            return form.encoded(())
        if form.room > 0:
            return form
        size = REQUEST_BYTES_MAX - form.room
    return Invalid("body.attachments", too_large(size), "attachment_rejected")


def _least_size(body: Mapping[str, object]) -> int:
    """Bytes that the body has at least once it is written out; not counted further than the most that is allowed.

    One text or list of a record can stand in it thousands of times, so it is never written out to learn that. Files count
    elsewhere.
    """
    size = 0
    rest: list[object] = [body]
    while rest and size <= REQUEST_BYTES_MAX:
        here = rest.pop()
        if isinstance(here, str):
            size += len(here)
        elif isinstance(here, Mapping | list | tuple):
            # A comma and a character for each value. Before its values are visited: that takes time too.
            size += 2 * len(here)
            if size <= REQUEST_BYTES_MAX:
                rest.extend(here.values() if isinstance(here, Mapping) else here)
    return size


def _files(model: BaseModel) -> tuple[File | RemoteFile, ...]:
    if not isinstance(model, bodies.InboundMessage | bodies.OutboundMessage | bodies.AddCallRecording):
        return ()
    return tuple(_file(item) for item in model.attachments or ())


def _file(given: bodies.Attachment) -> File | RemoteFile:
    if given.content is None:
        assert given.url is not None, "the model asks for one of the two"
        return RemoteFile(given.url, given.name, given.content_type)
    assert given.name is not None, "the model asks for both"
    name = harmless(given.name) or "file"
    kind = given.content_type or content_type(None, None, given.content[:HEAD_BYTES], name)
    return File(name, kind, given.content)


def _call_step(model: BaseModel) -> CallStep | None:
    match model:
        case bodies.CreateCall():
            return CallStep(model.root.initial_status, creates=True)
        case bodies.UpdateCall():
            return CallStep(model.call_status)
        case _:
            return None


def _order_key(channel: Channel, ids: Mapping[str, str], model: BaseModel) -> OrderKey:
    """Requests about one conversation, or one leg of a call, share a key; all others share the channel's."""
    match model:
        case bodies.InboundMessage() | bodies.OutboundMessage():
            return ("conversation", channel.real_id, model.metadata.external_conversation_id)
        case bodies.UpdateExternalMessageStatus():
            return ("conversation", channel.real_id, ids["conv_ext_id"])
        case bodies.CreateCall():
            return ("call", channel.real_id, model.root.external_call_id)
        case _ if "external_call_id" in ids:
            return ("call", channel.real_id, ids["external_call_id"])
        case _:
            return ("channel", channel.real_id)
