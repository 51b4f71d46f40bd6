"""Certificates that are configured, and when the first of each file ends: read again now and then, as they are renewed.

Whether one can be used is said by whoever uses it, at start; here a file that cannot be read is left out, and shown anew
once it can.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from connector.core.certificates import CertificateName, ends

LOOK_EVERY_S = 60.0
"""Between two looks; a few small reads, from where Secrets are mounted."""
OURS_AT_MOST = 20
"""A file of more certificates is a public collection, as a distribution ships it: one of a hundred always ends soon, and
nobody here can renew it."""
BYTES_AT_MOST = 1024 * 1024


class Certificates:
    """`sources`: files, or the PEM texts themselves, by the name that they are shown under."""

    def __init__(self, sources: Mapping[CertificateName, Path | str], monotonic: Callable[[], float]) -> None:
        self._sources = dict(sources)
        self._monotonic = monotonic
        self._ends: tuple[tuple[CertificateName, float], ...] = ()
        self._look_at: float | None = None

    def ends(self) -> tuple[tuple[CertificateName, float], ...]:
        """By name the earliest end of validity, Unix seconds; as of a minute ago at most."""
        now = self._monotonic()
        if self._look_at is None or now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            found = ((name, _earliest(source)) for name, source in self._sources.items())
            self._ends = tuple((name, end) for name, end in found if end is not None)
        return self._ends


def _earliest(source: Path | str) -> float | None:
    found = ends(_pem(source))
    return min(found, default=None) if len(found) <= OURS_AT_MOST else None


def _pem(source: Path | str) -> bytes:
    if isinstance(source, str):
        return source.encode()
    try:
        with source.open("rb") as file:
            return file.read(BYTES_AT_MOST)
    except OSError:  # also a folder of authorities, which librdkafka takes too
        return b""
