"""Who lives at this Front: apps and their secrets, companies, and the channels that join them.

A world is a value. Channels that an open world takes in while it runs are kept by `front.py`, not here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from connector.simulator.suggest import did_you_mean, explain


class WorldError(Exception):
    """A world that cannot be used; the text names the file, the place, and what to do."""


class Channel(BaseModel):
    """A channel of a company, served by an app. `templates`: whether its app has message templates switched on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    company: str
    app: str
    aliases: tuple[str, ...] = ()
    """Addresses under which a path may name it: `alt:address:<address>`."""
    type: Literal["messaging", "voice"] = "messaging"
    templates: bool = True


class World(BaseModel):
    """`open`: a channel id `cha_...` that is not listed is taken in, for the first company and the first app."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    open: bool = False
    apps: Mapping[str, SecretStr] = Field(min_length=1)
    companies: tuple[str, ...] = Field(min_length=1)
    channels: Mapping[str, Channel] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _joined(self) -> "World":
        seen: dict[str, str] = {}
        for name, channel in self.channels.items():
            where = f"channels.{name}"
            if channel.company not in self.companies:
                hint = did_you_mean(channel.company, self.companies)
                raise ValueError(f"{where}.company: no company {channel.company!r} in this world{hint}")
            if channel.app not in self.apps:
                raise ValueError(
                    f"{where}.app: no app {channel.app!r} in this world{did_you_mean(channel.app, self.apps)}"
                )
            for alias in channel.aliases:
                if alias in seen:
                    raise ValueError(f"{where}.aliases: {alias!r} already names {seen[alias]}")
                seen[alias] = name
        return self

    def adopted(self) -> Channel:
        """What an open world makes of a channel that it does not list."""
        return Channel(company=self.companies[0], app=next(iter(self.apps)))


def load_world(path: Path) -> World:
    """Read a world from a YAML or JSON file. Raises WorldError with every mistake on a line of its own."""
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise WorldError(f"{path}: cannot be read: {exc}") from exc
    except YAMLError as exc:
        raise WorldError(f"{path}: not YAML or JSON: {exc}") from exc
    try:
        return World.model_validate(data)
    except ValidationError as exc:
        raise WorldError("\n".join(f"{path}: {line}" for line in explain(exc, World))) from exc


DEMO_APP = "app_demo"
DEMO_SECRET = "demo-secret-that-protects-nothing"  # noqa: S105 - it opens a simulator on loopback only


def demo_world(*, open_to_all: bool = True) -> World:
    """Two companies, one app, four channels: enough to see what one scope does to another."""
    channels = {
        "cha_shop_phone": Channel(
            company="corner-shop", app=DEMO_APP, aliases=("+4930555010",), type="voice"
        ),
        "cha_shop_chat": Channel(company="corner-shop", app=DEMO_APP, aliases=("chat@corner-shop.example",)),
        "cha_travel_phone": Channel(
            company="harbour-travel", app=DEMO_APP, aliases=("+33155501000",), type="voice"
        ),
        "cha_travel_chat": Channel(company="harbour-travel", app=DEMO_APP, aliases=("chat@harbour.example",)),
    }
    return World(
        open=open_to_all,
        apps={DEMO_APP: SecretStr(DEMO_SECRET)},
        companies=("corner-shop", "harbour-travel"),
        channels=channels,
    )
