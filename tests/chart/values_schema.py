"""The part of values.schema.json that is the connector's own schema, written from schemas/config.schema.json.

Helm reads draft-07, the connector writes draft 2020-12. The difference, and what the chart adds, is here; all other parts of
values.schema.json are written by hand.
"""

import json
from collections.abc import Mapping
from typing import Any

from tests.chart.rendering import CHART, ROOT

SCHEMA = CHART / "values.schema.json"
OF_THE_CONNECTOR = ROOT / "schemas" / "config.schema.json"
PREFIX = "config."
"""Before the names of the connector's definitions, so that they stand apart from the chart's."""

Schema = dict[str, Any]


def with_config(schema: Schema, config: Mapping[str, Any]) -> Schema:
    """`schema` with its `config` replaced by the connector's."""
    own = {name: part for name, part in schema["definitions"].items() if not name.startswith(PREFIX)}
    theirs = {PREFIX + name: _draft_07(part) for name, part in config["$defs"].items()}
    for name, keys in _NEEDED_BY_TEMPLATES.items():
        theirs[PREFIX + name]["required"] = sorted({*theirs[PREFIX + name].get("required", []), *keys})
    for name in ("TelemetrySettings", "AdminSettings"):
        # Not 0, any free port: probes, Service and notes must know which one it is.
        theirs[PREFIX + name]["properties"]["port"]["minimum"] = 1
    top = _draft_07({name: part for name, part in config.items() if name not in ("$schema", "$defs", "$id")})
    del top["properties"]["instance"]  # each pod's own name
    top["required"] = sorted({*top["required"], "limits", "telemetry"})
    top["description"] = (
        "The connector's own configuration file; `front-connector schema config` has the same."
    )
    properties = {**schema["properties"], "config": top}
    return {**schema, "definitions": {**own, **theirs}, "properties": properties}


_NEEDED_BY_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "LimitSettings": ("drain_s",),
    "TelemetrySettings": ("port",),
}


def as_text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def renewed() -> str:
    """values.schema.json as it should be."""
    read = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return as_text(with_config(read, json.loads(OF_THE_CONNECTOR.read_text(encoding="utf-8"))))


def _draft_07(part: Any) -> Any:
    """The same in draft-07, with null for every key that may be absent: so a value of the chart's is taken back."""
    if isinstance(part, list):
        return [_draft_07(child) for child in part]
    if not isinstance(part, dict):
        return part
    found = {key: _draft_07(child) for key, child in part.items() if key not in _DROPPED or _is_name(part)}
    if isinstance(found.get("$ref"), str):
        found["$ref"] = found["$ref"].replace("#/$defs/", f"#/definitions/{PREFIX}")
        if len(found) > 1:  # draft-07 passes over what stands beside a $ref
            found = {"allOf": [{"$ref": found.pop("$ref")}], **found}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        needed = found.get("required", [])
        found["properties"] = {
            name: child if name in needed else _or_null(child) for name, child in found["properties"].items()
        }
    return found


_DROPPED = frozenset({"title", "format", "writeOnly"})


def _is_name(part: Mapping[str, Any]) -> bool:
    """`part` is a map of names, such as `properties`: a key there is nobody's keyword."""
    return bool(part) and all(isinstance(child, dict) for child in part.values())


def _or_null(part: Schema) -> Schema:
    match part:
        case {"type": str(kind)} if kind != "null":
            widened = {**part, "type": [kind, "null"]}
            return {**widened, "enum": [*part["enum"], None]} if "enum" in part else widened
        case {"anyOf": list(choices)}:
            return part if {"type": "null"} in choices else {**part, "anyOf": [*choices, {"type": "null"}]}
        case {"type": list()}:
            return part
        case _:
            kept: Schema = {name: part[name] for name in ("description", "default") if name in part}
            rest = {name: child for name, child in part.items() if name not in kept}
            return {**kept, "anyOf": [rest, {"type": "null"}]}
