"""First mapping files: valid at once, their tests on made-up records pass, and guesses are what people would write."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.config.yaml_source import read_yaml
from connector.core.operations import OPERATIONS
from connector.resources import schemas_dir
from connector.workbench.avro_json import read_json
from connector.workbench.new.draft import report
from connector.workbench.new.guess import sorted_symbols
from connector.workbench.new.words import CALL_STATUS
from connector.workbench.testing.run import run_tests
from tests.unit.config_files import folder, loaded
from tests.unit.new_drafts import body, made_for, parsed, record, valid

SHIPPED = sorted((schemas_dir() / "avro").rglob("*.avsc"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_draft_for_a_shipped_schema_is_valid_and_its_tests_pass(path: Path, tmp_path: Path) -> None:
    """For all operations, suiting or not: what nobody can guess has a placeholder that Front would take."""
    definition = json.loads(path.read_text(encoding="utf-8"))
    drafts = {
        operation: made_for([definition], operation, file=tmp_path, topic=operation).text
        for operation in OPERATIONS
    }
    outcome = run_tests(loaded(folder(tmp_path, **drafts)))
    assert len(outcome.results) >= len(OPERATIONS)
    assert outcome.passed, [(one.test.topic, one.why, one.document) for one in outcome.results]


_NAMES = st.one_of(
    st.sampled_from([
        "id", "call_id", "callId", "from", "to", "number", "direction", "status", "text", "created_at", "timestamp", "line",
        "body", "name", "email", "conversation", "message_id", "in", "true", "recipients", "segments", "content", "data",
        "type", "occurred_ms", "value", "namespace", "function", "isInbound", "summary",
    ]),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True),
)  # fmt: skip
_SCALARS = st.sampled_from([
    "string", "int", "long", "float", "double", "boolean", "bytes", "null",
    {"type": "long", "logicalType": "timestamp-millis"}, {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "long", "logicalType": "timestamp-nanos"}, {"type": "string", "logicalType": "uuid"},
    {"type": "int", "logicalType": "date"}, {"type": "int", "logicalType": "time-millis"},
    {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2},
])  # fmt: skip
_SYMBOLS = st.lists(
    st.sampled_from(
        ["INBOUND", "OUTBOUND", "UP", "DOWN", "ringing", "Ended", "A", "UNKNOWN", "call", "agent"]
    ),
    min_size=1,
    max_size=4,
    unique=True,
)


@st.composite
def schemas(draw: st.DrawFn) -> Any:
    """Any record that Avro allows, with nested records, lists, maps, enums, fixed types and unions."""
    counter = itertools.count()

    def inner(depth: int) -> Any:
        kinds = ["scalar", "scalar", "enum", "fixed", "optional"] + (
            ["record", "array", "map", "union"] if depth < 3 else []
        )
        match draw(st.sampled_from(kinds)):
            case "enum":
                return {"type": "enum", "name": f"E{next(counter)}", "symbols": draw(_SYMBOLS)}
            case "fixed":
                return {"type": "fixed", "name": f"F{next(counter)}", "size": draw(st.integers(1, 20))}
            case "optional":
                other = inner(depth + 1)
                return other if isinstance(other, list) or other == "null" else ["null", other]
            case "union":
                return [
                    "string",
                    "long",
                    *([{"type": "array", "items": "int"}] if draw(st.booleans()) else []),
                ]
            case "array":
                return {"type": "array", "items": inner(depth + 1)}
            case "map":
                return {"type": "map", "values": inner(depth + 1)}
            case "record":
                return a_record(depth + 1)
            case _:
                return draw(_SCALARS)

    def a_record(depth: int) -> Any:
        named = draw(st.lists(_NAMES, max_size=6, unique=True))
        fields = [{"name": name, "type": inner(depth)} for name in named]
        return {"type": "record", "name": f"R{next(counter)}", "fields": fields}

    return a_record(0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    definition=schemas(),
    operations=st.lists(st.sampled_from(list(OPERATIONS)), min_size=1, max_size=3, unique=True),
)
def test_every_draft_for_any_schema_is_valid_and_its_records_become_something(
    tmp_path_factory: pytest.TempPathFactory, definition: Any, operations: list[str]
) -> None:
    """The file is valid, and its made-up records fit their schema and become a request or a dead letter with its place."""
    path = tmp_path_factory.mktemp("new")
    made = made_for([definition], *operations, file=path)
    assert report(made)
    for sample in made.samples.values():
        avro = parsed(definition)
        assert fastavro.validate(read_json(sample["value"], avro), avro, strict=True)
    for one in run_tests(valid(made, path)).results:
        assert one.document is not None, one.why


def test_symbols_are_translated_and_those_that_fit_nothing_are_named() -> None:
    """States of a platform in Front's words; the earlier row of the table wins."""
    symbols = ["ALERTING", "NOT_ANSWERED", "CallerGaveUp", "on-hold", "WRAP_UP"]
    known, rest = sorted_symbols(symbols, CALL_STATUS)
    assert known == {
        "ALERTING": "ringing", "NOT_ANSWERED": "missed", "CallerGaveUp": "abandoned", "on-hold": "hold",
    }  # fmt: skip
    assert rest == ["WRAP_UP"]


@pytest.mark.parametrize(
    ("kind", "name", "expression"),
    [
        ({"type": "long", "logicalType": "timestamp-micros"}, "created_at", "value.created_at"),
        ("long", "started_ms", "value.started_ms"),
        ("long", "start_time_seconds", "to_millis(value.start_time_seconds)"),
        ("long", "epochMs", "value.epochMs"),
        ("long", "epoch_ms", "value.epoch_ms"),
        ("long", "epochMillis", "value.epochMillis"),
        ("long", "startedEpochMilliseconds", "value.startedEpochMilliseconds"),
        ("long", "eventTimeUtcMs", "value.eventTimeUtcMs"),
        (["null", "long"], "started_epoch", "value.?started_epoch.optMap(it, to_millis(it))"),
        ("string", "startTime", "parse_time(value.startTime)"),
        ("double", "start_sec", "to_millis(value.start_sec)"),
    ],
)
def test_times_are_converted_to_the_unit_that_front_wants(
    tmp_path: Path, kind: object, name: str, expression: str
) -> None:
    """By the type's own word, or the name's; the made-up record is sent with the time it has."""
    made = made_for([record(call_id="string", **{name: kind})], "create-call", file=tmp_path)
    assert body(made)["started_at"] == f"${{{expression}}}"
    [result] = run_tests(valid(made, tmp_path)).results
    assert result.document is not None
    [request] = result.document["requests"]
    assert request["body"]["started_at"] == 1_793_692_800_000


def test_an_integer_without_a_unit_is_marked(tmp_path: Path) -> None:
    """The unit is assumed, and the line says so."""
    made = made_for([record(call_id="string", timestamp="long")], "update-call", file=tmp_path)
    assert "# TODO: the schema does not say the unit; milliseconds are assumed" in made.text


def test_two_directions_are_two_rules(tmp_path: Path) -> None:
    """As Front wants `from` in one case and `to` in the other; the symbol that is neither is named."""
    direction = {"type": "enum", "name": "D", "symbols": ["IN", "OUT", "INTERNAL"]}
    fields = record(call_id="string", direction=direction, **{"from": "string", "to": "string"})
    made = made_for([fields], "create-call", file=tmp_path)
    rules: Any = read_yaml(made.text, "new").data
    incoming, outgoing = rules["topics"]["calls.v1"]["rules"]
    assert incoming["when"] == '${schema.name == "Event" && value.direction == "IN"}'
    assert incoming["body"]["from"]["handle"] == "${value.from}"
    assert outgoing["body"]["to"]["handle"] == "${value.to}"
    assert "dead letters: INTERNAL" in made.text
    assert run_tests(valid(made, tmp_path)).passed


def test_several_schemas_are_told_apart_by_name(tmp_path: Path) -> None:
    """Each operation gets the schema that suits it."""
    files = [schemas_dir() / "avro" / "telephony" / f"{name}.avsc" for name in ("CallUpdated", "CallCreated")]
    definitions = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    made = made_for(definitions, "create-call", "update-call", file=tmp_path)
    rules: Any = read_yaml(made.text, "new").data
    whens = {rule["operation"]: rule["when"] for rule in rules["topics"]["calls.v1"]["rules"]}
    assert '"CallCreated"' in whens["create-call"]
    assert '"CallUpdated"' in whens["update-call"]
    assert run_tests(valid(made, tmp_path)).passed


def test_several_operations_on_one_schema_wait_for_a_condition(tmp_path: Path) -> None:
    """All but the last never hold until somebody says when."""
    fields = record(call_id="string", event_type="string", text="string")
    made = made_for([fields], "create-call", "add-call-summary", file=tmp_path)
    assert "# TODO: this rule never holds: say which records it is for" in made.text
    [result] = run_tests(valid(made, tmp_path)).results
    assert result.document is not None
    assert result.document["rule"] == "add call summary"


def test_gaps_are_marked_in_the_file_and_in_the_report(tmp_path: Path) -> None:
    """A schema without anything useful: placeholders, each with its mark."""
    made = made_for([record(weight="double")], "sync-inbound-message", file=tmp_path)
    assert made.gaps >= 4
    assert "# TODO: no field looks like the text" in made.text
    assert re.search(r"gap +body\.body +TODO", report(made))
    assert run_tests(valid(made, tmp_path)).passed


def test_the_modeline_is_the_first_line() -> None:
    """By it editors find the schema."""
    made = made_for([record(call_id="string")], "update-call")
    assert made.text.splitlines()[0] == "# yaml-language-server: $schema=mapping.schema.json"


def test_names_that_are_words_of_the_language_are_reached(tmp_path: Path) -> None:
    """`in` cannot stand behind a dot."""
    inner = {"type": "record", "name": "Inner", "fields": [{"name": "number", "type": "string"}]}
    made = made_for([record(call_id="string", function=inner)], "create-call", file=tmp_path)
    assert body(made)["from"]["handle"] == '${value["function"].number}'
    assert run_tests(valid(made, tmp_path)).passed


def test_a_field_that_is_hardly_a_line_is_called_a_guess() -> None:
    """An account may be one line or a hundred; a line that is a number needs one of the table's in the test."""
    made = made_for([record(call_id="string", account_id="int")], "update-call")
    assert "# TODO: a guess; the made-up records have line 1: put one of your own there" in made.text
    assert re.search(r"poor +channel +channels\[string\(value.account_id\)\]", report(made))


@pytest.mark.parametrize(
    ("kind", "key"),
    [("string", "line-1"), ("long", "1"), ({"type": "enum", "name": "E", "symbols": ["MAIN"]}, "MAIN")],
)
def test_made_up_records_bring_the_row_of_their_line(tmp_path: Path, kind: object, key: str) -> None:
    """So that the tests pass whatever the channels table has."""
    made = made_for(
        [record(call_id="string", line_id=kind, text="string")], "add-call-summary", file=tmp_path
    )
    data: Any = read_yaml(made.text, "new").data
    [test] = data["topics"]["calls.v1"]["tests"]
    assert test["channels"] == {key: {"channel": "cha_1", "company": "made-up", "app": "made-up"}}
    assert run_tests(valid(made, tmp_path)).passed
