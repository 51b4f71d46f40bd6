"""A message whose event has no id gets one: Front knows a repeat by nothing else. A step before `build`, and only for messages.

Not for calls: the events of a call name it by its id, and an id made of one of them would name no call that another one means.
"""

from collections.abc import Callable, Mapping
from typing import Final

from connector.core.operations import bodies
from connector.core.operations.table import Operation

_MESSAGES: Final = (bodies.InboundMessage, bodies.OutboundMessage)


def with_message_id(
    operation: Operation, body: Mapping[str, object], derived: Callable[[], str]
) -> Mapping[str, object]:
    """The body with `derived()` for a `metadata.external_id` that is absent, null or empty; else the body as it is."""
    metadata = body.get("metadata")
    if operation.body not in _MESSAGES or not isinstance(metadata, Mapping):
        return body
    if metadata.get("external_id") not in (None, ""):
        return body
    return {**body, "metadata": {**metadata, "external_id": derived()}}
