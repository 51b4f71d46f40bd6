"""The shape of tests: a record, and what must become of it. In a topic's `tests:`, or in `<mapping file>.tests.yaml` beside it.

Running them is the workbench's part; here they are only read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from connector.config.channels import TrialTable
from connector.config.kafka import TopicName
from connector.config.mapping.words import Filled, OperationName, sentence
from connector.config.problems import Problem, did_you_mean
from connector.config.section import Section, require
from connector.config.yaml_source import Loc, Source, value_at
from connector.core.dead_letter import REASONS, Reason
from connector.core.mapping import ChannelRow

SUFFIX = ".tests.yaml"
_CHANNELS = "Rows by line, in place of the configured channels table; their apps need not be configured."
_ROWS = [{"line-1": {"channel": "cha_1", "company": "shop", "app": "main"}}]


class RecordShape(Section):
    """The record of a test: a value written here, a file, or the bytes as they lie in Kafka."""

    value: JsonValue = Field(
        default=None,
        description="The value, written here; null stands for a record without one.",
        examples=[{"line_id": "line-1", "call_id": "c-1"}],
    )
    file: Filled | None = Field(
        default=None,
        description="Relative to this file: .json as `render` takes it, an Avro container, or any other: a record's bytes.",
        examples=["examples/call-created.json", "records.avro"],
    )
    bytes_: str | None = Field(
        default=None, alias="bytes", description="The record's bytes as base64, read as the topic is read."
    )
    index: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Which record of an Avro container file; the first is 0."
    )
    key: JsonValue = Field(default=None, description="The record's key.")
    headers: dict[str, str] = Field(default_factory=dict, description="The record's headers, as texts.")
    schema_: Filled | None = Field(
        default=None,
        alias="schema",
        description="What the value is written by: an .avsc file relative to this one, or a schema's name.",
        examples=["schemas/call.avsc", "CallCreated"],
    )
    version: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="A released version of a schema that ships with the connector."
    )
    timestamp: int | None = Field(default=None, description="Kafka's, in milliseconds since 1970.")

    @model_validator(mode="after")
    def _agree(self) -> "RecordShape":
        ways = {"value": "value", "file": "file", "bytes_": "bytes"}
        given = [written for name, written in ways.items() if name in self.model_fields_set]
        require(
            len(given) == 1,
            f"a test's record has exactly one of value, file and bytes; this has {' and '.join(given) or 'none'}",
        )
        require(self.version is None or self.schema_ is not None, "version needs schema beside it")
        return self


def _skipped(value: object) -> object:
    match value:
        case True:
            return {}
        case str() if value:
            return {"reason": value}
        case dict() if value:
            return value
    raise sentence("must be true, the reason, or {rule: the rule's name}")


def _dead_letter(value: object) -> object:
    if isinstance(value, str) and value not in REASONS:
        raise sentence(f"{value!r} is no reason of dead letters: {did_you_mean(value, REASONS)}")
    if value is not True and not isinstance(value, str):
        raise sentence("must be true, or the reason, such as mapping_failed")
    return value


def _waits(value: object) -> object:
    if value is True or (isinstance(value, str) and value):
        return value
    raise sentence("must be true, or a part of why the record waits")


def _path(value: object) -> object:
    if isinstance(value, str) or (
        isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    ):
        return value
    raise sentence("must be a map of ids, each a text, or the whole path as text")


def _in_a_map(value: object) -> object:
    if isinstance(value, list):
        return {"requests": value}
    if not isinstance(value, dict):
        raise sentence("must be a request, a list of requests, or a map with skip, dead_letter or error")
    return value


class ExpectedRequest(Section):
    """What a request must have. What is not named is not compared; a field that is null must not be there."""

    operation: OperationName | None = Field(default=None, description="What Front is asked to do.")
    channel: Filled | None = Field(
        default=None, description="Front's id of the channel, or the alias that stands in the path."
    )
    company: Filled | None = Field(default=None, description="Whose rate limit counts.")
    app: Filled | None = Field(default=None, description="Which of front.apps signs.")
    path: Annotated[str | dict[str, str], BeforeValidator(_path)] | None = Field(
        default=None,
        description="The ids in the request's path, by name; or the whole path, as it is sent.",
        examples=[{"external_call_id": "c-1"}, "/channels/cha_1/calls/c-1"],
    )
    body: dict[str, JsonValue] | None = Field(
        default=None,
        description="Front's fields; files as name, content_type, size and sha256.",
        examples=[{"direction": "inbound"}],
    )


class SkipShape(Section):
    """A skip, as precisely as is wanted."""

    rule: Filled | None = Field(default=None, description="The rule that skips.")
    reason: Filled | None = Field(
        default=None,
        description="rule, no_rule or null_value; or the words that the rule gives.",
        examples=["no_rule"],
    )


class ExpectShape(ExpectedRequest):
    """What becomes of the record: one request, several, a skip, a dead letter, or waiting; and the rule that says so."""

    requests: Annotated[list[ExpectedRequest], Field(min_length=1)] | None = Field(
        default=None, description="All requests, in order; a list in place of this map says the same."
    )
    skip: (
        Annotated[
            SkipShape, BeforeValidator(_skipped, json_schema_input_type=Literal[True] | Filled | SkipShape)
        ]
        | None
    ) = Field(
        default=None, description="true, the reason, or {rule: name}.", examples=[True, {"rule": "an echo"}]
    )
    dead_letter: (
        Annotated[
            Literal[True] | str,
            BeforeValidator(_dead_letter, json_schema_input_type=Literal[True] | Reason),
        ]
        | None
    ) = Field(
        default=None, description="true, or the reason of the dead letter.", examples=["mapping_failed"]
    )
    error: Filled | None = Field(
        default=None, description="A part of what the dead letter says.", examples=["body.call_status"]
    )
    waits: (
        Annotated[Literal[True] | str, BeforeValidator(_waits, json_schema_input_type=Literal[True] | Filled)]
        | None
    ) = Field(
        default=None,
        description="The topic waits for the line's row in the channels table: true, or a part of what is said of it.",
        examples=[True, "channels"],
    )
    rule: Filled | None = Field(default=None, description="The rule that decides.")
    order_key: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None,
        description="The order key of the requests, part by part.",
        examples=[["call", "cha_1", "c-1"]],
    )

    @model_validator(mode="after")
    def _agree(self) -> "ExpectShape":
        single = any(getattr(self, name) is not None for name in ExpectedRequest.model_fields)
        kinds = {
            "a request": single,
            "requests": self.requests is not None,
            "skip": self.skip is not None,
            "waits": self.waits is not None,
            "dead_letter or error": self.dead_letter is not None or self.error is not None,
        }
        given = [name for name, there in kinds.items() if there]
        require(len(given) <= 1, f"a record becomes one thing: this expects {' and '.join(given)}")
        require(
            bool(self.model_fields_set), "expects nothing: say what the record becomes, or leave expect out"
        )
        require(
            self.order_key is None or given in ([], ["a request"], ["requests"]),
            "only requests have an order_key",
        )
        return self


class TestShape(Section):
    """A record and what must become of it, compared where it says something."""

    __test__ = False  # it is no test of pytest's

    name: Filled | None = Field(default=None, description="What the test claims.")
    record: RecordShape = Field(description="The record: a value, a file, or bytes.")
    expect: (
        Annotated[
            ExpectShape,
            BeforeValidator(_in_a_map, json_schema_input_type=ExpectShape | list[ExpectedRequest]),
        ]
        | None
    ) = Field(
        default=None,
        description="What it becomes; only what is named is compared. Without it, `test --update` writes it.",
        examples=[{"operation": "create-call", "body": {"direction": "inbound"}}, {"skip": True}],
    )
    channels: TrialTable | None = Field(default=None, description=_CHANNELS, examples=_ROWS)
    exact: bool = Field(
        default=False,
        description="true: path and body must have nothing beyond what is expected.",
    )


class TestsFile(Section):
    """Tests of a mapping file, in `<its name>.tests.yaml` beside it."""

    __test__ = False
    model_config = ConfigDict(title="front-connector tests of a mapping file")

    version: Literal[1] = Field(default=1, description="Always 1.")
    channels: TrialTable | None = Field(
        default=None, description=f"{_CHANNELS} A test may have its own instead.", examples=_ROWS
    )
    tests: Annotated[dict[TopicName, list[TestShape]], Field(min_length=1)] = Field(
        description="The tests of each topic of the mapping file."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTest:
    """A test as it stands in a file: `loc` is its path in there, `line` counts from 1. `words`: why rules skip, by rule."""

    __test__ = False

    topic: str
    shape: TestShape
    path: Path
    loc: Loc
    line: int
    of: Path
    """The mapping file that has the topic."""
    words: Mapping[str, str]
    expected: object
    """The expectation as it is written, in a valid shape; None without one."""
    channels: tuple[ChannelRow, ...] | None = None
    """In place of the configured table: the test's own, else its file's; None: the configured ones."""

    @property
    def name(self) -> str:
        """Its own, or its number among the topic's tests in that file."""
        return self.shape.name or f"test {int(self.loc[-1]) + 1}"


Shapes: TypeAlias = Mapping[str, list[TestShape]]


def written_tests(
    tests: Shapes | TestsFile, source: Source, path: Path, of: Path, words: Mapping[str, Mapping[str, str]]
) -> Iterator[WrittenTest]:
    """The tests of a file with their places: of a mapping file by topic. `words`: by topic and rule, why it skips."""
    by_topic, shared = (tests.tests, tests.channels) if isinstance(tests, TestsFile) else (tests, None)
    for topic, shapes in by_topic.items():
        beside = path != of
        at: Loc = ("tests", topic) if beside else ("topics", topic, "tests")
        for index, shape in enumerate(shapes):
            loc = (*at, index)
            mark = source.marks.get(loc)
            table = shared if shape.channels is None else shape.channels
            yield WrittenTest(
                topic=topic,
                shape=shape,
                path=path,
                loc=loc,
                line=mark.line if mark else 1,
                of=of,
                words=words.get(topic, {}),
                expected=value_at(source.data, (*loc, "expect")),
                channels=None if table is None else tuple(row.row(key) for key, row in table.items()),
            )


def unknown_topics(tests: Shapes, topics: Mapping[str, object], source: Source, of: str) -> list[Problem]:
    """Tests of topics that the mapping file does not have. `of`: how problems call the mapping file."""
    return [
        source.problem(
            ("tests", topic), f"{of} has no topic {topic!r}: {did_you_mean(topic, topics)}", at_key=True
        )
        for topic in tests
        if topic not in topics
    ]
