"""`docs/reference/operations.md`, made from the bodies and their words.

Run `python -m tests.support.operations_page` after a change there.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from connector.config.front_words import FIELDS, FILLED_IN, OPERATION_WORDS, PATH_IDS
from connector.core.operations import OPERATIONS, Operation

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "operations.md"

_HEAD = """\
# Front's fields

What each operation takes, under Front's own names: its ids under `path`, its fields under `body`. A dot leads into a map, `[]`
into each element of a list; what stands inside something optional is required once that is there. Any other field is an error.
[mapping.md](../mapping.md) says how to write them.

Made from `connector/core/operations/bodies.py` and `connector/config/front_words.py`; do not edit.
"""
_TIMES: Final = {"integer": "whole seconds since 1970", "number": "milliseconds since 1970"}


def page() -> str:
    """The page's text: a table for each operation, in the contract's order."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD.rstrip("\n")
    for operation in OPERATIONS.values():
        yield ""
        yield f"## {operation.name}"
        yield ""
        yield OPERATION_WORDS[operation.name]
        yield ""
        yield "| field | type | required | meaning |"
        yield "|---|---|---|---|"
        yield from _rows(operation)


def _rows(operation: Operation) -> Iterator[str]:
    for name in operation.params:
        yield _row(f"path.{name}", "text, not empty", PATH_IDS[name], required=True)
    schema = operation.body.model_json_schema(by_alias=True)
    shapes = schema.get("$defs", {})
    either = [_resolved(one, shapes) for one in schema.get("oneOf", [schema])]
    forms = [tuple(_fields(body, shapes, "body.")) for body in either]
    common = [row for row in forms[0] if all(row in form for form in forms)]
    yield from common
    for form in forms:
        own = [row for row in form if row not in common]
        if own:
            yield "| or | | | |" if form is not forms[0] else "| either | | | |"
            yield from own


def _fields(body: Mapping[str, Any], shapes: Mapping[str, Any], prefix: str) -> Iterator[str]:
    filled_in = FILLED_IN.get(body["title"], frozenset())
    required = [name for name in body.get("required", ()) if name not in filled_in]
    for name, written in body["properties"].items():
        inner = _without_null(written, shapes)
        meaning = FIELDS[body["title"]][name]
        yield _row(f"{prefix}{name}", _type(inner, shapes), meaning, required=name in required)
        items = _resolved(inner.get("items", {}), shapes)
        if "properties" in inner:
            yield from _fields(inner, shapes, f"{prefix}{name}.")
        elif "properties" in items:
            yield from _fields(items, shapes, f"{prefix}{name}[].")


def _without_null(written: Mapping[str, Any], shapes: Mapping[str, Any]) -> Mapping[str, Any]:
    [inner] = [one for one in written.get("anyOf", [written]) if one.get("type") != "null"]
    return _resolved(inner, shapes)


def _resolved(written: Mapping[str, Any], shapes: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = written.get("$ref")
    return written if reference is None else dict(shapes[reference.rpartition("/")[2]])


def _type(schema: Mapping[str, Any], shapes: Mapping[str, Any]) -> str:
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema.get("enum", [schema.get("const")]))
    match schema["type"]:
        case "string" if schema.get("format") == "binary":
            return "bytes"
        case "string":
            limits = "not empty" if schema.get("minLength") else ""
            if "maxLength" in schema:
                limits += f", at most {schema['maxLength']} characters"
            return f"text, {limits}" if limits else "text"
        case "integer" | "number" as kind if schema.get("minimum", 0) > 0:
            return _TIMES[kind]
        case "array":
            many = "list of maps" if "properties" in _resolved(schema["items"], shapes) else "list"
            return f"{many}, at least one" if schema.get("minItems") else many
        case "boolean":
            return "true or false"
        case kind:
            return {"object": "map"}.get(str(kind), str(kind))


def _row(name: str, kind: str, meaning: str, *, required: bool) -> str:
    cells = (f"`{name}`", kind, "yes" if required else "", meaning.replace("|", "\\|"))
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
