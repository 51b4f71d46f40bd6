"""TLS contexts that follow their files: certificates of authorities, our own certificate and its key. Never logs a content.

Contents are compared, as everywhere: the kubelet swaps a mounted Secret by a symbolic link. A change counts once it has stayed
for five seconds, as certificate and key may be written one after the other. What is of no use leaves the old context in use.
Whoever connects asks for the context each time; a connection that lives keeps the one that it was made with.
"""

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from connector.adapters.files import LOOK_EVERY_S, STAYS_S, content_digest
from connector.adapters.tls import TlsContext


class TlsObserver(Protocol):
    """Hears what happens to the files: each change once, not each look."""

    def tls_reloaded(self, paths: Sequence[str]) -> None:
        """They hold something else, used for connections from now on; or are of use again."""

    def tls_kept(self, paths: Sequence[str], why: str) -> None:
        """They became useless; what they held last stays in use."""


class TlsFiles:
    """Call it for the context as of at most fifteen seconds ago. A look blocks for small reads."""

    def __init__(
        self,
        make: TlsContext,
        paths: Sequence[Path],
        monotonic: Callable[[], float],
        observer: TlsObserver,
    ) -> None:
        """Raises ValueError if the files are no use at first. `monotonic` gives seconds."""
        self._make = make
        self._paths = paths
        self._monotonic = monotonic
        self._observer = observer
        self._in_use = self._seen = _digests(paths)
        self._looked_at = self._seen_at = monotonic()
        self._every_s: float = LOOK_EVERY_S
        self._problem: str | None = None
        self._context = make()

    def __call__(self) -> ssl.SSLContext:
        now = self._monotonic()
        if self._paths and now - self._looked_at >= self._every_s:
            self._looked_at, self._every_s = now, LOOK_EVERY_S
            self._look(now)
        return self._context

    def look_now(self) -> None:
        """Do not wait for the next look (SIGHUP)."""
        self._every_s = 0.0

    def _look(self, now: float) -> None:
        found = _digests(self._paths)
        if found != self._seen:
            self._seen, self._seen_at = found, now
        if found == self._in_use:
            if self._problem is not None:
                self._problem = None
                self._observer.tls_reloaded(self._names)
            return
        if now - self._seen_at < STAYS_S:
            self._every_s = STAYS_S
            return
        try:
            self._context = self._make()
        except ValueError as error:
            if str(error) != self._problem:
                self._problem = str(error)
                self._observer.tls_kept(self._names, str(error))
            return
        self._in_use, self._problem = found, None
        self._observer.tls_reloaded(self._names)

    @property
    def _names(self) -> Sequence[str]:
        return [str(path) for path in self._paths]


def _digests(paths: Sequence[Path]) -> tuple[bytes, ...]:
    return tuple(map(content_digest, paths))
