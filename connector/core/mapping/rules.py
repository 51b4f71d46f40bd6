"""Rules: the first whose `when` holds makes the requests, or skips the record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from connector.core.expression import NoSuchKey
from connector.core.files import FilePart, OnUnavailable
from connector.core.mapping.channels import ChannelDirectory
from connector.core.mapping.lets import Lets, LetScope
from connector.core.mapping.requests import Draft, failed, plan
from connector.core.mapping.results import ChannelNeeded, Input, Plan, Refusal, Result, Skip, line_key
from connector.core.mapping.templates import (
    Failed,
    Node,
    Scope,
    describe,
    evaluate,
    evaluate_flag,
    evaluate_text,
)
from connector.core.operations import Operation
from connector.core.outcome import Override
from connector.core.records import OrderKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTemplate:
    """One request of a rule before a record is put in. `place` is "" or, in a list, "requests[1]".

    `outcomes`: what HTTP statuses mean for it, where it is not what the settings say.
    """

    operation: Operation
    channel: Node
    params: tuple[tuple[str, Node], ...]
    body: Node
    place: str
    outcomes: Mapping[int, Override] = field(default_factory=dict)
    on_attachment_unavailable: OnUnavailable = "dead_letter"

    def at(self, part: str) -> str:
        """Where a part of this request stands in its rule."""
        return f"{self.place}.{part}" if self.place else part


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`when` None: always holds. No `requests`: the record is skipped. `order_by` None: the first request's key.

    `lets`: the rule's own, beside those of all `Rules`.
    """

    name: str
    when: Node | None
    requests: tuple[RequestTemplate, ...]
    order_by: tuple[Node, ...] | None = None
    lets: Lets = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule whose `when` was asked. `held` None: it could not be told, and `why` says why."""

    rule: str
    held: bool | None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All rules of a topic, in the order written."""

    rules: tuple[Rule, ...]
    otherwise: Literal["dead_letter", "skip"]
    channels: ChannelDirectory
    lets: Lets = field(default_factory=dict)
    on_unknown_channel: Literal["dead_letter", "wait"] = "dead_letter"
    """What becomes of a record whose line has no row in the channel directory."""
    common_order_by: tuple[Node, ...] | None = None
    """The `order_by` of every rule that makes requests, if it is one and reads no `let` of a rule; else None."""
    early_order_by: tuple[Node, ...] | None = None
    """The same, if it reads neither `value` nor `schema`."""
    file_part: FilePart = "attachments[]"

    def early_key(self, scope: Scope) -> OrderKey | None:
        """The key that the record's plan will have, whichever rule holds; `scope` has no value. None: not known yet."""
        return _key(self.early_order_by, _with(self.lets, scope))

    def map(self, taken: Input, scope: Scope) -> Result:
        """What the first rule that holds makes of the record."""
        shared = _with(self.lets, scope)
        for rule in self.rules:
            own = _with(rule.lets, shared)
            try:
                holds = rule.when is None or evaluate_flag(rule.when, own, "when")
            except Failed as failure:
                return self._failed(rule, failure, _key(self.common_order_by, shared))
            if holds:
                return self._apply(rule, taken, own)
        if self.otherwise == "skip":
            return Skip("no_rule")
        named = "" if taken.schema is None else f" (its schema is {taken.schema.name})"
        message = (
            f"no rule of topic {taken.record.topic} holds for this record{named}: "
            "add a rule, or `otherwise: skip` to the topic"
        )
        return Refusal(reason="no_rule", stage="map", message=message)

    def tried(self, scope: Scope) -> tuple[Tried, ...]:
        """The rules that `map` asks, in order: the last one holds, or fails, or there was none that does."""
        shared = _with(self.lets, scope)
        asked: list[Tried] = []
        for rule in self.rules:
            try:
                holds = rule.when is None or evaluate_flag(rule.when, _with(rule.lets, shared), "when")
            except Failed as failure:
                return (*asked, Tried(rule.name, None, failure.why))
            asked.append(Tried(rule.name, holds))
            if holds:
                break
        return tuple(asked)

    def _apply(self, rule: Rule, taken: Input, scope: Scope) -> Result:
        if not rule.requests:
            return Skip("rule", rule.name)
        drafts: list[Draft] = []
        for request in rule.requests:
            try:
                drafts.append(self._draft(request, scope))
            except Failed as failure:
                key = _key_so_far(rule, drafts, taken, scope)
                return self._failed(rule, failure, key, request.operation.name)
        try:
            key = None if rule.order_by is None else _order_key(rule.order_by, scope)
        except Failed as failure:
            return self._failed(rule, failure, None)
        return plan(drafts, taken.record, rule.name, key, self.file_part)

    def _failed(
        self, rule: Rule, failure: Failed, key: OrderKey | None, operation: str | None = None
    ) -> Refusal | ChannelNeeded:
        """What becomes of a record for which something failed. `key`: its order key, if that is known."""
        cause = failure.__cause__
        if not (isinstance(cause, NoSuchKey) and cause.container is self.channels.table()):
            return failed(rule.name, failure, operation)
        line = cause.key
        if not isinstance(line, str) or not line:
            return failed(rule.name, Failed(failure.place, f"{failure.why} ({_no_line(line)})"), operation)
        if self.on_unknown_channel == "dead_letter":
            advice = "add its row to the channel directory, or say `on_unknown_channel: wait` to the topic"
            return failed(rule.name, Failed(failure.place, f"{failure.why} ({advice})"), operation)
        message = f"rule {rule.name!r}, {failure.place}: {failure.why}: the record waits for the row"
        return ChannelNeeded(line=line, key=key or line_key(line), rule=rule.name, message=message)

    def _draft(self, request: RequestTemplate, scope: Scope) -> Draft:
        place = request.at("channel")
        channel = self.channels.resolve(
            evaluate(request.channel, scope), alias_allowed=request.operation.takes_alias
        )
        if isinstance(channel, str):
            raise Failed(place, channel)
        params = {
            name: evaluate_text(node, scope, request.at(f"path.{name}")) for name, node in request.params
        }
        body = evaluate(request.body, scope)
        if not isinstance(body, Mapping):
            raise Failed(request.at("body"), f"must be a map, but is {describe(body)}")
        fields = cast("Mapping[str, object]", body)
        return Draft(
            operation=request.operation,
            channel=channel,
            params=params,
            body=fields,
            place=request.place,
            outcomes=request.outcomes,
            on_attachment_unavailable=request.on_attachment_unavailable,
        )


def _with(lets: Lets, scope: Scope) -> Scope:
    return LetScope(scope, lets) if lets else scope


def _key_so_far(rule: Rule, drafts: list[Draft], taken: Input, scope: Scope) -> OrderKey | None:
    """The key that the record's plan will have, of which only the first `drafts` could be made. None: not known yet."""
    if rule.order_by is not None:
        return _key(rule.order_by, scope)
    first = plan(drafts[:1], taken.record, rule.name, None, "attachments[]") if drafts else None
    return first.key if isinstance(first, Plan) else None


def _no_line(key: object) -> str:
    """Why no row can ever have this key, and what to do."""
    if key == "":
        return "the line is an empty text, and no row has that: let `when` tell what becomes of such records"
    return f"lines are text, but this is {describe(key)}: write `channels[string(...)]`"


def _key(order_by: tuple[Node, ...] | None, scope: Scope) -> OrderKey | None:
    """The order key as far as it can be told. None: not known yet."""
    try:
        return None if order_by is None else _order_key(order_by, scope)
    except Failed:
        return None


def _order_key(order_by: tuple[Node, ...], scope: Scope) -> OrderKey:
    return tuple(evaluate_text(node, scope, f"order_by[{index}]") for index, node in enumerate(order_by))
