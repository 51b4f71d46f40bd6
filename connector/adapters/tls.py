"""How adapters come by TLS contexts: they ask for one with each connection, and do not know whether its files are watched."""

import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

TlsContext: TypeAlias = Callable[[], ssl.SSLContext]
"""The context for a new connection. Raises ValueError with a sentence if it reads files that are no use."""
WatchTls: TypeAlias = Callable[[TlsContext, Sequence[Path]], TlsContext]
"""Makes a context now, and again whenever its files have changed. Raises what making it raises."""


def once(make: TlsContext, _files: Sequence[Path]) -> TlsContext:
    """A context for ever: for what ends soon."""
    context = make()
    return lambda: context
