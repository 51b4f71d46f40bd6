"""Forms read back part by part, as the tools show and compare them: what was built is what is read."""

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest

from connector.core.operations import OPERATIONS, Request, build
from connector.workbench.forms import FileAtUrl, FileContent, is_form, parts_of
from tests.support.requests import CHANNEL, INBOUND


def made(attachments: Sequence[dict[str, Any]] = (), **fields: object) -> Request:
    body = {**INBOUND, **fields, **({"attachments": list(attachments)} if attachments else {})}
    built = build(OPERATIONS["sync-inbound-message"], CHANNEL, {}, body, "b")
    assert isinstance(built, Request), built
    return built


def file(name: str, content: bytes = b"%PDF", content_type: str = "application/pdf") -> dict[str, object]:
    return {"name": name, "content": content, "content_type": content_type}


def test_texts_come_before_files_each_in_the_order_sent() -> None:
    """A file is told by name, type, size and digest; of two with one name both are there."""
    contents = [b"one", b"", b"--b\r\n\x00\xff"]
    parts = list(parts_of(made([file("a.pdf", content) for content in contents], body="hi\r\nä ")))
    texts = {name: content for name, content in parts if isinstance(content, str)}
    assert (texts["body"], texts["sender[handle]"]) == ("hi\r\nä ", INBOUND["sender"]["handle"])
    assert parts[len(texts) :] == [
        (
            "attachments[]",
            FileContent("a.pdf", "application/pdf", len(content), hashlib.sha256(content).hexdigest()),
        )
        for content in contents
    ]


@pytest.mark.parametrize("name", ["ünvoice €.pdf", "a; b=c.pdf", "'.pdf", "ü" * 196 + ".pdf"])
def test_a_file_keeps_its_name(name: str) -> None:
    """Whatever its letters are."""
    *_, (_, content) = parts_of(made([file(name)]))
    assert isinstance(content, FileContent)
    assert content.name == name


def test_a_content_type_stands_as_it_was_sent() -> None:
    """With its parameters, in the letters that the mapping file chose."""
    *_, (_, content) = parts_of(made([file("a", content_type="Text/Plain; charset=utf-8")]))
    assert isinstance(content, FileContent)
    assert content.content_type == "Text/Plain; charset=utf-8"


def test_a_text_of_any_length_is_whole() -> None:
    """A message may be megabytes long."""
    text = "ä" * 2_000_000
    assert dict(parts_of(made([file("a")], body=text)))["body"] == text


def test_only_a_body_with_files_is_a_form() -> None:
    """Others are JSON, or there is none."""
    assert is_form(made([file("a")]))
    assert not is_form(made())


def test_a_file_at_a_url_stands_in_its_place() -> None:
    """Nothing is fetched: what the mapping says of it is shown, in the order of the files."""
    by_url = {"url": "https://files.example/a", "name": "b.pdf"}
    parts = list(parts_of(made([file("a.pdf"), by_url, file("c.pdf"), {"url": "https://files.example/d"}])))
    assert is_form(made([by_url]))
    kinds = [content for _, content in parts if not isinstance(content, str)]
    assert [type(kind).__name__ for kind in kinds] == ["FileContent", "FileAtUrl"] * 2
    assert kinds[1] == FileAtUrl("https://files.example/a", "b.pdf", None)
    assert kinds[3] == FileAtUrl("https://files.example/d", None, None)
