"""A topic's `defaults` -> what its requests have in common, put under what each of them says itself.

They are compiled once, so problems stand where they are written. An id or a field goes to the requests whose operation has
it: calls are created without the id in the path that all later operations take. One that no request takes is a mistake.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import get_args

from pydantic import BaseModel

from connector.config.mapping.file import DefaultsShape
from connector.config.mapping.nodes import Nodes
from connector.config.problems import did_you_mean
from connector.core.files import OnUnavailable
from connector.core.mapping import Fields, Node
from connector.core.operations import Operation
from connector.core.outcome import Override


@dataclass(frozen=True, slots=True)
class Defaults:
    """Compiled. `written_order_by`: the texts of `order_by`."""

    channel: Node | None = None
    params: tuple[tuple[str, Node], ...] = ()
    fields: tuple[tuple[str, Node], ...] = ()
    order_by: tuple[Node, ...] | None = None
    written_order_by: tuple[str, ...] = ()
    outcomes: Mapping[int, Override] = field(default_factory=dict)
    on_attachment_unavailable: OnUnavailable | None = None

    def params_of(
        self, operation: Operation, own: tuple[tuple[str, Node], ...]
    ) -> tuple[tuple[str, Node], ...]:
        """A request's ids: its own, then those of the defaults that its path has."""
        taken = {name for name, _ in own}
        return (*own, *((n, node) for n, node in self.params if n in operation.params and n not in taken))

    def body_of(self, operation: Operation, own: Node) -> Node:
        """A request's body over the defaults that it has; a body that is one expression stands alone."""
        known = body_fields(operation)
        return _over(own, Fields(tuple((name, node) for name, node in self.fields if name in known)))


def compile_defaults(shape: DefaultsShape | None, nodes: Nodes) -> Defaults:
    """The defaults of a topic; `nodes` gets the problems, and stands at the topic."""
    if shape is None:
        return Defaults()
    at = "defaults"
    body = nodes.node(shape.body, (at, "body"), "body")
    assert isinstance(body, Fields), "its shape is a map"
    return Defaults(
        channel=None if shape.channel is None else nodes.node(shape.channel, (at, "channel"), "channel"),
        params=tuple(
            (name, nodes.node(text, (at, "path", name), f"path.{name}")) for name, text in shape.path.items()
        ),
        fields=body.fields,
        order_by=None
        if shape.order_by is None
        else tuple(
            nodes.node(part, (at, "order_by", number), f"order_by[{number}]")
            for number, part in enumerate(shape.order_by)
        ),
        written_order_by=tuple(shape.order_by or ()),
        outcomes=shape.outcomes,
        on_attachment_unavailable=shape.on_attachment_unavailable,
    )


def check_used(defaults: Defaults, operations: Iterable[Operation], nodes: Nodes) -> None:
    """Add a problem for each id and field that no request of the topic takes."""
    kept = tuple(operations)
    ids = {name for operation in kept for name in operation.params}
    fields = {name for operation in kept for name in body_fields(operation)}
    for part, given, known in (("path", defaults.params, ids), ("body", defaults.fields, fields)):
        for name, _ in given:
            if name not in known:
                none = "has ids in its path" if part == "path" else "has a body"
                takes = f"takes it: {did_you_mean(name, known)}" if known else f"{none}: leave it out"
                message = f"defaults.{part}.{name}: no request of this topic {takes}"
                nodes.say(("defaults", part, name), message, at_key=True)


def body_fields(operation: Operation) -> frozenset[str]:
    """The names of a body's outermost fields, as Front calls them."""
    return frozenset(_fields(operation.body))


def _fields(model: object) -> set[str]:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return {name for part in get_args(model) for name in _fields(part)}
    if "root" in model.model_fields:  # one of several bodies
        return _fields(model.model_fields["root"].annotation)
    return {info.alias or name for name, info in model.model_fields.items()}


def _over(own: Node, default: Node) -> Node:
    """Map by map: what stands in `own` counts, what only `default` has is added."""
    if not (isinstance(own, Fields) and isinstance(default, Fields)):
        return own
    under = dict(default.fields)
    named = {name for name, _ in own.fields}
    return Fields(
        (
            *((name, _over(node, under[name]) if name in under else node) for name, node in own.fields),
            *((name, node) for name, node in default.fields if name not in named),
        )
    )
