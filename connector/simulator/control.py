"""The control routes under /_sim: read what arrived and what was accepted, set faults and switches, start anew.

JSON over HTTP without a token: a tool for loopback. Shows ids, hashes and accepted bodies, never a secret.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs

from pydantic import BaseModel, ValidationError

from connector.simulator.faults import Fault
from connector.simulator.replies import Reply, as_json
from connector.simulator.state import State
from connector.simulator.suggest import explain
from connector.simulator.switches import Switches

_PAGE_MAX = 10_000
_PAGE_DEFAULT = 100

_Model = TypeVar("_Model", bound=BaseModel)


class ControlError(Exception):
    """A control request that cannot be carried out; one line for each reason."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Control:
    """The routes, each a method from query and body to what is answered."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._routes: dict[tuple[str, str], Callable[[Mapping[str, str], bytes], Reply]] = {
            ("GET", "/_sim/requests"): self._requests,
            ("GET", "/_sim/accepted"): self._accepted,
            ("GET", "/_sim/summary"): self._summary,
            ("GET", "/_sim/faults"): self._show_faults,
            ("PUT", "/_sim/faults"): self._put_faults,
            ("POST", "/_sim/faults"): self._post_fault,
            ("DELETE", "/_sim/faults"): self._delete_faults,
            ("GET", "/_sim/switches"): self._show_switches,
            ("PATCH", "/_sim/switches"): self._patch_switches,
            ("DELETE", "/_sim"): self._reset,
        }

    def answer(self, method: str, path: str, query: str, content: bytes) -> Reply:
        """Carry out one control request. Mistakes are answered with 400 and `{"errors": [...]}`."""
        route = self._routes.get((method, path))
        if route is None:
            known = ", ".join(" ".join(key) for key in self._routes)
            return as_json(404, {"errors": [f"no control route {method} {path}; there are: {known}"]})
        try:
            return route({key: values[-1] for key, values in parse_qs(query).items()}, content)
        except ControlError as exc:
            return as_json(400, {"errors": exc.lines})

    def _requests(self, query: Mapping[str, str], _: bytes) -> Reply:
        """`after` a sequence number, in order; without it the newest."""
        log = self._state.log
        limit = _whole(query, "limit") or _PAGE_DEFAULT
        after = _whole(query, "after")
        capped = min(limit, _PAGE_MAX)
        entries = log.newest(capped) if after is None else log.after(after, capped)
        return as_json(200, {"arrived": log.arrived, "requests": [entry.shown() for entry in entries]})

    def _accepted(self, query: Mapping[str, str], _: bytes) -> Reply:
        return as_json(200, self._state.front.accepted.shown(query.get("channel"), _whole(query, "limit")))

    def _summary(self, _query: Mapping[str, str], _: bytes) -> Reply:
        log = self._state.log
        operations: dict[str, dict[str, int]] = {}
        for (operation, outcome), count in log.counts.items():
            operations.setdefault(operation or "no route", {})[str(outcome)] = count
        inboxes = self._state.front.accepted.channels.values()
        stored = {
            "messages": sum(len(of) for inbox in inboxes for of in inbox.conversations.values()),
            "conversations": sum(len(inbox.conversations) for inbox in inboxes),
            "calls": sum(len(inbox.calls) for inbox in inboxes),
            "templates": sum(len(inbox.templates) for inbox in inboxes),
        }
        content = {
            "arrived": log.arrived,
            "in_flight": log.in_flight,
            "in_flight_peak": log.in_flight_peak,
            "operations": operations,
            "stored": stored,
        }
        return as_json(200, content)

    def _show_faults(self, _query: Mapping[str, str], _: bytes) -> Reply:
        return as_json(200, {"faults": self._state.faults.shown()})

    def _put_faults(self, query: Mapping[str, str], content: bytes) -> Reply:
        rules = _json(content)
        if not isinstance(rules, list):
            raise ControlError(["not a list of fault rules; POST adds a single one"])
        checked = [_checked(Fault, rule, f"[{index}].") for index, rule in enumerate(rules)]
        self._state.faults.replace(checked, self._state.front.switches.seed)
        return self._show_faults(query, content)

    def _post_fault(self, _query: Mapping[str, str], content: bytes) -> Reply:
        rule = _checked(Fault, _json(content))
        return as_json(201, {"id": self._state.faults.add(rule, self._state.front.switches.seed)})

    def _delete_faults(self, _query: Mapping[str, str], _: bytes) -> Reply:
        self._state.faults.replace((), self._state.front.switches.seed)
        return Reply(204)

    def _show_switches(self, _query: Mapping[str, str], _: bytes) -> Reply:
        return as_json(200, self._state.front.switches.model_dump(mode="json"))

    def _patch_switches(self, query: Mapping[str, str], content: bytes) -> Reply:
        changes = _json(content)
        if not isinstance(changes, dict):
            raise ControlError(["not an object of switches"])
        now = self._state.front.switches.model_dump()
        self._state.front.switches = _checked(Switches, {**now, **changes})
        return self._show_switches(query, content)

    def _reset(self, _query: Mapping[str, str], _: bytes) -> Reply:
        self._state.reset()
        return Reply(204)


def _whole(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise ControlError([f"{name}: not a whole number"])
    return int(text)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise ControlError(["the body is not JSON"]) from exc


def _checked(model: type[_Model], data: Any, where: str = "") -> _Model:
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        raise ControlError([f"{where}{line}" for line in explain(exc, model)]) from exc
