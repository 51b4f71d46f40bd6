"""Which channel is probed, by which app, or why not. Pure: options and configuration in, a target or a sentence out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connector.config import Loaded
from connector.config.problems import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options. `confirm`: the channel's id once more."""

    channel: str
    app: str | None = None
    confirm: str | None = None
    large: bool = False
    profile_out: Path | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`app`: its name in the configuration. `per_minute`: how many requests the channel's company may have; 0: no bound."""

    channel: str
    app: str
    base_url: str
    per_minute: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadChoice:
    """The options cannot be followed; a sentence for people."""

    why: str


def chosen(asked: Asked, loaded: Loaded) -> Target | BadChoice:
    """The target that the options mean."""
    channel, front = asked.channel, loaded.settings.front
    if not channel.startswith("cha_") or not channel.removeprefix("cha_"):
        return BadChoice(f"--channel: must be a channel id (cha_...), not {channel!r}")
    if asked.confirm is not None and asked.confirm != channel:
        return BadChoice(
            f"--confirm: names {asked.confirm!r}, and --channel {channel!r}: they must be the same; nothing was sent"
        )
    rows = [(key, row) for key, row in loaded.channels.rows.items() if row["channel"] == channel]
    app = _app(asked.app, channel, front.apps, {row["app"] for _, row in rows})
    if isinstance(app, BadChoice):
        return app
    per_minute = front.rate_limit.company_per_minute
    company = front.companies.get(rows[0][1]["company"]) if rows else None
    if company is not None and company.per_minute is not None:
        per_minute = company.per_minute
    warnings = tuple(
        f"{channel} is in the channels table (key {key}): if the connector runs with it, what the probe sends stands among"
        " real conversations"
        for key, _ in rows[:1]
    )
    return Target(
        channel=channel,
        app=app,
        base_url=front.apps[app].base_url,
        per_minute=per_minute,
        warnings=warnings,
    )


def _app(named: str | None, channel: str, apps: Mapping[str, object], listed: set[str]) -> str | BadChoice:
    if named is not None and named not in apps:
        return BadChoice(f"--app: no app {named!r} among front.apps: {did_you_mean(named, apps)}")
    if named is not None and listed and named not in listed:
        return BadChoice(
            f"--app: {channel} is of the app {min(listed)!r} by the channels table, not of {named!r}"
        )
    if named is not None:
        return named
    if listed:
        return min(listed)
    if len(apps) > 1:
        names = ", ".join(sorted(apps))
        return BadChoice(
            f"--app: front.apps has {names}, and {channel} is not in the channels table: name one"
        )
    return next(iter(apps))
