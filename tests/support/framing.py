"""Avro records as a schema registry's serializer writes them, written by fastavro alone."""

import io
from typing import Any

import fastavro

from connector.core.decode import ParsedSchema
from connector.core.records import Epoch, Record, TopicPartition


def framed(
    tp: TopicPartition,
    offset: int,
    schema: ParsedSchema,
    value: dict[str, Any],
    *,
    schema_id: int,
    epoch: int = 1,
) -> Record:
    """A record with this value, under the registry's number of its schema."""
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema.avro, value)
    return Record(
        topic=tp.topic,
        partition=tp.partition,
        offset=offset,
        epoch=Epoch(epoch),
        value=b"\x00" + schema_id.to_bytes(4, "big") + body.getvalue(),
        timestamp_ms=0,
    )
