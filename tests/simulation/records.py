"""What records are made of: their bytes, their schemas, and a mapping that makes requests without much work.

The mapping is cheap because it is not what is tested here: a record's conversation says what becomes of it.
"""

from connector.core.decode import ParsedSchema, SchemaId, parse_schema
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
from connector.core.operations import Request
from connector.core.records import Channel

PAYLOAD_SECRET = "s3cr3t-payload"
TOKEN_SECRET = "s3cr3t-token"
ABSENT_SCHEMA = 9
"""The registry says firmly that there is none."""
CHANNELS = {
    name: Channel(id=name, real_id=name, company=company, app="main")
    for name, company in (("cha_1", "acme"), ("cha_2", "acme"), ("cha_3", "bolt"))
}
OPERATION = "sync-inbound-message"


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


def value(n: int, conversation: str, channel: str, schema: int) -> bytes:
    """A record's value in the registry's wire format."""
    body = _text(str(n)) + _text(conversation) + _text(channel) + _text(PAYLOAD_SECRET)
    return b"\x00" + schema.to_bytes(4, "big") + body


class CheapMapper(PythonMapper):
    """Builds requests itself; their content is `<n>|<index>|<secret>`."""

    __slots__ = ()

    def map(self, taken: Input) -> Plan | Skip | Refusal:
        """By the conversation's first word."""
        said = taken.value
        assert isinstance(said, dict)
        conversation, channel = str(said["conversation"]), CHANNELS[str(said["channel"])]
        if conversation.startswith("bad"):
            return Refusal(reason="mapping_failed", stage="map", message="it is bad", rule="cheap")
        if conversation.startswith("skip"):
            return Skip("rule", "cheap")
        key = ("conversation", channel.real_id, conversation)
        requests = tuple(
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
            for index in range(3 if conversation.startswith("three") else 1)
        )
        return Plan(requests=requests, key=key, rule="cheap")


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
