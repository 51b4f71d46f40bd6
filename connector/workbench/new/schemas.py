"""The schemas of a topic, for a first mapping file: from .avsc files, or from the registry by the ids that records carry.

Records are asked rather than subjects: they name every type that the topic holds, whatever the producers' naming strategy is.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from connector.adapters.kafka.reading import CannotRead, Last
from connector.config.settings import Settings
from connector.core.decode import SCHEMA_HEADERS, Framed, ParsedSchema, SchemaAbsent, frame, parse_schema
from connector.core.records import Record
from connector.workbench.new.draft import GivenSchema
from connector.workbench.registry_schemas import NoSchemas, RegistrySchemas
from connector.workbench.sources import reader, unusable
from connector.workbench.unusable import EXIT_UNAVAILABLE, Unusable

RECORDS = 500
"""How many of a topic's last records are asked for their schemas."""


def from_files(files: Sequence[Path], beside: Path) -> tuple[GivenSchema, ...]:
    """The schemas in .avsc files, named as from the folder `beside`. Raises `Unusable`."""
    return tuple(GivenSchema(_read(file), os.path.relpath(file, beside)) for file in files)


def _read(file: Path) -> object:
    try:
        definition = json.loads(file.read_bytes())
    except OSError as error:
        raise Unusable(f"--schema: cannot read {file}: {error.strerror or type(error).__name__}") from None
    except ValueError as error:
        raise Unusable(f"--schema: {file} is not JSON: {error}") from None
    parsed = parse_schema(definition, None)
    if not isinstance(parsed, ParsedSchema):
        raise Unusable(f"--schema: {file} is not a valid Avro schema: {parsed.why}")
    return parsed.avro


def from_topic(topic: str, settings: Settings) -> tuple[GivenSchema, ...]:
    """The newest schema of each type among a topic's last records. Blocks; raises `Unusable`."""
    newest: dict[str, GivenSchema] = {}
    try:
        with reader(settings) as kafka, RegistrySchemas(settings.registry) as registry:
            for record in kafka.records(kafka.plan([topic], Last(RECORDS))):
                for schema in _written_by(record, registry):
                    newest[schema.full_name] = schema
    except CannotRead as error:
        raise unusable(error) from None
    except NoSchemas as error:
        raise Unusable(str(error), EXIT_UNAVAILABLE) from None
    except ValueError as error:
        raise Unusable(str(error)) from None
    if not newest:
        raise Unusable(
            f"none of the last {RECORDS} records of {topic} names a schema of the registry: give it with --schema FILE"
        )
    return tuple(newest.values())


def _written_by(record: Record, registry: RegistrySchemas) -> Iterator[GivenSchema]:
    if record.value is None:
        return
    header = next((value for name, value in record.headers if name == SCHEMA_HEADERS["value"]), None)
    framed = frame(record.value, header)
    if not isinstance(framed, Framed):
        return
    registry.fetch(framed.ref)
    known = registry.known(framed.ref)
    if isinstance(known, ParsedSchema):
        yield GivenSchema(known.avro)
    else:
        assert isinstance(known, SchemaAbsent), "it was fetched"
