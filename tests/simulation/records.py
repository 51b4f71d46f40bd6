"""What records are made of: their bytes, their schemas, and a mapping that makes requests without much work.

The mapping is cheap because it is not what is tested here: a record's conversation says what becomes of it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from pydantic import BaseModel

from connector.core.decode import ParsedSchema, SchemaId, parse_schema
from connector.core.files import OnUnavailable, RemoteFile, StoredFile
from connector.core.http_encoding import Encoded
from connector.core.http_request import HttpRequest
from connector.core.mapping import (
    AvroFormat,
    BytesFormat,
    ChannelDirectory,
    MappingSet,
    OnMissingOffset,
    Plan,
    PythonMapper,
    Refusal,
    Skip,
    Start,
    TopicMapping,
)
from connector.core.mapping.results import Input
from connector.core.operations import Missing, Request
from connector.core.operations.form import Form
from connector.core.records import Channel
from tests.simulation.log import Named

PAYLOAD_SECRET = "s3cr3t-payload"
TOKEN_SECRET = "s3cr3t-token"
ABSENT_SCHEMA = 9
"""The registry says firmly that there is none."""
CHANNELS = {
    name: Channel(id=name, real_id=name, company=company, app="main")
    for name, company in (("cha_1", "acme"), ("cha_2", "acme"), ("cha_3", "bolt"))
}
OPERATION = "sync-inbound-message"
ROOM = 10
"""Bytes that the files of a request may have together."""
HOSTS = ("files-a.example", "files-b.example")


def _schema(number: int) -> ParsedSchema:
    fields = [{"name": name, "type": "string"} for name in ("id", "conversation", "channel", "body")]
    parsed = parse_schema({"type": "record", "name": "Message", "fields": fields}, SchemaId(number))
    assert isinstance(parsed, ParsedSchema)
    return parsed


SCHEMAS = {SchemaId(number): _schema(number) for number in (1, 2, 3)}


def _text(text: str) -> bytes:
    encoded = text.encode()
    assert len(encoded) < 64
    return bytes((len(encoded) << 1,)) + encoded


def value(n: int, conversation: str, channel: str, schema: int, files: Named | None = None) -> bytes:
    """A record's value in the registry's wire format."""
    names = "" if files is None else f"+{len(files.kinds)}+{files.rule}"
    body = _text(str(n)) + _text(conversation + names) + _text(channel) + _text(PAYLOAD_SECRET)
    return b"\x00" + schema.to_bytes(4, "big") + body


class _NoBody(BaseModel):
    """`CheapForm` makes its own."""


class CheapForm(Form):
    """Builds a body itself: the content of a request without files, and a letter for what became of each."""

    @property
    def room(self) -> int:
        """As many bytes for every request."""
        return ROOM

    def encoded(self, fetched: Sequence[StoredFile | Missing]) -> Encoded:
        """`h`: it is here; `m`: it goes without it. Its boundary is the content so far."""
        fates = "".join("m" if isinstance(fate, Missing) else "h" for fate in fetched)
        return Encoded(f"{self.boundary}|{fates}".encode(), "multipart/form-data")


def host_of(n: int, which: int) -> str:
    """Where a record's file lies: those of one record at different hosts."""
    return HOSTS[(n + which) % 2]


def file_url(n: int, index: int, which: int) -> str:
    """A URL that must never be logged."""
    return f"https://{host_of(n, which)}/{n}/{index}/{which}/{PAYLOAD_SECRET}"


class CheapMapper(PythonMapper):
    """Builds requests itself; their content is `<n>|<index>|<secret>`, and behind it the fates of files."""

    __slots__ = ()

    def map(self, taken: Input) -> Plan | Skip | Refusal:
        """By the conversation's first word."""
        said = taken.value
        assert isinstance(said, dict)
        conversation, _, names = str(said["conversation"]).partition("+")
        channel = CHANNELS[str(said["channel"])]
        if conversation.startswith("bad"):
            return Refusal(reason="mapping_failed", stage="map", message="it is bad", rule="cheap")
        if conversation.startswith("skip"):
            return Skip("rule", "cheap")
        key = ("conversation", channel.real_id, conversation)
        count = 3 if conversation.startswith("three") else 1
        requests = [
            Request(
                operation=OPERATION,
                channel=channel,
                order_key=key,
                http=HttpRequest(
                    operation=OPERATION,
                    method="POST",
                    path="/simulated",
                    content=f"{said['id']}|{index}|{PAYLOAD_SECRET}".encode(),
                ),
            )
            for index in range(count)
        ]
        if names:
            requests[count // 2] = _with_files(requests[count // 2], int(str(said["id"])), count // 2, names)
        return Plan(requests=tuple(requests), key=key, rule="cheap")


def _with_files(request: Request, n: int, index: int, names: str) -> Request:
    """`names`: `<how many>+<rule>`."""
    count, _, rule = names.partition("+")
    form = CheapForm(
        body=_NoBody(),
        files=tuple(RemoteFile(file_url(n, index, which)) for which in range(int(count))),
        file_field="attachments[]",
        boundary=request.http.content.decode(),
    )
    http = replace(request.http, content=b"")
    return replace(request, http=http, form=form, on_attachment_unavailable=cast("OnUnavailable", rule))


def mappings(topics: tuple[str, ...], start: Start, on_missing: OnMissingOffset) -> MappingSet:
    """Every topic mapped alike."""
    mapper = CheapMapper(
        name="cheap",
        function=lambda _: (),
        channels=ChannelDirectory.of((), apps=("main",)),
        table={},
    )
    made = {
        topic: TopicMapping(
            topic=topic,
            start=start,
            max_age_s=None,
            on_missing_offset=on_missing,
            value=AvroFormat(),
            key=BytesFormat(),
            maps=mapper,
            constants={},
        )
        for topic in topics
    }
    return MappingSet(topics=made, hash="0")
