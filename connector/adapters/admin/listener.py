"""An HTTP listener inside the running event loop: a socket, uvicorn on it, and how long a client may take.

Never here: what is served. Both listeners are made of it: the pod's (`probes`) and the one on loopback (`desk`).
"""

import asyncio
import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

_CLOSE_WITHIN_S = 2
_CONNECTIONS_MAX = 64
_HEADERS_WITHIN_S = 10.0
"""From the connection, or from the end of the last answer, to the end of the next request's headers."""
_HEADERS_BYTES = 16 * 1024


class Listener:
    """Serves an application. `await start()`, `await close()` (idempotent)."""

    def __init__(
        self, application: ASGIApp, port: int, host: str, headers_within_s: float = _HEADERS_WITHIN_S
    ) -> None:
        self._application = application
        self._address = (host, port)
        self._headers_within_s = headers_within_s
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None

    @property
    def port(self) -> int:
        """The port listened on while started: the one asked for, or the one chosen when that was 0."""
        assert self._socket is not None, "the listener is not started"
        bound: int = self._socket.getsockname()[1]
        return bound

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken. The host `::` listens on IPv4 too."""
        assert self._server is None, "started twice"
        six = ":" in self._address[0]
        self._socket = socket.create_server(
            self._address,
            family=socket.AF_INET6 if six else socket.AF_INET,
            dualstack_ipv6=six and socket.has_dualstack_ipv6(),
        )
        config = uvicorn.Config(
            self._application,
            http=_protocol(self._headers_within_s),
            ws="none",
            loop="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS_MAX,
            timeout_graceful_shutdown=_CLOSE_WITHIN_S,
            h11_max_incomplete_event_size=_HEADERS_BYTES,
        )
        # `Server.serve` takes over the process's signals, starts up, ticks ten times a second and shuts down.
        # The signals are the app's, and the tick only renews a Date header: start and end are called from
        # here, and no task runs between them.
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[self._socket])
        self._server = server

    async def close(self) -> None:
        """Stop listening; answers under way get up to two seconds."""
        server, self._server = self._server, None
        if server is not None and self._socket is not None:
            await server.shutdown(sockets=[self._socket])
            self._socket = None


def _protocol(headers_within_s: float) -> type[H11Protocol]:
    """uvicorn's, with an end to waiting for headers: it knows one only between requests, and only until the first byte.

    Sixty-four connections that say nothing would otherwise answer every probe with 503, for as long as they like.
    """

    class Impatient(H11Protocol):
        _patience: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop_waiting()
            elif self._patience is None:
                self._wait()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self._stop_waiting()
            self._patience = self.loop.call_later(headers_within_s, self._end)

        def _stop_waiting(self) -> None:
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None

        def _end(self) -> None:
            self._patience = None
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()

    return Impatient
