"""A secret file's content: one line of text, or why not, without a letter of it."""

import pytest

from connector.core.secret_text import MAX_BYTES, NoSecret, SecretText, secret_text


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"hush", "hush"),
        (b"hush\n", "hush"),
        (b"hush\r\n", "hush"),
        (b" hush ", " hush "),
        ("grüß".encode(), "grüß"),
        (b"x" * MAX_BYTES, "x" * MAX_BYTES),
    ],
)
def test_one_line_is_the_secret_less_its_newline(raw: bytes, value: str) -> None:
    """Editors end a file with one; spaces may belong to the secret."""
    assert secret_text(raw) == SecretText(value)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"x" * (MAX_BYTES + 1), "is larger than 65536 bytes"),
        (b"hush\xff", "is not UTF-8 text"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\r\n", "is empty"),
        (b"hush\n\n", "holds a line break or another control character"),
        (b"hush\nhush\n", "holds a line break or another control character"),
        (b"hush\x00", "holds a line break or another control character"),
    ],
)
def test_what_holds_no_secret_says_why(raw: bytes, what: str) -> None:
    """As the end of a sentence about the file."""
    assert secret_text(raw) == NoSecret(what)


def test_a_pem_text_has_many_lines() -> None:
    """Still text, and still not empty."""
    assert secret_text(b"-----\nhush\n-----\n", many_lines=True) == SecretText("-----\nhush\n-----")
    assert secret_text(b"\n\n", many_lines=True) == NoSecret("is empty")
    assert "hush" not in repr(secret_text(b"hush"))
