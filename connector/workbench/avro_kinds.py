"""What a value of JSON is and what a schema wants, in words; which numbers a type holds; a schema's types by name.

Never shows a value.
"""

from collections.abc import Mapping
from typing import Any, Final

BITS: Final[Mapping[str, int]] = {"int": 32, "long": 64}


def kind_of(value: object) -> str:
    """The kind of a JSON value, as a sentence needs it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "text"
        case int():
            return "a whole number"
        case float():
            return "a number with a fraction"
        case list():
            return "a list"
        case _:
            return "an object"


def name_of(schema: Any) -> str:
    """A schema in a few words: names of types, `list of Party`, `null or string`."""
    match schema:
        case str():
            return schema.rpartition(".")[2]
        case list():
            return " or ".join(name_of(branch) for branch in schema)
        case {"type": "array", "items": items}:
            return f"list of {name_of(items)}"
        case {"type": "map", "values": values}:
            return f"map of {name_of(values)}"
        case {"name": str(name)}:
            return name_of(name)
        case {"logicalType": str(logical)}:
            return logical
        case _:
            return name_of(schema["type"])


def named_types(schema: Any) -> dict[str, Any]:
    """Every type in a schema (as fastavro parses it) that has a name, by its full name."""
    named: dict[str, Any] = {}
    left = [schema]
    while left:
        match left.pop():
            case list() as branches:
                left.extend(branches)
            case dict() as found:
                if "name" in found and found.get("type") in ("record", "enum", "fixed", "error"):
                    named[found["name"]] = found
                left.extend(found.get(child) for child in ("items", "values", "type"))
                left.extend(each["type"] for each in found.get("fields", ()))
    return named


def fits(value: object, schema: Any) -> bool:
    """Whether a value that is neither text for bytes nor a time is one of this type; what lies inside is not asked."""
    kind = schema if isinstance(schema, str) else schema["type"]
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "int" | "long":
            return (
                isinstance(value, int)
                and not isinstance(value, bool)
                and (-1 << BITS[kind] - 1) <= value < (1 << BITS[kind] - 1)
            )
        case "float" | "double":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "enum":
            return value in schema["symbols"]
        case "array":
            return isinstance(value, list)
        case "bytes" | "fixed":
            return isinstance(value, str)
        case _:
            return isinstance(value, dict)
