"""Drafts and what expressions see: the parts of mapping that rules and Python mappers share."""

from connector.core.mapping import Plan
from connector.core.mapping.requests import Draft, boundary, headers_of, plan
from connector.core.operations import OPERATIONS
from connector.core.records import Channel, Epoch, Record
from tests.support.requests import AUDIO, INBOUND

CHANNEL = Channel("cha_7", "cha_7", "acme", "support")


def record(*headers: tuple[str, bytes | None], offset: int = 42) -> Record:
    return Record(topic="calls", partition=3, offset=offset, epoch=Epoch(1), value=b"x", headers=headers)


def content_types(given: Record) -> list[str | None]:
    """Of a message with a file, sent twice for one record."""
    draft = Draft(
        operation=OPERATIONS["sync-inbound-message"],
        channel=CHANNEL,
        params={},
        body={**INBOUND, "attachments": [AUDIO]},
        place="",
    )
    made = plan([draft, draft], given, "rule", None)
    assert isinstance(made, Plan)
    return [request.http.content_type for request in made.requests]


def test_each_request_of_a_record_has_a_boundary_that_a_repeat_has_again() -> None:
    """The same bytes for the same request, others for the next one and for the next record."""
    first = content_types(record())
    assert first == [f"multipart/form-data; boundary={boundary(record(), index)}" for index in range(2)]
    assert first == content_types(record())
    assert len({*first, *content_types(record(offset=43))}) == 4


def test_headers_that_are_no_text_are_left_out_and_do_not_hide_those_behind_them() -> None:
    """Null and other bytes than UTF-8; of one name the last text counts."""
    given = record(("a", b"1"), ("null", None), ("b", b"2"), ("raw", b"\xff"), ("a", b"3"), ("a", b"\xff"))
    assert headers_of(given) == {"a": "3", "b": "2"}
