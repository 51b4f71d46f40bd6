"""The shipped mapping files: each example event becomes exactly the requests that lie beside it."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest
import yaml

from connector.config.loader import Loaded, load
from connector.core.decode import Decoded, ParsedSchema, SchemaId, parse_schema, read_avro
from connector.core.mapping import ChannelNeeded, Input, MappingSet, Plan, Refusal, Result, Rules, Skip
from connector.core.operations import OPERATIONS, Request
from connector.core.records import Epoch, Record
from connector.demo.events import (
    Accepted,
    BadRecord,
    DeadLettered,
    Event,
    Skipped,
    channels_table,
    generate,
    payload,
)
from connector.demo.examples import Example, avro_value, read_example
from tests.support.multipart import read_form

PROJECT = Path(__file__).parents[2]
SCHEMAS = PROJECT / "schemas"
MAPPINGS = PROJECT / "connector" / "mappings"
SUBJECTS: dict[str, Any] = yaml.safe_load((SCHEMAS / "subjects.yaml").read_text(encoding="utf-8"))["subjects"]
ENTRY_OF = {entry["record"].rpartition(".")[2]: entry for entry in SUBJECTS.values()}
EXAMPLES = sorted(p for p in (SCHEMAS / "examples").rglob("*.json") if not p.name.endswith(".expected.json"))
NOW = 1_793_700_000.0


def loaded(folder: Path, channels: Path) -> Loaded:
    """The shipped mapping files with this channels table, read as the service reads them."""
    config = folder / "config.yaml"
    document = {
        "kafka": {"bootstrap_servers": "localhost:9092", "group_id": "front"},
        "registry": {"url": "http://localhost:8081"},
        "front": {
            "apps": {"demo": {"uid": "app_demo", "secret": "not-a-real-secret"}},
            "channels": str(channels),
        },
        "mappings": {"folder": str(MAPPINGS)},
        "dead_letter": {"topic": "front.dead-letters"},
    }
    config.write_text(json.dumps(document), encoding="utf-8")
    result = load(config)
    assert isinstance(result, Loaded), str(result)
    return result


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> MappingSet:
    """The mapping files with the example table that is shipped beside them."""
    return loaded(tmp_path_factory.mktemp("shipped"), MAPPINGS / "channels.example.csv").mappings


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> MappingSet:
    """The mapping files with the demo's table."""
    folder = tmp_path_factory.mktemp("demo")
    rows = [",".join(row.values()) for row in channels_table()]
    (folder / "channels.csv").write_text("\n".join([",".join(channels_table()[0]), *rows]), encoding="utf-8")
    return loaded(folder, folder / "channels.csv").mappings


def schema(definition: Any) -> ParsedSchema:
    parsed = parse_schema(definition, SchemaId(7))
    assert isinstance(parsed, ParsedSchema)
    return parsed


def current_schema(full_name: str) -> ParsedSchema:
    entry = ENTRY_OF[full_name.rpartition(".")[2]]
    return schema(json.loads((SCHEMAS / entry["file"]).read_text(encoding="utf-8")))


def schema_of(example: Example) -> ParsedSchema:
    if example.version is None:
        return current_schema(example.schema)
    released = SCHEMAS / f"versions/{example.schema}.v{example.version}.avsc"
    return schema(json.loads(released.read_text(encoding="utf-8")))


def map_body(mappings: MappingSet, topic: str, key: str, body: bytes, written_by: ParsedSchema) -> Result:
    """What the service makes of a record whose Avro body this is."""
    decoded = read_avro(body, written_by)
    assert isinstance(decoded, Decoded)
    record = Record(topic=topic, partition=0, offset=0, epoch=Epoch(1), value=body, key=key.encode())
    mapping = mappings.topics[topic]
    taken = Input(record=record, value=decoded.value, key=key, schema=written_by)
    return mapping.skips(record, NOW) or mapping.map(taken)


def map_example(mappings: MappingSet, path: Path, **changed: object) -> Result:
    """What an example becomes, or a variant of it with other values in some fields."""
    example = read_example(path)
    written_by = schema_of(example)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, written_by.avro, avro_value(example, written_by.avro) | changed)
    topic = ENTRY_OF[example.schema]["topic"]
    return map_body(mappings, topic, example.key, body.getvalue(), written_by)


def json_of(result: Result) -> Any:
    assert isinstance(result, Plan), result
    return json.loads(result.requests[0].http.content)


def enums_in(node: Any) -> dict[str, list[str]]:
    """The symbols of the enums that a schema spells out, by their bare names."""
    found: dict[str, list[str]] = {}
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        found |= enums_in(child)
    if isinstance(node, dict) and node.get("type") == "enum":
        found[node["name"].rpartition(".")[2]] = node["symbols"]
    return found


def symbols(record: str, enum: str) -> list[str]:
    return enums_in(current_schema(record).avro)[enum]


def as_expected(result: Result) -> object:
    """A result in the form of the `.expected.json` files."""
    match result:
        case Plan(requests=requests):
            return {"requests": [as_sent(request) for request in requests]}
        case Skip(rule=rule):
            return {"skip": rule}
        case Refusal(reason=reason):
            return {"dead_letter": reason}
        case ChannelNeeded():
            raise AssertionError("the shipped files wait for no channel")


def as_sent(request: Request) -> dict[str, object]:
    """What goes over the wire, read back by parsers that share no code with the encoder."""
    http = request.http
    head = {"operation": http.operation, "method": http.method, "path": http.path}
    if request.form is not None:
        remote = [
            {"url": file.url, "name": file.name, "content_type": file.content_type}
            for file in request.form.remote
        ]
        here = request.form.here()
        assert isinstance(here.content, bytes)
        return head | {"form": dict(read_form(here.content, here.content_type).fields), "fetched": remote}
    assert http.content_type is not None
    if http.content_type == "application/json":
        return head | {"json": json.loads(http.content)}
    form = read_form(http.content, http.content_type)
    files = [
        {
            "field": file.field,
            "name": file.name,
            "content_type": file.content_type,
            "content": base64.b64encode(file.content).decode(),
        }
        for file in form.files
    ]
    return head | {"form": dict(form.fields), "files": files}


def expectation(path: Path) -> Any:
    return json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_each_example_becomes_what_lies_beside_it(shipped: MappingSet, path: Path) -> None:
    """Operation, path, every field and every file are exactly those of the expectation."""
    assert as_expected(map_example(shipped, path)) == expectation(path)


def test_bad_01_the_examples_reach_all_operations_and_all_rules(shipped: MappingSet) -> None:
    """Each of Front's eleven operations is sent by some example, and no rule is without one."""
    results = [map_example(shipped, path) for path in EXAMPLES]
    sent = {
        request.operation for result in results if isinstance(result, Plan) for request in result.requests
    }
    assert sent == set(OPERATIONS)
    rules = {
        rule.name
        for topic in shipped.topics.values()
        if isinstance(topic.maps, Rules)
        for rule in topic.maps.rules
    }
    assert {result.rule for result in results if isinstance(result, Plan | Skip)} == rules


def test_an_echo_of_front_is_skipped_on_purpose(shipped: MappingSet) -> None:
    """A message that was written in Front is not sent back to it; the very same message of a desk is."""
    path = SCHEMAS / "examples/MessageSent/echo.json"
    assert map_example(shipped, path) == Skip("rule", "written in Front")
    sent = map_example(shipped, path, origin="DESK")
    assert isinstance(sent, Plan)
    assert [request.operation for request in sent.requests] == ["sync-outbound-message"]


def test_ord_05_all_that_happens_to_one_entity_shares_an_order_key(shipped: MappingSet) -> None:
    """Call events keep the call's order, message events the conversation's, whichever operation they become."""
    keys: dict[str, set[object]] = {}
    for path in EXAMPLES:
        result = map_example(shipped, path)
        if isinstance(result, Plan) and path.parent.name.startswith(("Call", "Message")):
            keys.setdefault(read_example(path).key, set()).add(result.key)
    assert keys["room-9"] == {("conversation", "cha_chat1", "room-9")}
    assert keys["call-102"] == {("call", "cha_voice1", "call-102")}
    assert all(len(each) == 1 for each in keys.values())


STATES = {
    "ALERTING": "ringing",
    "QUEUED": "queued",
    "ANSWERED": "connected",
    "ON_HOLD": "hold",
    "RESUMED": "connected",
    "TRANSFERRED": "transferred",
    "COMPLETED": "hangup",
    "CALLER_GAVE_UP": "abandoned",
    "NO_ANSWER": "missed",
    "BUSY": "missed",
    "VOICEMAIL": "missed",
    "DIALING": None,  # skipped
    "WRAP_UP": None,
    "UNKNOWN": "mapping_failed",
}


@pytest.mark.parametrize("state", symbols("CallUpdated", "CallState"))
def test_each_state_of_a_call_has_its_fate(shipped: MappingSet, state: str) -> None:
    """Every symbol of the schema was thought of: a status of Front's, a deliberate skip, or a dead letter."""
    result = map_example(shipped, SCHEMAS / "examples/CallUpdated/minimal.json", state=state)
    match result:
        case Plan():
            assert json_of(result)["call_status"] == STATES[state]
        case Skip():
            assert STATES[state] is None
        case Refusal(reason=reason):
            assert reason == STATES[state]


APPROVALS = {
    "SUBMITTED": ("PENDING", True),
    "ACCEPTED": ("APPROVED", False),
    "PAUSED": ("APPROVED", True),
    "DECLINED": ("REJECTED", True),
}


@pytest.mark.parametrize("record", ["TemplateSynced", "TemplateChanged"])
@pytest.mark.parametrize("approval", symbols("TemplateSynced", "Approval"))
def test_each_approval_has_its_status(shipped: MappingSet, record: str, approval: str) -> None:
    """A template is enabled only when the carrier accepted it; an unknown approval is a dead letter."""
    result = map_example(shipped, SCHEMAS / f"examples/{record}/full.json", approval=approval)
    if approval == "UNKNOWN":
        assert fate(result) == DeadLettered("mapping_failed")
    else:
        body = json_of(result)
        assert (body["status_name"], body["is_disabled"]) == APPROVALS[approval]


@pytest.mark.parametrize("record", ["TemplateSynced", "TemplateChanged"])
@pytest.mark.parametrize("kind", symbols("TemplateSynced", "ParameterKind"))
def test_each_kind_of_gap_has_its_type(shipped: MappingSet, record: str, kind: str) -> None:
    """A document is a file at Front, the other kinds have the same names there."""
    gaps = [{"position": 3, "label": "Gap", "kind": kind}]
    body = json_of(map_example(shipped, SCHEMAS / f"examples/{record}/full.json", parameters=gaps))
    wanted = "file" if kind == "DOCUMENT" else kind.lower()
    assert body["variable_mappings"] == [{"uid": "body-3", "name": "Gap", "type": wanted}]


@pytest.mark.parametrize(
    ("health", "status"), [("UP", "ok"), ("DEGRADED", "ok"), ("DOWN", "offline"), ("MAINTENANCE", "offline")]
)
def test_each_health_of_a_line_has_its_status(shipped: MappingSet, health: str, status: str) -> None:
    """A line that still carries messages is not shown as offline."""
    result = map_example(shipped, SCHEMAS / "examples/ChannelStatusChanged/minimal.json", health=health)
    assert json_of(result) == {"status": status}


def test_an_unknown_state_names_the_field_and_not_the_value(shipped: MappingSet) -> None:
    """The dead letter of a state without a word at Front leads to the line of the mapping to mend."""
    result = map_example(shipped, SCHEMAS / "examples/CallUpdated/unknown.json")
    assert isinstance(result, Refusal)
    assert result.rule == "call changed"
    assert "body.call_status" in result.message
    assert "UNKNOWN" not in result.message


def test_the_shipped_files_cover_the_topics_of_the_subjects(shipped: MappingSet) -> None:
    """Each canonical topic is mapped from its beginning, and what fits no rule is looked at by somebody."""
    assert set(shipped.topics) == {entry["topic"] for entry in SUBJECTS.values()}
    for topic in shipped.topics.values():
        assert topic.start == "earliest"
        assert topic.max_age_s is None
        assert isinstance(topic.maps, Rules)
        assert topic.maps.otherwise == "dead_letter"


@pytest.mark.parametrize(
    "path",
    sorted(set(MAPPINGS.glob("*.yaml")) - set(MAPPINGS.glob("*.tests.yaml"))),
    ids=lambda path: path.name,
)
def test_editors_find_the_json_schema(path: Path) -> None:
    """The first line leads an editor to the mapping files' JSON Schema, for completion and checks."""
    first, _, _ = path.read_text(encoding="utf-8").partition("\n")
    assert first == "# yaml-language-server: $schema=../../schemas/mapping.schema.json"


def test_the_demo_traffic_becomes_what_it_says(demo: MappingSet) -> None:
    """Thousands of generated records: the shipped files accept, skip and refuse exactly what the generator expects."""
    schemas = {entry["record"]: current_schema(entry["record"]) for entry in SUBJECTS.values()}
    wrong = []
    for record in generate(seed=5, records=2000):
        if isinstance(record, BadRecord) and record.kind in UNREADABLE:
            continue
        definition = record.definition if isinstance(record, BadRecord) else None
        written_by = schemas[record.schema_name] if definition is None else schema(dict(definition))
        result = map_body(demo, record.topic, record.key, payload(record, written_by.avro, 7)[5:], written_by)
        if fate(result) != record.expected:
            wrong.append((record.schema_name, record.expected, result))
        elif isinstance(result, Plan) and isinstance(record, Event):
            assert {request.channel.id for request in result.requests} == {record.channel}
            assert {request.channel.company for request in result.requests} == {record.company}
    assert wrong == []


UNREADABLE = ("truncated", "not_framed", "missing_schema")
"""Faults that end before the mapping."""


def fate(result: Result) -> Accepted | Skipped | DeadLettered:
    match result:
        case Plan(requests=requests):
            return Accepted(tuple(request.operation for request in requests))
        case Skip(rule=rule):
            return Skipped(str(rule))
        case Refusal(reason=reason):
            return DeadLettered(reason)
        case ChannelNeeded():
            raise AssertionError("the shipped files wait for no channel")
