"""The canonical schemas: valid, documented, frozen once released, readable for ever; and their examples."""

import copy
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import avro.schema
import fastavro
import pytest
import yaml
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from fastavro.read import SchemaResolutionError

from connector.demo.examples import Example, ExampleError, avro_value, load_example, read_example

SCHEMAS = Path(__file__).parents[2] / "schemas"
SUBJECTS: dict[str, Any] = yaml.safe_load((SCHEMAS / "subjects.yaml").read_text(encoding="utf-8"))["subjects"]
CURRENT_FILES = sorted((SCHEMAS / "avro").rglob("*.avsc"))
ALL_FILES = [*CURRENT_FILES, *sorted((SCHEMAS / "versions").glob("*.avsc"))]
EXAMPLES = sorted(p for p in (SCHEMAS / "examples").rglob("*.json") if not p.name.endswith(".expected.json"))


def name_of(path: Path) -> str:
    return str(path.relative_to(SCHEMAS))


def definition(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def current(record: str) -> Any:
    return definition(next(path for path in CURRENT_FILES if path.stem == record))


def written_by(example: Example) -> Any:
    if example.version is None:
        return current(example.schema)
    return definition(SCHEMAS / "versions" / f"{example.schema}.v{example.version}.avsc")


def encode(value: Any, schema: Any) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), value)
    return stream.getvalue()


def decode(payload: bytes, writer: Any, reader: Any) -> Any:
    stream = io.BytesIO(payload)
    return fastavro.schemaless_reader(stream, fastavro.parse_schema(writer), fastavro.parse_schema(reader))


def can_read(reader: Any, writer: Any) -> bool:
    answer = ReaderWriterCompatibilityChecker().get_compatibility(
        avro.schema.parse(json.dumps(reader)), avro.schema.parse(json.dumps(writer))
    )
    return bool(answer.compatibility == SchemaCompatibilityType.compatible)


def named_types(node: Any) -> Iterator[dict[str, Any]]:
    """Every record and enum that a schema spells out, itself first."""
    match node:
        case {"type": "record", "fields": fields}:
            yield node
            for field in fields:
                yield from named_types(field["type"])
        case {"type": "enum"}:
            yield node
        case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
            yield from named_types(inner)
        case list():
            for branch in node:
                yield from named_types(branch)


@pytest.mark.parametrize("path", ALL_FILES, ids=name_of)
def test_two_libraries_parse_each_schema(path: Path) -> None:
    """Both Avro implementations accept the file, and agree about its full name."""
    parsed: Any = fastavro.parse_schema(definition(path))
    assert avro.schema.parse(path.read_text(encoding="utf-8")).fullname == parsed["name"]


@pytest.mark.parametrize("path", ALL_FILES, ids=name_of)
def test_everything_is_documented(path: Path) -> None:
    """Each record, each enum and each field says in a sentence what it is."""
    silent = [node["name"] for node in named_types(definition(path)) if len(node.get("doc", "")) < 10]
    for node in named_types(definition(path)):
        silent += [
            f"{node['name']}.{f['name']}" for f in node.get("fields", ()) if len(f.get("doc", "")) < 10
        ]
    assert silent == []


@pytest.mark.parametrize("path", CURRENT_FILES, ids=name_of)
def test_enums_and_optional_fields_have_defaults(path: Path) -> None:
    """What may be missing or may grow has a default; without one, the next release could not add to it."""
    without = []
    for node in named_types(definition(path)):
        if node["type"] == "enum" and node.get("default") not in node["symbols"]:
            without.append(node["name"])
        without += [
            f"{node['name']}.{field['name']}"
            for field in node.get("fields", ())
            if isinstance(field["type"], list)
            and (field["type"][0] != "null" or field.get("default", ...) is not None)
        ]
    assert without == []


@pytest.mark.parametrize("path", CURRENT_FILES, ids=name_of)
def test_each_event_says_what_when_and_where(path: Path) -> None:
    """All events begin with the same three fields: their id, their time, and the line they belong to."""
    fields = definition(path)["fields"]
    assert [field["name"] for field in fields[:3]] == ["event_id", "occurred_at", "line_id"]
    assert fields[1]["type"] == {"type": "long", "logicalType": "timestamp-millis"}


def test_a_type_of_one_name_is_the_same_everywhere() -> None:
    """`messaging.Contact` is one type, though each schema spells it out for itself."""
    seen: dict[str, Any] = {}
    for path in CURRENT_FILES:
        for node in named_types(definition(path)):
            assert seen.setdefault(f"{path.parent.name}.{node['name']}", node) == node


def test_subjects_follow_the_topic_record_name_strategy() -> None:
    """Each current schema has the one subject `<topic>-<full name>`, and no file is left without one."""
    for subject, entry in SUBJECTS.items():
        schema = definition(SCHEMAS / entry["file"])
        assert entry["record"] == f"{schema['namespace']}.{schema['name']}"
        assert subject == f"{entry['topic']}-{entry['record']}"
    assert sorted(SCHEMAS / entry["file"] for entry in SUBJECTS.values()) == CURRENT_FILES


def test_released_versions_are_never_edited() -> None:
    """The bytes of every released file are those that were released; none is missing from the list."""
    listed = {}
    for entry in SUBJECTS.values():
        record = entry["record"].rpartition(".")[2]
        for number, version in enumerate(entry["versions"], 1):
            assert version["file"] == f"versions/{record}.v{number}.avsc"
            listed[SCHEMAS / version["file"]] = version["sha256"]
    on_disk = {
        path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (SCHEMAS / "versions").iterdir()
    }
    assert on_disk == listed


def releases() -> list[tuple[str, str]]:
    return [(entry["file"], version["file"]) for entry in SUBJECTS.values() for version in entry["versions"]]


@pytest.mark.parametrize(("newest", "released"), releases(), ids=lambda file: Path(file).stem)
def test_the_current_schema_reads_every_release(newest: str, released: str) -> None:
    """BACKWARD_TRANSITIVE: the newest reader can read whatever any released version wrote."""
    assert can_read(reader=definition(SCHEMAS / newest), writer=definition(SCHEMAS / released))


def break_by_new_field(schema: Any) -> None:
    schema["fields"].append({"name": "priority", "type": "int", "doc": "Has no default."})


def break_by_type(schema: Any) -> None:
    next(field for field in schema["fields"] if field["name"] == "call_id")["type"] = "long"


def break_by_symbol(schema: Any) -> None:
    state = next(field for field in schema["fields"] if field["name"] == "state")["type"]
    state["symbols"].remove("ANSWERED")
    del state["default"]


@pytest.mark.parametrize("spoil", [break_by_new_field, break_by_type, break_by_symbol])
def test_an_incompatible_change_would_be_caught(spoil: Any) -> None:
    """A new field without a default, another type, a symbol taken away: check and reader both see it."""
    released = definition(SCHEMAS / "versions" / "CallUpdated.v1.avsc")
    spoilt = copy.deepcopy(current("CallUpdated"))
    spoil(spoilt)
    assert not can_read(reader=spoilt, writer=released)
    value = avro_value(read_example(SCHEMAS / "examples/CallUpdated/v1.json"), released) | {
        "state": "ANSWERED"
    }
    payload = encode(value, released)
    with pytest.raises((SchemaResolutionError, ValueError)):
        decode(payload, released, spoilt)


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_each_example_survives_encoding(path: Path) -> None:
    """It fits the schema that it names, and comes back from bytes as it was."""
    example = read_example(path)
    schema = written_by(example)
    value = load_example(path, schema)
    decoded: Any = decode(encode(value, schema), schema, schema)
    millis = round(decoded["occurred_at"].timestamp() * 1000)
    assert decoded | {"occurred_at": millis} == value
    assert path.parent.name == example.schema


@pytest.mark.parametrize("path", [p for p in EXAMPLES if read_example(p).version], ids=name_of)
def test_reg_04_old_records_are_read_by_the_new_schema(path: Path) -> None:
    """A record of an older release, read with the current schema, has the old values and the new defaults."""
    example = read_example(path)
    old, new = written_by(example), current(example.schema)
    value = avro_value(example, old)
    resolved = decode(encode(value, old), old, new)
    added = {field["name"]: field["default"] for field in new["fields"] if field["name"] not in value}
    assert added, "an old version without a difference proves nothing"
    assert {name: resolved[name] for name in added} == added
    assert resolved["event_id"] == value["event_id"]


def test_each_schema_has_its_examples() -> None:
    """Every record type has a minimal and a full example, and one for each release but the newest."""
    for entry in SUBJECTS.values():
        record = entry["record"].rpartition(".")[2]
        old = {f"v{number}" for number in range(1, len(entry["versions"]))}
        names = {path.stem for path in EXAMPLES if path.parent.name == record}
        assert {"minimal", "full", *old} <= names


@pytest.mark.parametrize("record", sorted({path.parent.name for path in EXAMPLES}))
def test_full_examples_use_every_field(record: str) -> None:
    """No field of an event is left without an example."""
    value = read_example(SCHEMAS / "examples" / record / "full.json").value
    assert set(value) == {field["name"] for field in current(record)["fields"]}


def refusal(tmp_path: Path, document: object) -> str:
    path = tmp_path / "spoilt.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    with pytest.raises(ExampleError) as caught:
        load_example(path, current("CallRecordingReady"))
    return str(caught.value).removeprefix(f"{path}: ")


def recording(**changed: object) -> dict[str, object]:
    document = json.loads((SCHEMAS / "examples/CallRecordingReady/minimal.json").read_text(encoding="utf-8"))
    return {**document, "value": {**document["value"], **changed}}


def test_errors_of_examples_say_what_to_do(tmp_path: Path) -> None:
    """Each way to spoil an example is told with its place in the file."""
    audio = {"name": "a.wav", "content_type": "audio/wav"}
    told = [
        refusal(tmp_path, "{"),
        refusal(tmp_path, []),
        refusal(tmp_path, recording() | {"shcema": "x"}),
        refusal(tmp_path, recording() | {"key": 7}),
        refusal(tmp_path, recording() | {"version": "1"}),
        refusal(tmp_path, recording(call_ids="x")),
        refusal(tmp_path, recording(audio=audio | {"content": "not base64!"})),
        refusal(tmp_path, recording(line_id=None)),
    ]
    assert told[0].startswith("not JSON in UTF-8: ")
    assert told[1:6] == [
        "must be an object with the fields schema, version, key, value",
        "unknown field 'shcema': did you mean 'schema'?",
        "schema and key must be texts, and value an object",
        "version must be a whole number, such as 1 for <schema>.v1.avsc",
        "value.call_ids is not in the schema: did you mean 'call_id'?",
    ]
    assert told[6].startswith("value.audio.content: bytes are written as base64: ")
    assert told[7] == "value.line_id is null (schema CallRecordingReady wants string)"


def test_unions_of_several_types_are_refused_in_examples(tmp_path: Path) -> None:
    """Plain JSON cannot say which of several types is meant, so such a schema needs another format."""
    path = tmp_path / "either.json"
    path.write_text('{"schema": "Either", "key": "k", "value": {"x": 1}}', encoding="utf-8")
    schema = {"type": "record", "name": "Either", "fields": [{"name": "x", "type": ["string", "long"]}]}
    with pytest.raises(ExampleError, match=r"value\.x: of unions, only null and one type can be written"):
        load_example(path, schema)
