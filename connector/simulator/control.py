"""The control routes under /_sim: read what arrived and what was accepted, set faults, start anew.

Switches, channels and the clock are in `control_world.py`, what the page asks for in `inbox.py`.

JSON over HTTP without a token: a tool for loopback. Shows ids, hashes and accepted bodies, never a secret.
"""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from connector.simulator.control_input import ControlError, checked, read_json, whole
from connector.simulator.control_world import WorldControl
from connector.simulator.faults import Fault
from connector.simulator.inbox import Inbox
from connector.simulator.replies import Reply, as_json
from connector.simulator.state import State

_PAGE_MAX = 10_000
_PAGE_DEFAULT = 100


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
            ("DELETE", "/_sim"): self._reset,
            **WorldControl(state).routes(),
            **Inbox(state).routes(),
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
        limit = whole(query, "limit") or _PAGE_DEFAULT
        after = whole(query, "after")
        capped = min(limit, _PAGE_MAX)
        entries = log.newest(capped) if after is None else log.after(after, capped)
        return as_json(200, {"arrived": log.arrived, "requests": [entry.shown() for entry in entries]})

    def _accepted(self, query: Mapping[str, str], _: bytes) -> Reply:
        return as_json(200, self._state.front.accepted.shown(query.get("channel"), whole(query, "limit")))

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
        rules = read_json(content)
        if not isinstance(rules, list):
            raise ControlError(["not a list of fault rules; POST adds a single one"])
        made = [checked(Fault, rule, f"[{index}].") for index, rule in enumerate(rules)]
        self._state.faults.replace(made, self._state.front.switches.seed)
        return self._show_faults(query, content)

    def _post_fault(self, _query: Mapping[str, str], content: bytes) -> Reply:
        rule = checked(Fault, read_json(content))
        return as_json(201, {"id": self._state.faults.add(rule, self._state.front.switches.seed)})

    def _delete_faults(self, _query: Mapping[str, str], _: bytes) -> Reply:
        self._state.faults.replace((), self._state.front.switches.seed)
        return Reply(204)

    def _reset(self, _query: Mapping[str, str], _: bytes) -> Reply:
        self._state.reset()
        return Reply(204)
