"""Our operations against Front's contract: the same fields and rules, and nothing sent that breaks them.

The contract and the models (as JSON Schema) are reduced to the same small description and compared. Then
bodies generated from the models are built, and judged by the schema of the contract.
"""

import copy
import functools
import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from connector.core.operations import OPERATIONS, Operation, Request, build
from connector.core.records import Channel
from tests.support.multipart import Form, read_form

_RESOURCE = resources.files("connector.simulator") / "contract" / "front-channel-api.json"

NEVER_EMPTY = frozenset(
    {
        "external_id",
        "external_conversation_id",
        "referenced_message_external_id",
        "external_call_id",
        "parent_external_call_id",
        "author_id",
        "handle",
        "uid",
    }
)
"""Where we are stricter than the contract: an empty id is a mistake."""


class Rules(NamedTuple):
    """What is said about one field."""

    type: str
    required: bool
    values: tuple[str, ...] = ()
    length_max: int | None = None
    least: int = 0


class Shape(NamedTuple):
    """An operation as far as both sides describe it. Fields by path, e.g. `to[].handle`."""

    method: str
    path: str
    params: tuple[str, ...]
    media_type: str
    fields: Mapping[str, Rules]


# --- both sides as JSON Schema without references -------------------------------------------------


def _inlined(node: Any, document: Any) -> Any:
    """The same structure with each `#/…` reference, and each target of a discriminator, put in its place."""
    if isinstance(node, list):
        return [_inlined(item, document) for item in node]
    if isinstance(node, str) and node.startswith("#/"):
        target = document
        for part in node.removeprefix("#/").split("/"):
            target = target[part]
        return _inlined(target, document)
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(node["$ref"], document)
    return {key: _inlined(value, document) for key, value in node.items()}


def _contract() -> dict[str, Any]:
    """operationId -> method, path, path parameters, media type, schema."""
    document = json.loads(_RESOURCE.read_text("utf-8"))
    found = {}
    for path, methods in _inlined(document["paths"], document).items():
        for method, operation in methods.items():
            ((media_type, content),) = operation["requestBody"]["content"].items()
            names = [parameter["name"] for parameter in operation["parameters"]]
            found[operation["operationId"]] = {
                "method": method.upper(),
                "path": path,
                "params": tuple(name for name in names if name != "channel_id"),
                "media_type": media_type,
                "schema": content["schema"],
            }
    return found


def _own_schema(operation: Operation) -> Any:
    schema = operation.body.model_json_schema()
    return _inlined(schema, schema)


CONTRACT = _contract()


# --- the description both are reduced to ----------------------------------------------------------


def _alternatives(schema: Any) -> Iterator[tuple[str, Any]]:
    if "discriminator" in schema:
        for tag, variant in schema["discriminator"]["mapping"].items():
            yield f"<{tag}>", variant
    else:
        yield "", schema


def _merged(schema: Any) -> tuple[dict[str, Any], set[str]]:
    """Properties and required names of an object, `allOf` included."""
    properties, required = dict(schema.get("properties", {})), set(schema.get("required", ()))
    for part in schema.get("allOf", ()):
        more, needed = _merged(part)
        properties |= more
        required |= needed
    return properties, required


def _fields(schema: Any, at: str = "") -> Iterator[tuple[str, Rules]]:
    properties, required = _merged(schema)
    for name, declared in properties.items():
        where = f"{at}.{name}" if at else name
        if name == "attachments":  # bytes with a name for us, a form's file part for Front
            yield where, Rules("file", name in required)
            continue
        field = next((part for part in declared.get("anyOf", ()) if part != {"type": "null"}), declared)
        values = field.get("enum") or ([field["const"]] if "const" in field else [])
        yield (
            where,
            Rules(
                field["type"],
                name in required,
                tuple(values),
                field.get("maxLength"),
                field.get("minLength", field.get("minItems", 0)),
            ),
        )
        if field["type"] == "object":
            yield from _fields(field, where)
        elif field["type"] == "array":
            yield from _fields(field["items"], f"{where}[]")


def _described(schema: Any) -> dict[str, Rules]:
    return {
        f"{tag}{path}": rules for tag, variant in _alternatives(schema) for path, rules in _fields(variant)
    }


def _theirs(entry: Mapping[str, Any]) -> Shape:
    """The contract's shape, with the rules that we add on top of it."""
    fields = {}
    for path, rules in _described(entry["schema"]).items():
        name = path.rpartition(">")[2].rpartition(".")[2]
        stricter = path == "to" or (rules.type == "string" and name in NEVER_EMPTY)
        fields[path] = rules._replace(least=1) if stricter else rules
    return Shape(entry["method"], entry["path"], entry["params"], entry["media_type"], fields)


def _ours(operation: Operation) -> Shape:
    media_type = "multipart/form-data" if operation.files == "one_audio" else "application/json"
    fields = _described(_own_schema(operation))
    return Shape(operation.method, operation.path, operation.params, media_type, fields)


# --- the comparison -------------------------------------------------------------------------------


def test_there_are_exactly_the_eleven_operations() -> None:
    """None missing, none invented, in the contract's order."""
    assert list(OPERATIONS) == list(CONTRACT)
    assert len(OPERATIONS) == 11


@pytest.mark.parametrize("name", list(CONTRACT))
def test_an_operation_is_what_the_contract_says(name: str) -> None:
    """Method, path, ids, media type; each field with its type, required flag, values and length."""
    assert _ours(OPERATIONS[name]) == _theirs(CONTRACT[name])


def _property_sites(schema: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the properties of a schema are declared, as keys to walk."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _property_sites(item, (*at, index))
    elif isinstance(schema, dict):
        if "discriminator" in schema:  # what stands beside it repeats the variants
            yield from _property_sites(schema["discriminator"]["mapping"], (*at, "discriminator", "mapping"))
            return
        for key, value in schema.items():
            if key == "properties":
                yield from ((*at, key, name) for name in value)
            yield from _property_sites(value, (*at, key))


@pytest.mark.parametrize(
    ("name", "site"),
    [(name, site) for name, entry in CONTRACT.items() for site in _property_sites(entry["schema"])],
    ids=lambda value: value if isinstance(value, str) else ".".join(str(part) for part in value),
)
def test_a_renamed_field_is_noticed(name: str, site: tuple[str | int, ...]) -> None:
    """Whichever field Front renames, the comparison above fails."""
    entry = copy.deepcopy(CONTRACT[name])
    parent = entry["schema"]
    for part in site[:-1]:
        parent = parent[part]
    parent[f"{site[-1]}_v2"] = parent.pop(site[-1])
    assert _ours(OPERATIONS[name]) != _theirs(entry)


# --- bodies from the models, judged by the contract -----------------------------------------------


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _values(schema: Any, name: str = "") -> st.SearchStrategy[Any]:
    """Whatever a model's schema allows, at every limit hypothesis cares to try."""
    if "discriminator" in schema:
        return st.one_of([_values(variant) for variant in schema["discriminator"]["mapping"].values()])
    if "anyOf" in schema:
        return st.one_of([_values(part, name) for part in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    if name == "content_type":
        return st.sampled_from(["audio/mpeg", "AUDIO/ogg; codecs=opus"])
    least, most = schema.get("minimum"), schema.get("maximum")
    match schema["type"]:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "string" if schema.get("format") == "binary":
            return st.binary(min_size=schema.get("minLength", 0), max_size=30)
        case "string":
            longest = schema.get("maxLength")
            texts = st.text(min_size=schema.get("minLength", 0), max_size=longest or 30)
            return texts.filter(lambda text: _utf16_units(text) <= longest) if longest else texts
        case "integer":
            return st.integers(least, most)
        case "number":
            floats = st.floats(least, most, allow_nan=False, allow_infinity=False)
            return floats | st.integers(int(least), int(most))
        case "array":
            return st.lists(_values(schema["items"], name), min_size=schema.get("minItems", 0), max_size=3)
        case "object":
            needed = {key: _values(schema["properties"][key], key) for key in schema.get("required", ())}
            rest = {
                key: _values(part, key) for key, part in schema["properties"].items() if key not in needed
            }
            return st.fixed_dictionaries(needed, optional=rest)
    raise AssertionError(schema["type"])


@functools.cache
def _bodies(operation: Operation) -> st.SearchStrategy[Any]:
    schema = _own_schema(operation)
    schema.setdefault("required", [])
    if operation.files == "one_audio":
        schema["properties"]["attachments"] = _file(schema["properties"]["attachments"]["items"])
    elif operation.files == "optional":
        files = next(part for part in schema["properties"]["attachments"]["anyOf"] if part["type"] == "array")
        files["items"] = _file(files["items"])
    return _values(schema)


def _file(schema: Any) -> Any:
    """One whose bytes are here: what lies behind a URL has no form yet (tests/unit/test_request_form.py)."""
    fields = {
        key: next(part for part in field["anyOf"] if part["type"] != "null")
        for key, field in schema["properties"].items()
        if key != "url"
    }
    fields["content"]["minLength"] = 1
    return {"type": "object", "properties": fields, "required": ["content", "name", "content_type"]}


_IDS = st.text(min_size=1, max_size=100) | st.sampled_from(["..", ".", "a/b", "%2F", "?", "#", "+1", "{x}"])


def _unbracketed(form: Form) -> dict[str, Any]:
    """`to[0][handle]` back to nested maps; list positions stay keys."""
    body: dict[str, Any] = {}
    for field, text in form.fields:
        at, *rest = field.replace("]", "").split("[")
        level = body
        for part in rest:
            level, at = level.setdefault(at, {}), part
        level[at] = text
    return body


def _as_text(value: Any) -> Any:
    """A JSON value as a form can say it."""
    match value:
        case dict():
            return {key: _as_text(item) for key, item in value.items()}
        case list():
            return {str(index): _as_text(item) for index, item in enumerate(value)}
        case _:
            return str(value)


def _paths(value: Any, at: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            where = f"{at}.{key}" if at else key
            yield where
            yield from _paths(item, where)
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item, f"{at}[]")


def _judged(name: str, request: Request, plain: Request | None) -> None:
    """The sent body satisfies the contract's schema, and the gaps that no schema validator sees."""
    entry, http = CONTRACT[name], request.http
    assert http.content_type is not None
    if http.content_type == "application/json":
        sent = json.loads(http.content)
    else:
        form = read_form(http.content, http.content_type)
        sent = _unbracketed(form)
        if plain is not None:  # a message: the form says what the JSON without files says
            without_files = json.loads(plain.http.content)
            assert sent == _as_text(without_files)
            assert {part.field for part in form.files} == {"attachments[]"}
            sent = {**without_files, "attachments": [part.name for part in form.files]}
        else:
            (part,) = form.files
            assert part.field == "attachments"
            assert part.content_type.lower().startswith("audio/")
            sent["attachments"] = part.name
    Draft202012Validator(entry["schema"]).validate(sent)
    assert isinstance(sent, dict), "the contract forgets to say that bodies are objects"
    known = {path.rpartition(">")[2] for path in _described(entry["schema"])}
    assert set(_paths(sent)) <= known, "a key that Front would drop"
    if name == "sync-outbound-message":
        assert sent["to"], "the contract forgets to ask for a recipient"


@pytest.mark.parametrize("name", list(OPERATIONS))
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_whatever_can_be_built_satisfies_the_contract(name: str, data: st.DataObject) -> None:
    """Every body that a model accepts is sent, and Front's own schema accepts what is sent."""
    operation = OPERATIONS[name]
    channel = Channel(id="cha_7", real_id="cha_7", company="acme", app="support")
    body = data.draw(_bodies(operation))
    ids = {param: data.draw(_IDS) for param in operation.params}
    request = build(operation, channel, ids, body, "boundary-1")
    assert isinstance(request, Request), request
    assert request.http.method == CONTRACT[name]["method"]
    segments = [unquote(segment) for segment in request.http.path.split("/")]
    template = CONTRACT[name]["path"].split("/")
    assert segments == [{"channel_id": "cha_7", **ids}.get(part.strip("{}"), part) for part in template]
    plain: Request | None = None
    if operation.files == "optional":
        without = build(operation, channel, ids, {**body, "attachments": None}, "boundary-1")
        assert isinstance(without, Request)
        plain = without
    _judged(name, request, plain)
