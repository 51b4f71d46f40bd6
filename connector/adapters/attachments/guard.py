"""A URL's text -> where it leads, or why nothing is fetched from there. Reads text only; addresses are checked on connecting.

The text is parsed once, by yarl, and what was parsed is what is connected: no second reader can understand it differently.
What needs understanding (control characters, backslashes, credentials, other scripts, unusual addresses) is refused before.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from yarl import URL

from connector.adapters.attachments.addresses import refusal, refused_address
from connector.adapters.attachments.options import HostOptions, Network
from connector.config.host_patterns import Address, read_host, shown_host
from connector.core.files import NotAllowed

URL_CHARACTERS_MAX: Final = 8000
"""Servers take about 8 KiB of a request's first line, and RFC 9110 §4.1 asks for no more."""

_PORTS: Final = {"https": 443, "http": 80}
_PLAIN: Final = re.compile(r"[!-\[\]-~]+")
"""Visible ASCII without the backslash, which browsers take for a slash."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads, by its text alone."""

    url: URL = field(repr=False)
    scheme: str
    host: str | Address
    port: int

    @property
    def origin(self) -> tuple[str, str | Address, int]:
        """RFC 6454 §4: what credentials belong to."""
        return self.scheme, self.host, self.port

    @property
    def host_and_port(self) -> str:
        """As `files.example.com:443`."""
        return f"{shown_host(self.host)}:{self.port}"

    @property
    def shown(self) -> str:
        """For sentences: the port only if it is not the scheme's own."""
        return shown_host(self.host) if self.port == _PORTS[self.scheme] else self.host_and_port


@dataclass(frozen=True, slots=True)
class Target:
    """A place that may be asked, and the row of the settings that says so."""

    place: Place
    options: HostOptions

    @property
    def shown(self) -> str:
        """The host, and its port if that is unusual."""
        return self.place.shown


def read_url(text: str) -> Place | NotAllowed:
    """What a URL says, if it is one that everybody reads alike. The reason names no part of it."""
    if len(text) > URL_CHARACTERS_MAX:
        return NotAllowed(f"the URL is longer than {URL_CHARACTERS_MAX} characters")
    if not _PLAIN.fullmatch(text):
        return NotAllowed(
            "the URL holds a blank, a control character, a backslash or a letter outside ASCII: percent-encode it"
        )
    try:
        # `encoded`: a signature is over the bytes as they are.
        url = URL(text, encoded=True)
        authority, name, port = url.authority, url.raw_host, url.port
        _ = url.host  # decodes a name's xn-- form, or raises
    except (ValueError, IndexError):  # IndexError: yarl, of "https://[]@"
        return NotAllowed(_FORM)
    if url.scheme not in _PORTS:
        return NotAllowed("only https is fetched, and the URL does not begin with https://")
    if "@" in authority:
        return NotAllowed("the URL holds a user or password: give a host's credentials in attachments.hosts")
    if not name or not text[len(url.scheme) :].startswith("://"):
        return NotAllowed(_FORM)
    host = read_host(name)
    if host is None:
        return NotAllowed("the URL's host is neither a plain name nor an address in its usual form")
    if not port:
        return NotAllowed("the URL's port is not one from 1 to 65535")
    return Place(url, url.scheme, host, port)


_FORM: Final = "the URL is not of the form https://host/path"


@dataclass(frozen=True, slots=True)
class Guard:
    """Which places may be asked: the listed hosts, and of those given as addresses only what `addresses.py` lets pass."""

    hosts: tuple[HostOptions, ...]
    allow_private: Sequence[Network] = ()

    def admit(self, text: str) -> Target | NotAllowed:
        """Whether the URL may be fetched, as far as its text tells."""
        place = read_url(text)
        return place if isinstance(place, NotAllowed) else self._admitted(place)

    def admit_redirect(self, origin: Target, location: str) -> Target | NotAllowed:
        """The same for where a server sends us, which may be said relative to where we are."""
        begin = f"a redirect of {origin.shown}: "
        if not _PLAIN.fullmatch(location):
            return NotAllowed(begin + "its URL holds a character that URLs do not have")
        try:
            text = str(origin.place.url.join(URL(location, encoded=True)))
        except (ValueError, IndexError):
            return NotAllowed(begin + _FORM)
        found = self.admit(text)
        return NotAllowed(begin + found.why) if isinstance(found, NotAllowed) else found

    def _admitted(self, place: Place) -> Target | NotAllowed:
        if not self.hosts:
            return NotAllowed(
                f"nothing is fetched while attachments.hosts is empty: list {place.shown} there if it may be asked"
            )
        usual = _PORTS[place.scheme]
        listed = [row for row in self.hosts if row.pattern.matches(place.host, place.port, usual)]
        if not listed:
            return NotAllowed(f"{place.shown} is not listed in attachments.hosts")
        options = max(listed, key=lambda row: row.pattern.closeness)
        if place.scheme != "https" and not options.plain_text:
            return NotAllowed(
                f"{place.shown} is asked over https only: attachments.hosts says plain_text where http may be used"
            )
        if not isinstance(place.host, str):
            # Behind a proxy nobody else looks at it.
            kind = refusal(place.host, self.allow_private)
            if kind is not None:
                return NotAllowed(refused_address(place.shown, kind))
        return Target(place, options)
