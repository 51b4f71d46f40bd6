"""From bytes to a body that Front would take, or to the reasons why it would not.

Two steps: `read` turns JSON or multipart into fields and files, `judge` holds them against the contract and
against what Front's pages ask beyond it. Neither looks at what is already stored.
"""

import json
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from connector.simulator.contract import SCHEMAS, Shape, path_of
from connector.simulator.forms import File, FormError, Spooled, Text, read_form
from connector.simulator.intake import Intake
from connector.simulator.routes import Kind, Route
from connector.simulator.switches import Switches

_LONGEST_ID = 200
_NO_FIELDS: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it was sent. `fields` is None when nothing readable was there; `form`: it was multipart."""

    fields: Any
    files: tuple[File, ...] = ()
    form: bool = False
    faults: tuple[str, ...] = ()
    """What is wrong with its form alone, path first."""
    ignored: tuple[str, ...] = ()
    """Names of file parts in a spelling that does not count."""
    spooled: Spooled = field(default_factory=Spooled)
    """What its files hold, until the request is answered."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """Not JSON, or not multipart: Front answers with a message and no details."""

    message: str


@dataclass(frozen=True, slots=True)
class Good:
    """What is taken in: the known fields and the files."""

    fields: dict[str, Any] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    dropped: tuple[str, ...] = ()
    """The places of the keys that were left out without a word."""


@dataclass(frozen=True, slots=True)
class Bad:
    """What is wrong, one line for each place."""

    details: tuple[str, ...]


Verdict: TypeAlias = Good | Bad


def _not_json(_text: str) -> Any:
    raise ValueError("not JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if value - value == 0 else _not_json(text)


# Python's reader takes NaN and Infinity, JavaScript's does not.
_JSON = json.JSONDecoder(parse_constant=_not_json, parse_float=_finite)


def is_form(content_type: str) -> bool:
    """Whether a body says that it is multipart."""
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


async def read(route: Route, content_type: str, intake: Intake, switches: Switches) -> Body | Malformed:
    """Parse by content type. A type that the operation does not take counts as no body, as in Front's framework.

    Raises what the intake raises.
    """
    if is_form(content_type) and route.kind is not Kind.JSON:
        try:
            parts, spooled = await read_form(content_type, intake.chunks(), switches.size_limit)
        except FormError as exc:
            return Malformed(str(exc))
        return _from_form(route, parts, spooled, switches.attachment_names)
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" and route.kind is not Kind.FORM:
        content = await intake.whole()
        return _read_json(content) if content.strip() else Body(None)
    return Body(None)


def _read_json(content: bytes) -> Body | Malformed:
    try:
        return Body(_JSON.decode(content.decode("utf-8")))
    except (ValueError, RecursionError):
        return Malformed("Body is not valid JSON.")


def _from_form(route: Route, parts: tuple[Text | File, ...], spooled: Spooled, names: str) -> Body:
    """Fields from the bracketed names; `attachments` stands in them as one mark for each file.

    The recording's part has the plain name that the contract gives it. For messages Front's pages and samples
    use three spellings: attachments, attachments[] and attachments[0].
    """
    shape = SCHEMAS[route.operation].shape
    tree: dict[str, Any] = {}
    files: list[File] = []
    faults: list[str] = []
    ignored: list[str] = []
    for part in parts:
        base, keys = part.keys
        if isinstance(part, Text):
            fault = _put(tree, (base, *keys), part.value)
            if fault is not None:
                faults.append(fault)
        elif base != "attachments":
            # A file where a text belongs: null has the type of no field.
            _put(tree, (base, *keys), None)
        elif _is_attachment(keys, "attachments" if route.kind is Kind.FORM else names):
            files.append(part)
            if not part.name:
                faults.append("body.attachments: no filename")
        else:
            ignored.append(part.part)
    if "attachments" in tree:
        faults.append("body.attachments: not a file")
    elif files:
        tree["attachments"] = "" if route.kind is Kind.FORM else [""] * len(files)
    return Body(
        _typed(tree, shape),
        tuple(files),
        form=True,
        faults=tuple(faults),
        ignored=tuple(ignored),
        spooled=spooled,
    )


def _is_attachment(keys: tuple[str, ...], names: str) -> bool:
    """Whether the keys behind `attachments` are of a spelling that counts."""
    match keys:
        case ():
            return names in ("all", "attachments")
        case ("",):
            return names in ("all", "attachments[]")
        case (index,) if index.isdecimal():
            return names in ("all", "attachments[0]")
        case _:
            return False


def _put(tree: dict[str, Any], keys: tuple[str, ...], value: str | None) -> str | None:
    """Set a value deep in the tree; returns what is wrong when a key is a value and an object at once."""
    *above, last = keys
    node = tree
    for depth, key in enumerate(above):
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            return f"{path_of(keys[: depth + 1])}: both a value and an object"
    if isinstance(node.get(last), dict):
        return f"{path_of(keys)}: both a value and an object"
    # A repeated name makes a list, and so a fault of type where one value is wanted.
    node[last] = [node[last], value] if last in node else value
    return None


def _typed(value: Any, shape: Shape | None) -> Any:
    """Give text the type that the contract declares: indexed keys become a list, digits a number."""
    if shape is None:
        return value
    if isinstance(value, dict):
        if shape.items is not None and all(key.isdecimal() for key in value):
            return [_typed(value[key], shape.items) for key in sorted(value, key=int)]
        return {key: _typed(one, shape.keys.get(key)) for key, one in value.items()}
    if shape.type == "integer" and isinstance(value, str) and value.removeprefix("-").isdecimal():
        return int(value)
    return value


def judge(route: Route, body: Body, switches: Switches) -> Verdict:
    """Hold a body against the contract and its known gaps; drop or refuse the keys that it does not name."""
    schema = SCHEMAS[route.operation]
    if body.fields is None:
        return Bad(("body: missing",)) if switches.strict_body or route.kind is Kind.FORM else Good()
    details = [*body.faults, *schema.faults(body.fields)]
    if switches.strict_body:
        details += _beyond_contract(body.fields)
    if route.kind is Kind.FORM:
        details += _recording_faults(body.files)
    if not isinstance(body.fields, dict):
        return Bad(tuple(details)) if details else Good()
    known, unknown = _known(body.fields, schema.branch(body.fields).shape)
    unknown += [(name,) for name in body.ignored]
    if switches.unknown_keys == "reject":
        details += [f"{path_of(parts)}: unknown" for parts in unknown]
    if details:
        return Bad(tuple(dict.fromkeys(details)))
    if body.files:
        known.pop("attachments", None)
    return Good(known, body.files, tuple(path_of(parts) for parts in unknown))


def _beyond_contract(fields: Any) -> list[str]:
    """The contract forgets `type: object` and `minItems`, and counts characters where Front counts UTF-16 units."""
    if not isinstance(fields, dict):
        return ["body: not an object"]
    details = ["body.to: empty"] if fields.get("to") == [] else []
    metadata = fields.get("metadata")
    for key, value in metadata.items() if isinstance(metadata, dict) else ():
        if key in _METADATA and isinstance(value, str) and _utf16_units(value) > _LONGEST_ID:
            details.append(f"body.metadata.{key}: longer than {_LONGEST_ID} characters")
    return details


_METADATA = SCHEMAS["sync-inbound-message"].shape.keys["metadata"].keys


def _utf16_units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def _recording_faults(files: tuple[File, ...]) -> list[str]:
    if len(files) > 1:
        return ["body.attachments: exactly one file expected"]
    if files and not files[0].content_type.lower().startswith("audio/"):
        return ["body.attachments: not an audio file"]
    return []


def _known(value: Any, shape: Shape) -> tuple[Any, list[tuple[str | int, ...]]]:
    """The value without the keys that its shape does not name, and where those were."""
    unknown: list[tuple[str | int, ...]] = []
    if isinstance(value, dict) and shape.keys:
        kept = {}
        for key, one in value.items():
            if key not in shape.keys:
                unknown.append((key,))
                continue
            kept[key], below = _known(one, shape.keys[key])
            unknown += [(key, *path) for path in below]
        return kept, unknown
    if isinstance(value, list) and shape.items is not None:
        items = []
        for index, one in enumerate(value):
            item, below = _known(one, shape.items)
            items.append(item)
            unknown += [(index, *path) for path in below]
        return items, unknown
    return value, unknown
