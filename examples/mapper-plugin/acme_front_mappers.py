"""Acme's call notes -> one summary of the call at Front. Rules could not do it: the notes are merged by their author."""

from collections.abc import Iterator
from itertools import groupby

from connector.plugin import MapperInput, MapperRequest

front_connector_api = 1  # the version of `connector.plugin` that this was written for

LONGEST = 20_000


def notes_to_front(record: MapperInput) -> Iterator[MapperRequest]:
    """A summary with a paragraph for each author in turn. A call without notes gives no request: its record is skipped."""
    call = record.value
    paragraphs = [
        f"{author}: {' '.join(note['text'].strip() for note in notes)}"
        for author, notes in groupby(call["notes"], key=lambda note: note["author"])
    ]
    if paragraphs:
        yield MapperRequest(
            operation="add-call-summary",
            channel=record.channels[
                call["line_id"]
            ],  # an unknown line: KeyError, and the record is a dead letter
            path={"external_call_id": call["call_id"]},
            body={"content": "\n\n".join(paragraphs)[:LONGEST]},
        )
