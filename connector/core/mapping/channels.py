"""The channel directory: which Front channel, company and app a line or inbox of the platform belongs to.

Read from the channels table once; looked up by expressions (`channels[value.line_id]`) and here, to turn what
a rule's `channel:` gives into the three scopes of a request. Never shows a looked-up value: it may be a number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connector.core.mapping.templates import describe
from connector.core.records import Channel

DEFAULT_COMPANY = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """One line of the table. `channel` is the real `cha_…` id; `alias` such as `alt:address:…` goes into paths."""

    key: str
    channel: str
    company: str
    app: str
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelDirectory:
    """Rows by key, the same rows by channel id, and the names of the configured apps."""

    rows: Mapping[str, ChannelRow]
    by_channel: Mapping[str, ChannelRow]
    apps: tuple[str, ...]

    @classmethod
    def of(cls, rows: Iterable[ChannelRow], apps: Iterable[str]) -> "ChannelDirectory":
        """Rows have unique keys; rows of one channel agree about its company, app and alias."""
        kept = tuple(rows)
        return cls({row.key: row for row in kept}, {row.channel: row for row in kept}, tuple(sorted(apps)))

    def table(self) -> dict[str, dict[str, str]]:
        """What expressions see as `channels`: key -> {channel, company, app[, alias]}."""
        return {
            row.key: {"channel": row.channel, "company": row.company, "app": row.app}
            | ({} if row.alias is None else {"alias": row.alias})
            for row in self.rows.values()
        }

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
        row = self.by_channel.get(channel)
        if row is not None:
            return _channel(row.channel, row.company, row.app, row.alias if alias_allowed else None)
        if not channel.startswith("cha_"):
            hint = " (it is a key of the table: write `${channels[...]}`)" if channel in self.rows else ""
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
        if app not in self.apps:
            return f"gives a map whose app is not configured; front.apps has {', '.join(self.apps) or 'none'}"
        return _channel(channel, company, app, alias if alias_allowed else None)


def _channel(real_id: str, company: str, app: str, alias: str | None) -> Channel:
    return Channel(id=alias or real_id, real_id=real_id, company=company, app=app)
