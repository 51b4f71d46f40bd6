"""The control routes for what may change while the simulator runs: its switches, its channels, its clock."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from connector.simulator.control_input import ControlError, checked, read_json
from connector.simulator.profiles import PROFILES, ProfileError, changed
from connector.simulator.replies import Reply, as_json
from connector.simulator.state import State
from connector.simulator.suggest import did_you_mean
from connector.simulator.world import Channel

Route = Callable[[Mapping[str, str], bytes], Reply]


class _NewChannel(Channel):
    """A channel with its id. `app`: by default the first of the world."""

    id: str = Field(min_length=1)
    app: str = ""


class _ClockChange(BaseModel):
    """What is given is done, in this order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frozen: bool | None = None
    skew_s: float | None = Field(default=None, allow_inf_nan=False)
    advance_s: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class WorldControl:
    """The routes, for the table in `control.py`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> dict[tuple[str, str], Route]:
        """Each a method from query and body to what is answered."""
        return {
            ("GET", "/_sim/switches"): self._show_switches,
            ("PATCH", "/_sim/switches"): self._patch_switches,
            ("PUT", "/_sim/switches"): self._put_switches,
            ("GET", "/_sim/profiles"): self._show_profiles,
            ("GET", "/_sim/world"): self._show_world,
            ("POST", "/_sim/channels"): self._add_channel,
            ("GET", "/_sim/clock"): self._show_clock,
            ("PATCH", "/_sim/clock"): self._patch_clock,
        }

    def _show_switches(self, _query: Mapping[str, str], _: bytes) -> Reply:
        return as_json(200, self._state.front.switches.model_dump(mode="json"))

    def _patch_switches(self, query: Mapping[str, str], content: bytes) -> Reply:
        """Some of them."""
        self._change(self._state.front.switches, _switches(content))
        return self._show_switches(query, content)

    def _put_switches(self, query: Mapping[str, str], content: bytes) -> Reply:
        """All of them: a profile's, and over it those that are given."""
        changes = dict(_switches(content))
        name = changes.pop("profile", "quick")
        if name not in PROFILES:
            raise ControlError([f"profile: not one of {', '.join(PROFILES)}"])
        self._change(PROFILES[name], changes)
        return self._show_switches(query, content)

    def _change(self, switches: Any, changes: Mapping[str, Any]) -> None:
        try:
            self._state.front.switches = changed(switches, changes, "")
        except ProfileError as exc:
            raise ControlError(str(exc).splitlines()) from exc

    def _show_profiles(self, _query: Mapping[str, str], _: bytes) -> Reply:
        return as_json(200, {name: of.model_dump(mode="json") for name, of in PROFILES.items()})

    def _show_world(self, _query: Mapping[str, str], _: bytes) -> Reply:
        """Who lives here, without secrets."""
        front = self._state.front
        channels = front.channels
        companies = [*front.world.companies, *(of.company for of in channels.values())]
        content = {
            "open": front.world.open,
            "apps": list(front.world.apps),
            "companies": list(dict.fromkeys(companies)),
            "channels": {name: of.model_dump(mode="json") for name, of in channels.items()},
        }
        return as_json(200, content)

    def _add_channel(self, _query: Mapping[str, str], content: bytes) -> Reply:
        """One more channel; a company that is not there yet comes with it."""
        front = self._state.front
        data = read_json(content)
        new = checked(_NewChannel, data)
        apps = front.world.apps
        if "app" in new.model_fields_set and new.app not in apps:
            raise ControlError([f"app: no app {new.app!r} in this world{did_you_mean(new.app, apps)}"])
        if new.id in front.channels:
            raise ControlError([f"id: there is a channel {new.id!r} already"])
        taken = {alias: name for name, of in front.channels.items() for alias in of.aliases}
        for alias in new.aliases:
            if alias in taken:
                raise ControlError([f"aliases: {alias!r} already names {taken[alias]}"])
        channel = Channel(**{**new.model_dump(exclude={"id"}), "app": new.app or next(iter(apps))})
        front.take_in(new.id, channel)
        return as_json(201, {"id": new.id, **channel.model_dump(mode="json")})

    def _show_clock(self, _query: Mapping[str, str], _: bytes) -> Reply:
        clock = self._state.clock
        content = {
            "wall": clock.wall(),
            "monotonic": clock.monotonic(),
            "frozen": clock.frozen,
            "advanced_s": clock.advanced_s,
            "skew_s": clock.skew_s,
        }
        return as_json(200, content)

    def _patch_clock(self, query: Mapping[str, str], content: bytes) -> Reply:
        clock = self._state.clock
        change = checked(_ClockChange, read_json(content))
        if change.frozen is not None:
            (clock.freeze if change.frozen else clock.thaw)()
        if change.skew_s is not None:
            clock.skew_s = change.skew_s
        if change.advance_s is not None:
            clock.advance(change.advance_s)
        return self._show_clock(query, content)


def _switches(content: bytes) -> dict[str, Any]:
    changes = read_json(content)
    if not isinstance(changes, dict):
        raise ControlError(["not an object of switches"])
    return changes
