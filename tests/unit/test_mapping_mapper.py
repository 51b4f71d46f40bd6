"""Python mappers: how they are found, what they receive, and that whatever they do is one record's matter."""

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from connector import plugin
from connector.config.mapping import mappers
from connector.core.mapping import MapperInput, MapperRequest, Plan, Refusal, Result, Skip
from tests.unit.config_files import folder, loaded, problems
from tests.unit.test_mapping import SECRET, record

FILE = """\
version: 1
topics:
  calls.v1:
    start: earliest
    mapper: {name}
"""

OK: dict[str, object] = {"operation": "update-channel", "channel": "cha_1", "body": {"status": "ok"}}


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An importable module, for mappers of a test's own."""
    made = ModuleType("our_mappers")
    monkeypatch.setitem(sys.modules, "our_mappers", made)
    return made


def mapped(
    path: Path, module: ModuleType, function: Callable[[MapperInput], object], value: object = None
) -> Result:
    module.to_front = function  # type: ignore[attr-defined]
    file = folder(path, calls=FILE.format(name="our_mappers:to_front"))
    return loaded(file).mappings.topics["calls.v1"].map(record(value, key="k", schema="Call", timestamp=5))


def test_a_mapper_receives_the_decoded_record(tmp_path: Path, module: ModuleType) -> None:
    """Everything an expression would see, frozen."""
    seen: list[MapperInput] = []

    def keep(given: MapperInput) -> list[object]:
        seen.append(given)
        return []

    assert mapped(tmp_path, module, keep, {"a": 1}) == Skip("rule", "our_mappers:to_front")
    assert (seen[0].value, seen[0].key, seen[0].topic, seen[0].offset) == ({"a": 1}, "k", "calls.v1", 42)
    assert seen[0].schema == {"name": "Call", "namespace": "tel", "id": 0}
    assert seen[0].channels["line-1"]["channel"] == "cha_1"
    with pytest.raises(AttributeError):
        seen[0].key = "x"  # type: ignore[misc]


def test_a_mapper_sees_where_when_and_with_which_headers_the_record_came(
    tmp_path: Path, module: ModuleType
) -> None:
    """As an expression does; without a registry's schema there is none."""
    seen: list[MapperInput] = []

    def keep(given: MapperInput) -> list[object]:
        seen.append(given)
        return []

    module.to_front = keep  # type: ignore[attr-defined]
    topic = loaded(folder(tmp_path, calls=FILE.format(name="our_mappers:to_front"))).mappings.topics[
        "calls.v1"
    ]
    topic.map(record(headers=(("trace", b"a1"), ("raw", b"\xff")), timestamp=77))
    (given,) = seen
    assert (given.partition, given.offset, given.timestamp) == (3, 42, 77)
    assert (given.headers, given.schema, given.key) == ({"trace": "a1"}, None, None)


def test_a_mapper_names_paths_and_channels_as_a_rule_does(tmp_path: Path, module: ModuleType) -> None:
    """The path's ids as texts; the alias where the operation takes one; what it leaves out is empty."""
    summary = {
        "operation": "add-call-summary",
        "channel": "cha_1",
        "path": {"external_call_id": "leg-1"},
        "body": {"content": "c"},
    }
    emptied = {"operation": "update-channel", "channel": "cha_2"}
    plan = mapped(tmp_path, module, lambda _: [summary, emptied])
    assert isinstance(plan, Plan)
    assert [request.http.path for request in plan.requests] == [
        "/channels/cha_1/calls/leg-1/summary",
        "/channels/alt:address:chat%40shop.example",
    ]
    assert plan.requests[1].http.content == b"{}"


def test_dicts_and_typed_requests_are_the_same(tmp_path: Path, module: ModuleType) -> None:
    """Several requests are sent in the order returned; a generator will do."""
    typed = MapperRequest(operation="update-channel", channel="cha_1", body={"status": "ok"})
    by_dict = mapped(tmp_path, module, lambda _: [OK])
    by_type = mapped(tmp_path, module, lambda _: (item for item in [typed]))
    assert isinstance(by_dict, Plan)
    assert by_dict == by_type
    assert by_dict.key == ("channel", "cha_1")


def test_an_exception_refuses_the_record_and_shows_its_class_only(tmp_path: Path, module: ModuleType) -> None:
    """Its text may hold the record."""

    def fail(_: MapperInput) -> list[object]:
        raise LookupError(SECRET)

    assert mapped(tmp_path, module, fail) == Refusal(
        reason="mapping_failed",
        stage="map",
        message="rule 'our_mappers:to_front', mapper: raised LookupError",
        rule="our_mappers:to_front",
        error_class="builtins.LookupError",
    )


@pytest.mark.parametrize(
    ("look_up", "said"),
    [
        (lambda given: given.channels[SECRET], ": the line is not in the channels table"),
        (lambda given: given.value[SECRET], ""),
    ],
)
def test_a_line_without_a_row_is_told_from_any_other_missing_key(
    tmp_path: Path, module: ModuleType, look_up: Callable[[MapperInput], object], said: str
) -> None:
    """Neither key is shown; the mapper itself may catch both as a KeyError."""
    refusal = mapped(tmp_path, module, look_up, {})
    assert isinstance(refusal, Refusal)
    assert refusal.message == f"rule 'our_mappers:to_front', mapper: raised KeyError{said}"
    assert refusal.error_class == "builtins.KeyError"

    def caught(given: MapperInput) -> list[object]:
        with suppress(KeyError):
            look_up(given)
        return []

    assert isinstance(mapped(tmp_path, module, caught, {}), Skip)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (5, "mapper: raised TypeError"),
        ([5], "requests[0]: must be a map, but is a number"),
        (
            [OK, {**OK, "operation": SECRET}],
            "requests[1].operation: is not an operation of Front's: choose from update-channel, ",
        ),
        (
            [{**OK, "operation": "add-call-sumary"}],
            "requests[0].operation: is not an operation of Front's: did you mean 'add-call-summary'?",
        ),
        (
            [{**OK, "chanel": 1}],
            "requests[0]: has an unknown field (did you mean 'channel'?); a request has operation, channel, path, body",
        ),
        (
            [{"operation": "update-channel"}],
            "requests[0].channel: is null, but must be a row of the channels table",
        ),
        ([{**OK, "channel": SECRET}], "requests[0].channel: gives a text that is no channel id (cha_...)"),
        ([{**OK, "body": "x"}], "requests[0].body: must be a map, but is text"),
        ([{**OK, "body": {5: "x"}}], "requests[0].body: must have texts as keys"),
        (
            [{**OK, "operation": "add-call-summary", "path": {"external_call_id": 5}}],
            "requests[0].path.external_call_id: must be text, but is a number",
        ),
        ([{**OK, "path": {SECRET: 5}}], "requests[0].path: must be text, but is a number"),
        ([{**OK, "path": [SECRET]}], "requests[0].path: must be a map, but is a list"),
        (
            [{**OK, "operation": [SECRET]}],
            "requests[0].operation: is not an operation of Front's: choose from update-channel, ",
        ),
    ],
)
def test_what_a_mapper_returns_is_checked(
    tmp_path: Path, module: ModuleType, returned: object, said: str
) -> None:
    """Each mistake with its place, never with a value."""
    refusal = mapped(tmp_path, module, lambda _: returned)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "mapping_failed"
    assert refusal.message.startswith(f"rule 'our_mappers:to_front', {said}")
    assert SECRET not in refusal.message


def test_the_request_itself_is_checked_as_a_rule_s_would_be(tmp_path: Path, module: ModuleType) -> None:
    """One way to Front for both."""
    refusal = mapped(tmp_path, module, lambda _: [{**OK, "body": {"status": SECRET}}])
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.stage) == ("request_invalid", "validate")
    assert refusal.message == "rule 'our_mappers:to_front': requests[0].body.status must be 'offline' or 'ok'"


def test_a_mapper_is_found_by_its_entry_point(
    tmp_path: Path, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name that a package registered; a wrong one gets a suggestion."""
    module.to_front = lambda _: []  # type: ignore[attr-defined]
    point = EntryPoint(name="acme", value="our_mappers:to_front", group=mappers.GROUP)
    monkeypatch.setattr(mappers, "entry_points", lambda group: (point,) if group == mappers.GROUP else ())
    topic = loaded(folder(tmp_path, calls=FILE.format(name="acme"))).mappings.topics["calls.v1"]
    assert topic.map(record()) == Skip("rule", "acme")
    assert problems(folder(tmp_path, calls=FILE.format(name="amce"))) == [
        "mappings/calls.yaml:5:13: no entry point 'amce' in the group front_connector.mappers: did you mean 'acme'?"
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "'no_such_module:f'",
            "the module 'no_such_module' cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            "'our_mappers:to_frnt'",
            "the module 'our_mappers' has no function 'to_frnt': did you mean 'to_front'?",
        ),
        ("gone", "no entry point 'gone' in the group front_connector.mappers: there are none"),
    ],
)
def test_a_mapper_that_is_not_there_is_told(tmp_path: Path, module: ModuleType, name: str, said: str) -> None:
    """At start, with the place in the file."""
    module.to_front = lambda _: []  # type: ignore[attr-defined]
    assert problems(folder(tmp_path, calls=FILE.format(name=name))) == [f"mappings/calls.yaml:5:13: {said}"]


def test_an_exit_in_a_mapper_is_the_record_s_matter(tmp_path: Path, module: ModuleType) -> None:
    """It would end the process, or the thread it runs in."""

    def leave(_: MapperInput) -> list[object]:
        sys.exit(3)

    refusal = mapped(tmp_path, module, leave)
    assert isinstance(refusal, Refusal)
    assert refusal.message == "rule 'our_mappers:to_front', mapper: raised SystemExit"
    assert refusal.error_class == "builtins.SystemExit"


def test_a_person_can_still_stop_a_verb(tmp_path: Path, module: ModuleType) -> None:
    """Ctrl-C while a mapper runs is no fault of a record."""

    def interrupted(_: MapperInput) -> list[object]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mapped(tmp_path, module, interrupted)


def test_recursion_without_end_is_an_exception_like_any_other(tmp_path: Path, module: ModuleType) -> None:
    """Python stops it."""

    def again(given: MapperInput) -> list[object]:
        return again(given)

    refusal = mapped(tmp_path, module, again)
    assert isinstance(refusal, Refusal)
    assert refusal.error_class == "builtins.RecursionError"


def test_a_mapper_cannot_change_the_channels_table(tmp_path: Path, module: ModuleType) -> None:
    """It looks rows up, and may loop over them while the table changes; what it writes is its own."""

    def meddle(given: MapperInput) -> list[object]:
        given.channels["line-1"]["channel"] = "cha_9"  # type: ignore[index]
        assert sorted(given.channels) == ["chat-1", "line-1"]
        assert given.channels.get("nobody") is None
        return [{**OK, "channel": given.channels["line-1"]}]

    plan = mapped(tmp_path, module, meddle)
    assert isinstance(plan, Plan)
    assert plan.requests[0].channel.id == "cha_1"


@pytest.mark.parametrize("of_function", [True, False])
def test_a_mapper_may_say_for_which_version_it_was_written(
    tmp_path: Path, module: ModuleType, *, of_function: bool
) -> None:
    """On the function, or in its module; one that says nothing is taken as of the first."""

    def to_front(_: MapperInput) -> list[object]:
        return []

    (to_front if of_function else module).front_connector_api = 1  # type: ignore[union-attr]
    assert mapped(tmp_path, module, to_front) == Skip("rule", "our_mappers:to_front")
    for version in (2, True):
        (to_front if of_function else module).front_connector_api = version  # type: ignore[union-attr]
        assert problems(folder(tmp_path, calls=FILE.format(name="our_mappers:to_front"))) == [
            f"mappings/calls.yaml:5:13: the mapper 'our_mappers:to_front' was written for version {version} of the mapper "
            "interface (front_connector_api), and this connector has version 1: install a release of the mapper for it, or "
            "another connector"
        ]


def test_the_public_module_has_what_the_guide_names() -> None:
    """And nothing else: whatever is there cannot be changed at will."""
    assert plugin.__all__ == ["API_VERSION", "Mapper", "MapperInput", "MapperRequest"]
    assert plugin.API_VERSION == 1
    assert (Path(plugin.__file__).parent / "py.typed").is_file()
