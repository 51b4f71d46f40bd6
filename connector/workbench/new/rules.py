"""The first rules for each of Front's operations. What an operation needs stands in `calls.py` and `messages.py`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from connector.workbench.new.calls import add_recording, add_summary, add_transcript, create_call, update_call
from connector.workbench.new.directions import Direction, sides_of
from connector.workbench.new.guess import Guesser
from connector.workbench.new.messages import (
    inbound_message,
    message_status,
    outbound_message,
    template,
    template_change,
    update_channel,
)
from connector.workbench.new.parts import DraftRule, Entry, Parts, Source, channel_entry, rule_of

MESSAGE_DIRECTIONS: Final[Mapping[str, Direction]] = {
    "sync-inbound-message": "inbound",
    "sync-outbound-message": "outbound",
}


def rules_for(operation: str, source: Source) -> list[DraftRule]:
    """The rules of one operation, most often one."""
    if operation == "create-call":
        return create_call(source)
    guesser = Guesser(source.fields)
    side = None
    if (direction := MESSAGE_DIRECTIONS.get(operation)) is not None:
        sides = sides_of(source)
        side = next((each for each in sides if each.direction == direction), None)
        if side is not None:
            side.taken_by(guesser)
    channel = channel_entry(guesser, source)
    path, body = _MAKERS[operation](guesser, source)
    rule = rule_of(operation.replace("-", " "), operation, guesser, (channel, *_parts(path, body)))
    if side is None:
        return [rule]
    return [replace(rule, when=(side.condition,), todo=side.todo, direction=side.direction)]


def _parts(path: tuple[Entry, ...], body: tuple[Entry, ...]) -> tuple[Entry, ...]:
    ids = (Entry("path", path),) if path else ()
    return (*ids, Entry("body", body)) if body else ids


_MAKERS: Final[Mapping[str, Callable[[Guesser, Source], Parts]]] = {
    "update-channel": update_channel,
    "sync-application-message-template": template,
    "update-application-message-template": template_change,
    "update-call": update_call,
    "add-call-recording": add_recording,
    "add-call-summary": add_summary,
    "add-call-transcript": add_transcript,
    "update-external-message-status": message_status,
    "sync-inbound-message": inbound_message,
    "sync-outbound-message": outbound_message,
}
