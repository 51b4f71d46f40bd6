"""The published contract, made ready: for each operation a compiled validator and the shape of its body.

Reads contract/front-channel-api.json once, at import. What the contract leaves open is closed in `bodies.py`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

CONTRACT: dict[str, Any] = json.loads(
    resources.files("connector.simulator").joinpath("contract/front-channel-api.json").read_text("utf-8")
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What may stand where: the keys that are named, the shape of a list's items, and the declared type."""

    type: str | None
    keys: Mapping[str, "Shape"]
    items: "Shape | None"


@dataclass(frozen=True, slots=True)
class Schema:
    """A body's rules. With a discriminator (`direction`), the chosen branch judges instead of `oneOf`.

    A `oneOf` says of a wrong body only that it fits no branch; the branch says which field is missing.
    """

    shape: Shape
    validator: Draft202012Validator
    discriminator: str | None
    branches: Mapping[str, "Schema"]

    def branch(self, body: Any) -> "Schema":
        """The schema that judges this body: itself, or the branch that its discriminator names."""
        if self.discriminator is None or not isinstance(body, dict):
            return self
        chosen = body.get(self.discriminator)
        return self.branches.get(chosen, self) if isinstance(chosen, str) else self

    def faults(self, body: Any) -> list[str]:
        """Every fault of a body as Front words it, path first; no fault, no lines."""
        judge = self.branch(body)
        if judge is self and self.discriminator is not None and isinstance(body, dict):
            wrong = "missing" if self.discriminator not in body else f"not one of {', '.join(self.branches)}"
            return [f"body.{self.discriminator}: {wrong}"]
        lines = (line for error in judge.validator.iter_errors(body) for line in _lines(error))
        return list(dict.fromkeys(lines))


def _compiled(schema: dict[str, Any]) -> Schema:
    whole = _inlined(schema)
    chooser = whole.get("discriminator")
    branches = {name: _compiled({"$ref": ref}) for name, ref in chooser["mapping"].items()} if chooser else {}
    name = chooser["propertyName"] if chooser else None
    return Schema(_shape(whole), Draft202012Validator(whole), name, branches)


def _inlined(node: Any) -> Any:
    """A schema without references: the contract has no circle, and following them costs a third of a check."""
    if isinstance(node, list):
        return [_inlined(one) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" not in node:
        return {key: _inlined(value) for key, value in node.items()}
    target: Any = CONTRACT
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return _inlined(target)


def _shape(schema: dict[str, Any]) -> Shape:
    keys: dict[str, Shape] = {}
    for part in (schema, *schema.get("allOf", ())):
        for key, value in part.get("properties", {}).items():
            keys[key] = _shape(value)
    items = _shape(schema["items"]) if "items" in schema else None
    return Shape(schema.get("type"), keys, items)


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for methods in CONTRACT["paths"].values():
        for operation in methods.values():
            yield operation["operationId"], operation


def _body_schema(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation["requestBody"]["content"]
    (only,) = content.values()
    schema: dict[str, Any] = only["schema"]
    return schema


SCHEMAS: Mapping[str, Schema] = {name: _compiled(_body_schema(of)) for name, of in _operations()}
"""By operation id."""


def _lines(error: ValidationError) -> Iterator[str]:
    where = path_of(error.absolute_path)
    rule = error.validator
    value: Any = error.validator_value
    instance: Any = error.instance
    if rule == "required":
        for name in value:
            if name not in instance:
                yield f"{where}.{name}: missing"
    elif rule == "type":
        article = "an" if value in ("object", "array", "integer") else "a"
        yield f"{where}: not {article} {value}"
    elif rule == "enum":
        yield f"{where}: not one of {', '.join(value)}"
    elif rule == "maxLength":
        yield f"{where}: longer than {value} characters"
    elif rule in ("minLength", "minItems"):
        yield f"{where}: empty"
    else:
        yield f"{where}: invalid ({rule})"


def path_of(parts: Any) -> str:
    """`body.to[0].handle`: where a value stands in the body."""
    return "body" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
