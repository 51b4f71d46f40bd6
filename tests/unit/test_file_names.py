"""What fetched files are called: nothing in a name leads elsewhere, breaks a line, deceives or loses its ending."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.file_names import (
    NAME_CHARACTERS_MAX,
    choose,
    harmless,
    of_disposition,
    of_path,
    type_of,
    with_ending,
)

NAMES = [
    ("photo.jpg", "photo.jpg"),
    ("Übersicht März.pdf", "Übersicht März.pdf"),
    ("../../etc/passwd", "passwd"),
    ("..\\..\\boot.ini", "boot.ini"),
    ("C:\\Users\\me\\a.txt", "a.txt"),
    ("folder/", "folder"),
    ("..", None),
    ("", None),
    (" . ", None),
    ("???", None),
    ("line\nbreak\r\n.txt", "line break .txt"),
    ("nul\x00byte.txt", "nul byte.txt"),
    ("tab\there.txt", "tab here.txt"),
    ('say "hello".txt', "say 'hello'.txt"),
    ("a<b>c:d|e?f*g.txt", "a_b_c_d_e_f_g.txt"),
    ("invoice\u202efdp.exe", "invoicefdp.exe"),
    ("\u2066a\u2069\u200eb\u200fc\u061c.txt", "abc.txt"),
    ("a\u2028b\u2029c.txt", "a b c.txt"),
    ("zero\u200bwidth\ufeff.txt", "zerowidth.txt"),
    ("خانه\u200cها.pdf", "خانه\u200cها.pdf"),
    ("family \U0001f468\u200d\U0001f469.png", "family \U0001f468\u200d\U0001f469.png"),
    ("e\u0301t\u00e9.txt", "été.txt"),
    ("half\ud83d.txt", "half.txt"),
    (".htaccess", "htaccess"),
    ("trailing. .", "trailing"),
    ("CON", "_CON"),
    ("lpt1.txt", "_lpt1.txt"),
    ("com10.txt", "com10.txt"),
    ("x" * 300, "x" * 200),
    ("x" * 300 + ".mp3", "x" * 196 + ".mp3"),
    ("x" * 300 + "." + "y" * 30, "x" * 200),
    ("😀" * 300 + ".png", "😀" * 196 + ".png"),
]


@pytest.mark.parametrize(("given_name", "kept"), NAMES)
def test_a_name_becomes_harmless(given_name: str, kept: str | None) -> None:
    """Row by row."""
    assert harmless(given_name) == kept


@given(st.text(max_size=400))
def test_no_name_is_harmful(name: str) -> None:
    """Whatever is given; and what is harmless stays as it is."""
    kept = harmless(name)
    if kept is None:
        return
    assert 0 < len(kept) <= NAME_CHARACTERS_MAX
    assert not set('/\\"<>:|?*') & set(kept)
    assert not {unicodedata.category(letter) for letter in kept} & {"Cc", "Zl", "Zp", "Cs"}
    assert not {letter for letter in kept if unicodedata.category(letter) == "Cf"} - {"\u200c", "\u200d"}
    assert kept.strip(" .") == kept
    assert harmless(kept) == kept


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (None, None),
        ("", None),
        ("inline", None),
        ("attachment;;;=", None),
        ('attachment; filename="a.mp3"', "a.mp3"),
        ("attachment; filename=a.mp3", "a.mp3"),
        ('attachment; FILENAME="a;b.txt"; size=1', "a;b.txt"),
        ('attachment; filename="a\\"b.txt"', 'a"b.txt'),
        ("attachment; filename=\"plain.pdf\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.pdf", "naïve €.pdf"),
        ("attachment; filename*=utf-8'en'a%20b.pdf; filename=plain.pdf", "a b.pdf"),
        ("attachment; filename*=iso-8859-1''%a3.txt", "£.txt"),
        ("attachment; filename*=bogus''%ff.txt", "ÿ.txt"),
        ("attachment; filename*=UTF-8''%ff", "�"),
        ('attachment; filename="näive.txt"', "näive.txt"),
        ('attachment; filename="a\udcff.txt"', "a?.txt"),
        ('attachment; filename="ä\udcff.txt"', "ä?.txt"),
        ("attachment; filename*=idna''%ff", None),
        ("attachment; filename*=undefined''a", None),
    ],
)
def test_the_name_of_a_content_disposition_is_read(header: str | None, name: str | None) -> None:
    """RFC 6266: the extended form wins; what is broken gives a name or none, and never an exception."""
    assert of_disposition(header) == name


@given(st.text(alphabet=st.characters(exclude_characters="\r\n", codec=None), max_size=80))
def test_no_content_disposition_is_too_odd(rest: str) -> None:
    """Whatever a server sends."""
    name = of_disposition(f"attachment; filename{rest}")
    assert name is None or isinstance(name, str)


@pytest.mark.parametrize(
    ("said", "disposition", "path", "content_type", "name"),
    [
        ("mine.pdf", 'attachment; filename="theirs.pdf"', "/url.pdf", "application/pdf", "mine.pdf"),
        ("no ending", None, "/url.pdf", "application/pdf", "no ending"),
        ("..", 'attachment; filename="theirs.pdf"', "/url.pdf", "application/pdf", "theirs.pdf"),
        (None, 'attachment; filename="../theirs.pdf"', "/url.pdf", "application/pdf", "theirs.pdf"),
        (None, "inline", "/a/b%20c%2Fd.pdf", "application/pdf", "d.pdf"),
        (None, None, "/calls/RE100", "audio/mpeg", "RE100.mp3"),
        (None, None, "/v1.2/RE 100.", "audio/mpeg", "RE 100.mp3"),
        (None, None, "/", "image/jpeg", "file.jpg"),
        (None, None, "/%00%01", "application/octet-stream", "file.bin"),
        (None, None, "/a", "x-odd/type", "a"),
    ],
)
def test_the_best_name_wins(
    said: str | None, disposition: str | None, path: str, content_type: str, name: str
) -> None:
    """The record's, the server's, the URL's; what comes from a URL gets the ending of its type."""
    assert choose(said, disposition, path, content_type) == name


def test_an_ending_never_makes_a_name_too_long() -> None:
    """It is cut before it."""
    assert with_ending("x" * 200, "audio/mpeg") == "x" * 196 + ".mp3"


def test_a_path_may_hold_any_bytes() -> None:
    """What is no UTF-8 is replaced."""
    assert of_path("/a/%ff%fe.txt") == "\ufffd\ufffd.txt"
    assert of_path("/a/") is None


@pytest.mark.parametrize(
    "header",
    [
        "attachment; filename*=a; filename*0=b",
        "attachment; filename*0=b; filename*=a; filename*1*=c",
        "filename*=idna''x",
    ],
)
def test_a_header_that_contradicts_itself_names_nothing_or_something(header: str) -> None:
    """Whoever serves a file chooses it: no header may raise."""
    assert of_disposition(header) is None or isinstance(of_disposition(header), str)


@given(st.text(alphabet="filename*=0123;'\" utf-8%aÄ\ud83d", max_size=60))
def test_no_header_raises(tail: str) -> None:
    """The same, at random."""
    of_disposition(f"attachment; {tail}")


@pytest.mark.parametrize("name", ["//[x.mp4", "http://[a.mp3", "a.mp3", "A.MP3", "x", ""])
def test_no_name_raises_when_its_type_is_looked_up(name: str) -> None:
    """Some look like URLs, which Python's own look-up would read (and raise, from 3.13 on)."""
    assert type_of(name) == {"mp4": "video/mp4", "mp3": "audio/mpeg"}.get(name.rpartition(".")[2].lower())


def test_a_long_row_of_marks_takes_no_time() -> None:
    """Normalising it whole would take minutes for a megabyte; its ending stays."""
    name = harmless("\u0315\u0300" * 500_000 + ".pdf")
    assert name is not None
    assert name.endswith(".pdf")
    assert len(name) <= 200
