"""Rules: the first whose `when` holds makes the requests, or skips the record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from connector.core.mapping.channels import ChannelDirectory
from connector.core.mapping.requests import Draft, failed, plan
from connector.core.mapping.results import Input, Refusal, Result, Skip
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
from connector.core.records import OrderKey


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTemplate:
    """One request of a rule before a record is put in. `place` is "" or, in a list, "requests[1]"."""

    operation: Operation
    channel: Node
    params: tuple[tuple[str, Node], ...]
    body: Node
    place: str

    def at(self, part: str) -> str:
        """Where a part of this request stands in its rule."""
        return f"{self.place}.{part}" if self.place else part


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`when` None: always holds. No `requests`: the record is skipped. `order_by` None: the first request's key."""

    name: str
    when: Node | None
    requests: tuple[RequestTemplate, ...]
    order_by: tuple[Node, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All rules of a topic, in the order written."""

    rules: tuple[Rule, ...]
    otherwise: Literal["dead_letter", "skip"]
    channels: ChannelDirectory
    early_order_by: tuple[Node, ...] | None = None
    """The `order_by` of every rule that makes requests, if it is one and reads neither `value` nor `schema`; else None."""

    def early_key(self, scope: Scope) -> OrderKey | None:
        """The key that the record's plan will have, whichever rule holds; `scope` has no value. None: not known yet."""
        if self.early_order_by is None:
            return None
        try:
            return _order_key(self.early_order_by, scope)
        except Failed:
            return None

    def map(self, taken: Input, scope: Scope) -> Result:
        """What the first rule that holds makes of the record."""
        for rule in self.rules:
            try:
                holds = rule.when is None or evaluate_flag(rule.when, scope, "when")
            except Failed as failure:
                return failed(rule.name, failure)
            if holds:
                return self._apply(rule, taken, scope)
        if self.otherwise == "skip":
            return Skip("no_rule")
        named = "" if taken.schema is None else f" (its schema is {taken.schema.name})"
        message = (
            f"no rule of topic {taken.record.topic} holds for this record{named}: "
            "add a rule, or `otherwise: skip` to the topic"
        )
        return Refusal(reason="no_rule", stage="map", message=message)

    def _apply(self, rule: Rule, taken: Input, scope: Scope) -> Result:
        if not rule.requests:
            return Skip("rule", rule.name)
        drafts: list[Draft] = []
        for request in rule.requests:
            try:
                drafts.append(self._draft(request, scope))
            except Failed as failure:
                return failed(rule.name, failure, request.operation.name)
        try:
            key = None if rule.order_by is None else _order_key(rule.order_by, scope)
        except Failed as failure:
            return failed(rule.name, failure)
        return plan(drafts, taken.record, rule.name, key)

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
            operation=request.operation, channel=channel, params=params, body=fields, place=request.place
        )


def _order_key(order_by: tuple[Node, ...], scope: Scope) -> OrderKey:
    return tuple(evaluate_text(node, scope, f"order_by[{index}]") for index, node in enumerate(order_by))
