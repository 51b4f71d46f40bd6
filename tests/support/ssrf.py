"""Attacks through a URL that is fetched, each with the sentence that refuses it: for the test, and for the page.

`python -m tests.support.ssrf` writes the table of docs/attachments.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "attachments.md"
BEGIN, END = "<!-- attacks, made by tests/support/ssrf.py -->\n", "<!-- end of attacks -->"

HOSTS: Final = ("files.example.com", "*.media.example.com")
"""Listed, over https only; besides, each attack's own."""

LISTED: Final = ": if it may be asked there, list its network in attachments.allow_private"
ODD: Final = "the URL's host is neither a plain name nor an address in its usual form"
LETTERS: Final = (
    "the URL holds a blank, a control character, a backslash or a letter outside ASCII: percent-encode it"
)
USER: Final = "the URL holds a user or password: give a host's credentials in attachments.hosts"
HTTPS: Final = "only https is fetched, and the URL does not begin with https://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One of them. `listed`: a host that the settings list too, as somebody might by mistake.

    `leads_to`: addresses of the name of the URL. `redirect`: where a listed host (start.example.com) sends us, which is
    what the URL answers then.
    """

    what: str
    url: str
    refused: str
    listed: str | None = None
    leads_to: Sequence[str] = ()
    redirect: bool = False


def _sentence(host: str, kind: str) -> str:
    may_be_listed = kind in ("a private address", "a loopback address")
    return f"{host} leads to {kind}{LISTED if may_be_listed else ''}"


def _leads(what: str, kind: str, *addresses: str) -> Attack:
    url = "https://files.example.com/a"
    return Attack(what=what, url=url, leads_to=addresses, refused=_sentence("files.example.com", kind))


def _literal(what: str, host: str, kind: str) -> Attack:
    return Attack(what=what, url=f"https://{host}/", listed=host, refused=_sentence(host, kind))


def _redirect(what: str, url: str, refused: str, **more: str) -> Attack:
    return Attack(what=what, url=url, refused=refused, redirect=True, **more)


CREDENTIALS: Final = "an address where clouds hand out credentials"

ATTACKS: Final = (
    Attack(
        what="a host that nobody listed",
        url="https://evil.example/",
        refused="evil.example is not listed in attachments.hosts",
    ),
    Attack(
        what="a listed name as the beginning of another",
        url="https://files.example.com.evil.example/",
        refused="files.example.com.evil.example is not listed in attachments.hosts",
    ),
    Attack(
        what="a listed pattern's end as the end of another name",
        url="https://evilmedia.example.com/",
        refused="evilmedia.example.com is not listed in attachments.hosts",
    ),
    Attack(
        what="another port of a listed host",
        url="https://files.example.com:22/",
        refused="files.example.com:22 is not listed in attachments.hosts",
    ),
    Attack(
        what="no TLS",
        url="http://files.example.com/a",
        refused="files.example.com is asked over https only: attachments.hosts says plain_text where http may be used",
    ),
    Attack(what="a file of this machine", url="file:///etc/passwd", refused=HTTPS),
    Attack(what="another protocol", url="gopher://files.example.com:6379/_FLUSHALL", refused=HTTPS),
    Attack(what="credentials", url="https://user:password@files.example.com/", refused=USER),
    Attack(
        what="a listed name as the user of another host",
        url="https://files.example.com@evil.example/",
        refused=USER,
    ),
    Attack(
        what="a backslash, which browsers take for a slash",
        url="https://evil.example\\.files.example.com/",
        refused=LETTERS,
    ),
    Attack(what="a backslash before an @", url="https://files.example.com\\@evil.example/", refused=LETTERS),
    Attack(what="a tab that parsers drop", url="https://files.exam\tple.com/", refused=LETTERS),
    Attack(
        what="a line break with a header behind it",
        url="https://files.example.com/ HTTP/1.1\r\nHost: evil.example\r\n",
        refused=LETTERS,
    ),
    Attack(
        what="letters that only look like a listed name", url="https://ⓕiles.example.com/", refused=LETTERS
    ),
    Attack(what="an address with full stops of another script", url="https://127。0。0。1/", refused=LETTERS),
    Attack(what="a percent sign in the name", url="https://files.example.com%00.evil.example/", refused=ODD),
    Attack(what="a dot at the end of the name", url="https://files.example.com./", refused=ODD),
    Attack(what="loopback as one number", url="https://2130706433/", refused=ODD),
    Attack(what="loopback in hexadecimal", url="https://0x7f000001/", refused=ODD),
    Attack(what="loopback in octal", url="https://0177.0.0.1/", refused=ODD),
    Attack(what="loopback, shortened", url="https://127.1/", refused=ODD),
    Attack(what="an address with a zone", url="https://[fe80::1%25eth0]/", refused=ODD),
    _literal("loopback, though listed", "127.0.0.2", "a loopback address"),
    _literal("this machine, though listed", "0.0.0.0", "an unspecified address"),
    _literal("loopback in IPv6, though listed", "[::1]", "a loopback address"),
    _literal("IPv4 in IPv6, though listed", "[::ffff:7f00:1]", "an IPv4-mapped address"),
    _literal(
        "loopback through NAT64, though listed", "[64:ff9b::7f00:1]", "the NAT64 form of a loopback address"
    ),
    _literal("loopback through 6to4, though listed", "[2002:7f00:1::]", "a 6to4 address"),
    _literal("a cloud's credentials, though listed", "169.254.169.254", CREDENTIALS),
    _literal("a cloud's credentials in IPv6, though listed", "[fd00:ec2::254]", CREDENTIALS),
    _leads("a listed name that leads into the network", "a private address", "10.0.0.5"),
    _leads("the same among public addresses", "a private address", "8.8.8.8", "192.168.1.1", "1.1.1.1"),
    _leads("a listed name that leads to a cloud's credentials", CREDENTIALS, "169.254.169.254"),
    _leads("a listed name that leads to a carrier's network", "a private address", "100.64.0.1"),
    _leads("a listed name that leads into the network in IPv6", "a private address", "fd12:3456::1"),
    _leads("a listed name with a link-local address", "a link-local address", "fe80::1"),
    _redirect(
        "a redirect to a cloud's credentials",
        "http://169.254.169.254/latest/meta-data/",
        "169.254.169.254 is not listed in attachments.hosts",
    ),
    _redirect(
        "the same, though listed",
        "https://169.254.169.254/",
        f"169.254.169.254 leads to {CREDENTIALS}",
        listed="169.254.169.254",
    ),
    _redirect(
        "a redirect without a scheme", "//evil.example/", "evil.example is not listed in attachments.hosts"
    ),
    _redirect("a redirect to a file of this machine", "file:///etc/passwd", HTTPS),
    _redirect("a redirect with credentials", "https://files.example.com@evil.example/", USER),
    _redirect(
        "a redirect to a listed name without TLS",
        "http://files.example.com/",
        "files.example.com is asked over https only: attachments.hosts says plain_text where http may be used",
    ),
)

START: Final = "start.example.com"


def sentence(attack: Attack) -> str:
    """What the answer says."""
    return f"a redirect of {START}: {attack.refused}" if attack.redirect else attack.refused


def table() -> str:
    """For the page."""
    rows = [f"| {attack.what} | `{_shown(attack)}` | {_abridged(sentence(attack))} |" for attack in ATTACKS]
    return "\n".join(["| attack | URL | refused with |", "|---|---|---|", *rows, ""])


def _shown(attack: Attack) -> str:
    url = attack.url.replace("\t", "\\t").replace("\r\n", "\\r\\n")
    return f"{url} = {', '.join(attack.leads_to)}" if attack.leads_to else url


def _abridged(text: str) -> str:
    return text.replace(LISTED, ": …")


def with_table(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
