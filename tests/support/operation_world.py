"""Records of every operation for the scripted world: the record says which request it wants, and where it goes.

What lives here: their schema, a mapper that does as it is told, and a channels table of two companies. The judgement of
what a mapping ought to do is elsewhere (mapping files and their own tests).
"""

import json
from typing import Any

from connector.core.decode import ParsedSchema, SchemaId, parse_schema
from connector.core.mapping import (
    ChannelDirectory,
    ChannelRow,
    MapperInput,
    MapperRequest,
    MappingSet,
    PythonMapper,
)
from connector.core.records import Record, TopicPartition
from tests.support.framing import framed
from tests.support.requests import AUDIO, BY_NAME
from tests.support.world import TP, mappings

ROWS = tuple(
    ChannelRow(key=channel, channel=channel, company=company, app=app)
    for channel, company, app in (
        ("cha_1", "acme", "main"),
        ("cha_2", "acme", "main"),
        ("cha_9", "bell", "main"),
    )
)


def _schema() -> ParsedSchema:
    fields = [{"name": name, "type": "string"} for name in ("operation", "channel", "path", "body")]
    parsed = parse_schema({"type": "record", "name": "Wanted", "fields": fields}, SchemaId(50))
    assert isinstance(parsed, ParsedSchema)
    return parsed


SCHEMA = _schema()


def wanting(
    offset: int,
    operation: str,
    of: str = "1",
    *,
    channel: str = "cha_1",
    tp: TopicPartition = TP,
    **body: object,
) -> Record:
    """A record that becomes this request about call, conversation or template `of`. `body` goes over a valid one's."""
    params, valid = BY_NAME[operation]
    wanted: dict[str, Any] = {name: each for name, each in valid.items() if name != "attachments"}
    if "metadata" in wanted:
        wanted["metadata"] = {"external_id": f"m-{offset}", "external_conversation_id": of}
    if "external_call_id" in wanted:
        wanted["external_call_id"] = of
    path = {name: f"m-{offset}" if name == "message_ext_id" else of for name in params}
    value = {
        "operation": operation,
        "channel": channel,
        "path": json.dumps(path),
        "body": json.dumps({**wanted, **body}),
    }
    return framed(tp, offset, SCHEMA, value, schema_id=50)


def _as_wanted(taken: MapperInput) -> list[MapperRequest]:
    value: Any = taken.value
    body = json.loads(value["body"])
    if value["operation"] == "add-call-recording":
        body["attachments"] = AUDIO
    return [
        MapperRequest(
            operation=value["operation"],
            channel=taken.channels[value["channel"]],
            path=json.loads(value["path"]),
            body=body,
        )
    ]


def wanted(*topics: str) -> MappingSet:
    """Topics of `wanting` records."""
    directory = ChannelDirectory.of(ROWS, apps=("main",))
    mapper = PythonMapper(name="wanted", function=_as_wanted, channels=directory, table=directory.table())
    return mappings(*topics, maps=mapper)
