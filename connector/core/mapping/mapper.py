"""A Python mapper in place of rules: what it receives, what it returns, and how that is checked.

The function is somebody else's code: whatever it raises or returns becomes a refusal of that one record. That it may not
return at all is for the caller to bound (`core.prepare.MapperNeeded`). Mapper packages import `connector.plugin`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final, TypeAlias

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
    """One request. `channel` is a row of `channels` or a channel id; `path` names the path parameters."""

    operation: str
    channel: str | Mapping[str, str]
    path: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] = field(default_factory=dict)


class _Rows(Mapping[str, Mapping[str, str]]):
    """The living channels table for foreign code on another thread: it reads, gets copies, and its loops do not break."""

    __slots__ = ("_table",)

    def __init__(self, table: Mapping[str, Mapping[str, str]]) -> None:
        self._table = table

    def __getitem__(self, key: str) -> Mapping[str, str]:
        return dict(self._table[key])

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

    def map(self, taken: Input) -> Plan | Skip | Refusal:
        """Call the function and check what it returns. Raises KeyboardInterrupt: a person ends a verb that way."""
        given = self._input(taken)
        try:
            drafts = self._drafts(given)
        except Failed as failure:
            return failed(self.name, failure)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code: any failure is this record's, an exit too
            return self.gave_up(f"raised {type(error).__name__}", error)
        return plan(drafts, taken.record, self.name, None) if drafts else Skip("rule", self.name)

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
            raise Failed(f"{place}.operation", f"must be one of {', '.join(OPERATIONS)}")
        channel = self.channels.resolve(parts.get("channel"), alias_allowed=operation.takes_alias)
        if isinstance(channel, str):
            raise Failed(f"{place}.channel", channel)
        params = _mapping(parts.get("path", {}), f"{place}.path")
        for param, value in params.items():
            if not isinstance(value, str):
                raise Failed(f"{place}.path.{param}", f"must be text, but is {describe(value)}")
        texts = {param: str(value) for param, value in params.items()}
        body = _mapping(parts.get("body", {}), f"{place}.body")
        return Draft(operation=operation, channel=channel, params=texts, body=body, place=place)


class _Copy:
    """Copies what a mapper returned into plain values, within the bounds: nothing of it can do anything later."""

    def __init__(self) -> None:
        self._room = RESULT_SIZE_MAX

    def of(self, value: object, place: str, depth: int) -> object:
        """The value as maps, lists, texts, bytes, numbers, flags and null. Raises `Failed`."""
        if depth > DEPTH_MAX:
            raise Failed(place, f"has more than {DEPTH_MAX} maps and lists within one another")
        self._room -= _NODE_SIZE + (len(value) if isinstance(value, str | bytes) else 0)
        if self._room < 0:
            raise Failed(
                "mapper", f"returned requests of more than {RESULT_SIZE_MAX} characters and bytes together"
            )
        match value:
            case None | str() | bytes() | bool() | int() | float():
                return value
            case Mapping():
                if not all(isinstance(name, str) for name in value):
                    raise Failed(place, "must have texts as keys")
                # Deeper names may be the record's own, and are not shown.
                at = (f"{place}.{name}" if depth == 0 and name in _NAMES else place for name in value)
                children = zip(at, value.items(), strict=True)
                return {name: self.of(child, where, depth + 1) for where, (name, child) in children}
            case list() | tuple():
                return [self.of(child, place, depth + 1) for child in value]
            case _:
                raise Failed(
                    place, f"holds {describe(value)}: give maps, lists, texts, bytes, numbers, flags or null"
                )


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


def _mapping(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise Failed(place, f"must be a map, but is {describe(value)}")
    return value
