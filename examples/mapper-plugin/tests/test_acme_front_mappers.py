"""A mapper is a function: its tests need no Kafka and no Front."""

from acme_front_mappers import notes_to_front

from connector.plugin import MapperInput, MapperRequest

LINE = {"channel": "cha_1", "company": "acme", "app": "main"}


def taken(*notes: tuple[str, str]) -> MapperInput:
    """A record with these notes."""
    return MapperInput(
        value={
            "line_id": "line-1",
            "call_id": "c-1",
            "notes": [{"author": author, "text": text} for author, text in notes],
        },
        key=None,
        headers={},
        schema=None,
        topic="acme.notes.v1",
        partition=0,
        offset=0,
        timestamp=None,
        channels={"line-1": LINE},
    )


def test_notes_of_one_author_are_one_paragraph() -> None:
    """In the order in which they were written."""
    assert list(notes_to_front(taken(("Ann", "Asked for "), ("Ann", "a call."), ("Bo", "Called.")))) == [
        MapperRequest(
            operation="add-call-summary",
            channel=LINE,
            path={"external_call_id": "c-1"},
            body={"content": "Ann: Asked for a call.\n\nBo: Called."},
        )
    ]


def test_a_call_without_notes_is_skipped() -> None:
    """No request, no summary."""
    assert list(notes_to_front(taken())) == []
