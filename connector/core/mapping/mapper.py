"""A Python mapper in place of rules: what it receives, what it returns, and how that is checked.

The function is somebody else's code: whatever it raises or returns becomes a refusal of that one record.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import TypeAlias

from connector.core.mapping.channels import ChannelDirectory
from connector.core.mapping.requests import Draft, failed, headers_of, plan
from connector.core.mapping.results import Input, Result, Skip
from connector.core.mapping.templates import Failed, describe
from connector.core.operations import OPERATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class MapperInput:
    """A decoded record as expressions see it: nulls left out, times as epoch milliseconds.

    `schema` has name, namespace and id; None when the value was not read by a registry's schema.
    `channels` is the channels table: key -> {channel, company, app[, alias]}.
    """

    value: object
    key: object
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

    def map(self, taken: Input) -> Result:
        """Call the function and check what it returns."""
        try:
            returned = list(self.function(self._input(taken)))
        except Exception as error:  # noqa: BLE001 - foreign code: any failure is this record's
            return failed(self.name, Failed("mapper", f"raised {type(error).__name__}"))
        if not returned:
            return Skip("rule", self.name)
        try:
            drafts = [self._draft(item, f"requests[{index}]") for index, item in enumerate(returned)]
        except Failed as failure:
            return failed(self.name, failure)
        return plan(drafts, taken.record, self.name, None)

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
            channels=self.table,
        )

    def _draft(self, item: object, place: str) -> Draft:
        parts = _parts(item, place)
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


def _parts(item: object, place: str) -> Mapping[str, object]:
    if isinstance(item, MapperRequest):
        return {name: getattr(item, name) for name in _NAMES}
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
    if not all(isinstance(name, str) for name in value):
        raise Failed(place, "must have texts as keys")
    return value
