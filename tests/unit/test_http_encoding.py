"""Bodies as bytes, read back by a parser that shares no code with the encoder."""

import json

import pytest
from pydantic import BaseModel, Field

from connector.core.files import File
from connector.core.http_encoding import json_body, multipart_body
from tests.support.multipart import FilePart, read_form


class _Person(BaseModel):
    handle: str
    name: str | None = None


class _Body(BaseModel):
    sender: _Person | None = None
    to: tuple[_Person, ...] = ()
    flag: bool | None = None
    delivered_at: int | None = None
    body: str = ""


_PNG = File("a.png", "image/png", b"\x89PNG\r\n\x00\xff")


def test_json_is_compact_utf8_without_escapes_and_without_nulls() -> None:
    """A letter outside ASCII travels as itself; a field that is None does not travel."""
    encoded = json_body(_Body(sender=_Person(handle="Zoë"), body="🙂\n"))
    assert encoded.content == '{"sender":{"handle":"Zoë"},"to":[],"body":"🙂\\n"}'.encode()
    assert encoded.content_type == "application/json"


@pytest.mark.parametrize(
    "text", ["👩‍👩‍👧", "\u200fשלום", "a\r\nb\tc", "x" * 1_000_000, "\x00", "--b\r\n", "\u2028"]
)
def test_bad_09_text_survives_both_encodings(text: str) -> None:
    """Emoji, right-to-left text, line breaks and a megabyte come back as they went in."""
    body = _Body(body=text)
    assert json.loads(json_body(body).content)["body"] == text
    assert ("body", text) in read_form(*multipart_body(body, [_PNG], "attachments[]", "b0")).fields


def test_att_01_objects_become_brackets_and_lists_are_numbered() -> None:
    """The form uses Front's bracket names; every value is text; absent fields are left out."""
    body = _Body(
        sender=_Person(handle="s"),
        to=(_Person(handle="a", name="A"), _Person(handle="b")),
        flag=True,
        delivered_at=7,
    )
    form = read_form(*multipart_body(body, [_PNG, File("b", "text/plain", b"")], "attachments[]", "b0"))
    assert form.fields == [
        ("sender[handle]", "s"),
        ("to[0][handle]", "a"),
        ("to[0][name]", "A"),
        ("to[1][handle]", "b"),
        ("flag", "true"),
        ("delivered_at", "7"),
        ("body", ""),
    ]
    assert form.files == [
        FilePart("attachments[]", "a.png", "image/png", _PNG.content),
        FilePart("attachments[]", "b", "text/plain", b""),
    ]


def test_a_repeat_is_the_same_bytes() -> None:
    """Nothing random enters a form: the boundary is the caller's."""
    first, second = (multipart_body(_Body(body="x"), [_PNG], "attachments", "t-0-17") for _ in range(2))
    assert first == second
    assert first.content_type == "multipart/form-data; boundary=t-0-17"


@pytest.mark.parametrize("where", ["file", "text"])
def test_a_part_cannot_forge_further_parts(where: str) -> None:
    """A file or text that contains the boundary gets another boundary, the same one each time."""
    forged = '\r\n--t-0-17\r\nContent-Disposition: form-data; name="author_id"\r\n\r\ntea_other'
    body = _Body(body=forged if where == "text" else "")
    file = File("a", "text/plain", forged.encode() if where == "file" else b"")
    encoded = multipart_body(body, [file], "attachments[]", "t-0-17")
    form = read_form(*encoded)
    assert form.fields == [("body", body.body)]
    assert [part.content for part in form.files] == [file.content]
    assert encoded == multipart_body(body, [file], "attachments[]", "t-0-17")


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("attachments[]", ["attachments[]", "attachments[]"]),
        ("attachments", ["attachments", "attachments"]),
        ("attachments[0]", ["attachments[0]", "attachments[1]"]),
    ],
)
def test_files_have_the_name_that_is_configured(name: str, sent: list[str]) -> None:
    """Front's docs and samples say all three; the last one counts up."""
    form = read_form(*multipart_body(_Body(), [_PNG, _PNG], name, "b0"))
    assert [part.field for part in form.files] == sent


def test_a_quote_in_a_file_name_stays_inside_its_header() -> None:
    """A quotation mark is percent-encoded as browsers do (WHATWG HTML, multipart/form-data)."""
    content, _ = multipart_body(_Body(), [File('a"; name="body', "text/plain", b"")], "attachments[]", "b0")
    assert b'name="attachments[]"; filename="a%22; name=%22body"\r\n' in content


class _Aliased(BaseModel):
    from_: _Person = Field(alias="from")
    flags: tuple[bool, ...]


def test_att_01_a_form_has_the_contracts_names_and_both_truths() -> None:
    """A name that Python keeps for itself travels as Front calls it; false is a text as true is."""
    body = _Aliased.model_validate({"from": {"handle": "h"}, "flags": (True, False)})
    form = read_form(*multipart_body(body, [_PNG], "attachments[]", "b0"))
    assert form.fields == [("from[handle]", "h"), ("flags[0]", "true"), ("flags[1]", "false")]
