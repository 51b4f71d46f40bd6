"""A Python mapper in place of rules: what it receives, what it returns, and how that is checked.

The function is somebody else's code: whatever it raises or returns becomes a refusal of that one record. That it may not
return at all is for the caller to bound (`core.prepare.MapperNeeded`). Mapper packages import `connector.plugin`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar, get_args

from connector.core.files import FilePart, OnUnavailable
from connector.core.mapping.channels import ChannelDirectory
from connector.core.mapping.requests import Draft, failed, headers_of, plan
from connector.core.mapping.results import Input, Plan, Refusal, Skip
from connector.core.mapping.templates import Failed, describe
from connector.core.operations import OPERATIONS

API_VERSION: Final = 1
"""Rises when a mapper that is right today would be wrong: a field that is gone, or means something else."""

REQUESTS_MAX: Final = 100
"""Requests that one record may become."""

RESULT_SIZE_MAX: Final = 50_000_000
"""Characters and bytes that they may hold together: two requests as large as Front takes them."""

DEPTH_MAX: Final = 32
"""Maps and lists within one another in a request; Front's have five."""

_UNAVAILABLE: Final[tuple[str, ...]] = get_args(OnUnavailable)
_NAME_MAX = 100
_T = TypeVar("_T")

_NODE_SIZE = 8
"""What a number, a flag or a map counts for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapperInput:
    """A decoded record as expressions see it: nulls left out, times as epoch milliseconds.

    `value` and `key` are maps, lists, texts, numbers, flags or bytes, as their schema or the topic's `key` says.
    `schema` has name, namespace and id; None when the value was not read by a registry's schema.
    `channels` is the channels table: key -> {channel, company, app[, alias]}.
    """

    value: Any
    key: Any
    headers: Mapping[str, str]
    schema: Mapping[str, object] | None
    topic: str
    partition: int
    offset: int
    timestamp: int | None
    channels: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapperRequest:
    """One request. `channel` is a row of `channels` or a channel id; `path` names the path parameters.

    `on_attachment_unavailable`: when a file that is named by its url is gone, as in rules.
    """

    operation: str
    channel: str | Mapping[str, str]
    path: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] = field(default_factory=dict)
    on_attachment_unavailable: OnUnavailable = "dead_letter"


class NotInChannels(KeyError):
    """A mapper asked the channels table for a line that has no row; for the mapper, and in dead letters, a KeyError."""


class _Rows(Mapping[str, Mapping[str, str]]):
    """The living channels table for foreign code on another thread: it reads, gets copies, and its loops do not break."""

    __slots__ = ("_table",)

    def __init__(self, table: Mapping[str, Mapping[str, str]]) -> None:
        self._table = table

    def __getitem__(self, key: str) -> Mapping[str, str]:
        row = self._table.get(key)
        if row is None:
            raise NotInChannels(key)
        return dict(row)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._table))

    def __len__(self) -> int:
        return len(self._table)


Mapper: TypeAlias = Callable[[MapperInput], Iterable[MapperRequest | Mapping[str, object]]]
"""Returns the requests of a record, sent in order; none skips it. A dict has MapperRequest's fields."""

_NAMES = tuple(part.name for part in fields(MapperRequest))


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonMapper:
    """A loaded mapper. `name` is how the mapping file calls it."""

    name: str
    function: Mapper
    channels: ChannelDirectory
    table: Mapping[str, Mapping[str, str]]
    file_part: FilePart = "attachments[]"

    def map(self, taken: Input) -> Plan | Skip | Refusal:
        """Call the function and check what it returns. Raises KeyboardInterrupt: a person ends a verb that way."""
        given = self._input(taken)
        try:
            drafts = self._drafts(given)
        except Failed as failure:
            return failed(self.name, failure)
        except KeyboardInterrupt:
            raise
        except NotInChannels:
            return self.gave_up("raised KeyError: the line is not in the channels table", KeyError())
        except BaseException as error:  # noqa: BLE001 - foreign code: any failure is this record's, an exit too
            return self.gave_up(f"raised {type(error).__name__}", error)
        if not drafts:
            return Skip("rule", self.name)
        return plan(drafts, taken.record, self.name, None, self.file_part)

    def gave_up(self, why: str, error: BaseException | None = None) -> Refusal:
        """The refusal of a record of which the function makes nothing. `why`: a sentence's end, without record data."""
        refusal = failed(self.name, Failed("mapper", why))
        if error is None:
            return refusal
        return replace(refusal, error_class=f"{type(error).__module__}.{type(error).__qualname__}")

    def _drafts(self, given: MapperInput) -> list[Draft]:
        """Foreign code runs here and nowhere else: the function, and the methods of what it returns."""
        returned = list(islice(iter(self.function(given)), REQUESTS_MAX + 1))
        if len(returned) > REQUESTS_MAX:
            raise Failed("mapper", f"returned more than {REQUESTS_MAX} requests")
        copy = _Copy()
        return [self._draft(item, f"requests[{index}]", copy) for index, item in enumerate(returned)]

    def _input(self, taken: Input) -> MapperInput:
        record = taken.record
        return MapperInput(
            value=taken.value,
            key=taken.key,
            headers=headers_of(record),
            schema=None if taken.schema is None else taken.schema.as_value(),
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp=record.timestamp_ms,
            channels=_Rows(self.table),
        )

    def _draft(self, item: object, place: str, copy: "_Copy") -> Draft:
        parts = _parts(copy.of(_as_map(item), place, 0), place)
        name = parts.get("operation")
        operation = OPERATIONS.get(name) if isinstance(name, str) else None
        if operation is None:
            raise Failed(f"{place}.operation", _no_operation(name))
        channel = self.channels.resolve(parts.get("channel"), alias_allowed=operation.takes_alias)
        if isinstance(channel, str):
            raise Failed(f"{place}.channel", channel)
        params = _mapping(parts.get("path", {}), f"{place}.path")
        for param, value in params.items():
            if not isinstance(value, str):
                # Another name may be the record's own, and is not shown.
                where = f"{place}.path.{param}" if param in operation.params else f"{place}.path"
                raise Failed(where, f"must be text, but is {describe(value)}")
        texts = {param: str(value) for param, value in params.items()}
        return Draft(
            operation=operation,
            channel=channel,
            params=texts,
            body=_mapping(parts.get("body", {}), f"{place}.body"),
            place=place,
            on_attachment_unavailable=_on_unavailable(parts.get("on_attachment_unavailable"), place),
        )


class _Copy:
    """Copies what a mapper returned into plain values, within the bounds: nothing of it can do anything later.

    Of a subclass too, which passes for its base and brings methods of its own: they would run where requests are sent.
    """

    def __init__(self) -> None:
        self._room = RESULT_SIZE_MAX

    def of(self, value: object, place: str, depth: int) -> object:
        """The value as maps, lists, texts, bytes, numbers, flags and null. Raises `Failed`."""
        if depth > DEPTH_MAX:
            raise Failed(place, f"has more than {DEPTH_MAX} maps and lists within one another")
        match value:
            case None | bool():
                return self._counted(value, 0)
            case str():
                return self._text(value)
            case bytes():
                content = b"".join((value,))
                return self._counted(content, len(content))
            case int():
                return self._counted(int.__index__(value), 0)
            case float():
                return self._counted(float.__float__(value), 0)
            case Mapping():
                copied: dict[str, object] = self._counted({}, 0)
                for name, child in value.items():
                    if not isinstance(name, str):
                        raise Failed(place, "must have texts as keys")
                    plain = self._text(name)
                    # Deeper names may be the record's own, and are not shown.
                    where = f"{place}.{plain}" if depth == 0 and plain in _NAMES else place
                    copied[plain] = self.of(child, where, depth + 1)
                return copied
            case list() | tuple():
                self._counted(None, 0)
                return [self.of(child, place, depth + 1) for child in value]
            case _:
                raise Failed(
                    place, f"holds {describe(value)}: give maps, lists, texts, bytes, numbers, flags or null"
                )

    def _text(self, value: str) -> str:
        text = "".join((value,))
        return self._counted(text, len(text))

    def _counted(self, value: _T, size: int) -> _T:
        self._room -= _NODE_SIZE + size
        if self._room < 0:
            raise Failed(
                "mapper", f"returned requests of more than {RESULT_SIZE_MAX} characters and bytes together"
            )
        return value


def _as_map(item: object) -> object:
    return {name: getattr(item, name) for name in _NAMES} if isinstance(item, MapperRequest) else item


def _parts(item: object, place: str) -> Mapping[str, object]:
    parts = _mapping(item, place)
    unknown = [name for name in parts if name not in _NAMES]
    if unknown:
        # Not named: a mapper that returns a record's value by mistake would show what it holds.
        meant = get_close_matches(unknown[0], _NAMES, n=1)
        hint = f" (did you mean {meant[0]!r}?)" if meant else ""
        raise Failed(place, f"has an unknown field{hint}; a request has {', '.join(_NAMES)}")
    return parts


def _no_operation(name: object) -> str:
    """Not named either. An operation's name is short: a long text is not held against them all."""
    meant = (
        get_close_matches(name, OPERATIONS, n=1) if isinstance(name, str) and len(name) < _NAME_MAX else []
    )
    said = f"did you mean {meant[0]!r}?" if meant else f"choose from {', '.join(OPERATIONS)}"
    return f"is not an operation of Front's: {said}"


def _on_unavailable(value: object, place: str) -> OnUnavailable:
    match value:
        case None:
            return "dead_letter"
        case "dead_letter" | "send_without" | "wait":
            return value
        case _:
            raise Failed(f"{place}.on_attachment_unavailable", f"must be one of {', '.join(_UNAVAILABLE)}")


def _mapping(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise Failed(place, f"must be a map, but is {describe(value)}")
    return value
