"""The channel directory: which Front channel, company and app a line or inbox of the platform belongs to.

Looked up by expressions (`channels[value.line_id]`) and here, to turn what a rule's `channel:` gives into the three scopes of
a request. It is alive: its rows change while the service runs, between records and never during one. Never shows a looked-up
value: it may be a number.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from sys import intern
from typing import NamedTuple, Self, TypeAlias

from connector.core.mapping.templates import describe
from connector.core.records import Channel

DEFAULT_COMPANY = "default"

RowValue: TypeAlias = dict[str, str]
"""A row as expressions see it: channel, company, app[, alias]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """One line of the table. `channel` is the real `cha_…` id; `alias` such as `alt:address:…` goes into paths."""

    key: str
    channel: str
    company: str
    app: str
    alias: str | None = None

    def value(self) -> RowValue:
        """The row as expressions see it."""
        # There may be a million rows of few companies.
        row = {"channel": self.channel, "company": intern(self.company), "app": intern(self.app)}
        return row if self.alias is None else {**row, "alias": self.alias}


class Change(NamedTuple):
    """What a change of the directory did. `refused`: keys whose new row disagrees with other rows of its channel."""

    set: Collection[str]
    refused: Collection[str]


class ChannelDirectory:
    """Rows by key, the keys of each channel, and the names of the configured apps. One object for the service's whole life.

    All rows of a channel agree about its company, app and alias. A row that does not is kept back, and its key's older row
    stays, until the rows that it disagrees with have changed too: so two rows of a channel can be changed one after the other.
    """

    def __init__(self, apps: Iterable[str], foreign_apps: Iterable[str] = ()) -> None:
        """`foreign_apps`: what rows may name though it is not configured, where nothing is sent."""
        self.apps: tuple[str, ...] = tuple(sorted(apps))
        self._foreign_apps = frozenset(foreign_apps)
        self._table: dict[str, RowValue] = {}
        # A channel has one key as a rule, and there may be a million: only a second one costs a set.
        self._keys: dict[str, str | set[str]] = {}
        self._kept_back: dict[str, ChannelRow] = {}

    @classmethod
    def of(cls, rows: Iterable[ChannelRow], apps: Iterable[str], foreign_apps: Iterable[str] = ()) -> Self:
        """Rows have unique keys; rows of one channel agree about its company, app and alias."""
        directory = cls(apps, foreign_apps)
        for row in rows:
            directory._put(row.key, row)
        return directory

    @property
    def rows(self) -> Mapping[str, RowValue]:
        """The rows in force, by key."""
        return self._table

    @property
    def kept_back(self) -> Collection[str]:
        """Keys whose newest row waits for other rows of its channel to agree with it."""
        return self._kept_back.keys()

    @property
    def by_channel(self) -> Collection[str]:
        """The channels that have a row."""
        return self._keys.keys()

    def table(self) -> dict[str, RowValue]:
        """What expressions see as `channels`: the living rows, and always the same object. Not to be changed by others."""
        return self._table

    # --- rows come and go ---------------------------------------------------------------------------------------------

    def change(self, changes: Mapping[str, ChannelRow | None]) -> Change:
        """Set rows, or remove them (None), all at once; those that would make rows of a channel disagree are kept back."""
        wanted: dict[str, ChannelRow | None] = {**self._kept_back, **changes}
        kept_back = self._keep_back(wanted)
        for key in wanted:
            self._remove(key)
        for key, row in wanted.items():
            if row is not None:
                self._put(key, row)
        self._kept_back = kept_back
        return Change(
            [key for key, row in wanted.items() if row is not None],
            [key for key in kept_back if key in changes],
        )

    def difference(self, rows: Iterable[ChannelRow]) -> dict[str, ChannelRow | None]:
        """What `change` needs to leave exactly these rows. Reads only; nothing must change meanwhile."""
        kept: set[str] = set()
        changes: dict[str, ChannelRow | None] = {}
        for row in rows:
            kept.add(row.key)
            if self._table.get(row.key) != row.value():
                changes[row.key] = row
        return changes | dict.fromkeys(self._table.keys() - kept)

    def _keep_back(self, wanted: dict[str, ChannelRow | None]) -> dict[str, ChannelRow]:
        """Take out of `wanted` the rows that cannot be set, for otherwise two rows of their channel would disagree."""
        by_channel: dict[str, list[ChannelRow]] = {}
        for row in wanted.values():
            if row is not None:
                by_channel.setdefault(row.channel, []).append(row)
        kept_back: dict[str, ChannelRow] = {}
        looks = deque(by_channel)
        again: set[str] = set()
        while looks:
            for row in self._odd(by_channel[looks.popleft()], wanted):
                if wanted.pop(row.key, None) is None:
                    continue
                kept_back[row.key] = row
                # Its key's older row stays, and from now on rules the channel where it is. Another that stays says the same.
                former = self._table.get(row.key, {}).get("channel")
                if former in by_channel and former not in again:
                    again.add(former)
                    looks.append(former)
        return kept_back

    def _odd(self, rows: list[ChannelRow], wanted: Mapping[str, ChannelRow | None]) -> list[ChannelRow]:
        """Which of the new rows of a channel disagree with one that stays; with nothing that stays, with each other."""
        before = self._keys_of(rows[0].channel)
        stays = next((self._table[key] for key in before if key not in wanted), None)
        given = [row.value() for row in rows]
        if stays is None and all(row == given[0] for row in given):
            return []
        rules = stays or (self._table[next(iter(before))] if before else given[0])
        return [row for row, value in zip(rows, given, strict=True) if value != rules]

    def _keys_of(self, channel: str) -> Collection[str]:
        keys = self._keys.get(channel, ())
        return (keys,) if isinstance(keys, str) else keys

    def _any_row_of(self, channel: str) -> RowValue | None:
        """Any of them, as they agree. Asked by the threads of Python mappers too: no loop over what may change meanwhile."""
        keys = self._keys.get(channel)
        if keys is None:
            return None
        key = keys if isinstance(keys, str) else next(iter(tuple(keys)), channel)
        return self._table.get(key)

    def _put(self, key: str, row: ChannelRow) -> None:
        self._table[key] = row.value()
        keys = self._keys.get(row.channel)
        if keys is None:
            self._keys[row.channel] = key
        elif isinstance(keys, set):
            keys.add(key)
        elif keys != key:
            self._keys[row.channel] = {keys, key}

    def _remove(self, key: str) -> None:
        row = self._table.pop(key, None)
        if row is None:
            return
        keys = self._keys[row["channel"]]
        if isinstance(keys, set):
            keys.discard(key)
        if keys in (key, set()):
            del self._keys[row["channel"]]

    # --- looked up ----------------------------------------------------------------------------------------------------

    def resolve(self, value: object, *, alias_allowed: bool) -> Channel | str:
        """The channel that a rule's `channel:` means, or why it means none (a sentence without the value)."""
        match value:
            case str():
                return self._from_id(value, alias_allowed=alias_allowed)
            case Mapping():
                return self._from_row(value, alias_allowed=alias_allowed)
            case _:
                return (
                    f"is {describe(value)}, but must be a row of the channels table "
                    "(`${channels[...]}`) or a channel id (cha_...)"
                )

    def _from_id(self, channel: str, *, alias_allowed: bool) -> Channel | str:
        row = self._any_row_of(channel)
        if row is not None:
            alias = row.get("alias") if alias_allowed else None
            return _channel(channel, row["company"], row["app"], alias)
        if not channel.startswith("cha_"):
            hint = " (it is a key of the table: write `${channels[...]}`)" if channel in self._table else ""
            return f"gives a text that is no channel id (cha_...){hint}"
        if len(self.apps) == 1:
            return _channel(channel, DEFAULT_COMPANY, self.apps[0], None)
        return (
            f"gives a channel id that is not in the channels table, and {len(self.apps)} apps are configured, "
            "so its app is unknown: add the channel to the table"
        )

    def _from_row(self, row: Mapping[object, object], *, alias_allowed: bool) -> Channel | str:
        parts = [row.get(name) for name in ("channel", "company", "app")]
        alias = row.get("alias")
        channel, company, app = parts
        if not (isinstance(channel, str) and isinstance(company, str) and isinstance(app, str)):
            missing = [
                name
                for name, part in zip(("channel", "company", "app"), parts, strict=True)
                if not isinstance(part, str)
            ]
            return f"gives a map without the text {' and '.join(missing)}: a row has channel, company and app"
        if alias is not None and not isinstance(alias, str):
            return f"gives a map whose alias is {describe(alias)}, not a text"
        if not channel.startswith("cha_"):
            return "gives a map whose channel is no channel id (cha_...)"
        if app not in self.apps and app not in self._foreign_apps:
            return f"gives a map whose app is not configured; front.apps has {', '.join(self.apps) or 'none'}"
        return _channel(channel, company, app, alias if alias_allowed else None)


def _channel(real_id: str, company: str, app: str, alias: str | None) -> Channel:
    return Channel(id=alias or real_id, real_id=real_id, company=company, app=app)
