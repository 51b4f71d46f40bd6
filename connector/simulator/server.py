"""Start and stop a simulator: inside an event loop, in a thread of its own, or as a program.

    async with Simulator() as front: ...      # in this event loop
    with running(world) as front: ...         # in a thread, from code that blocks
    run("127.0.0.1", 9200, world=path)        # until Ctrl-C

Everything listens on loopback unless told otherwise: the control routes ask for no token.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
from anyio.from_thread import start_blocking_portal
from uvicorn.protocols.http.h11_impl import H11Protocol

from connector.simulator.asgi import App
from connector.simulator.clock import Clock
from connector.simulator.faults import Fault
from connector.simulator.profiles import Settings
from connector.simulator.state import State
from connector.simulator.store import Store
from connector.simulator.switches import Switches
from connector.simulator.world import World, demo_world, load_world

_KEEP_ALIVE_S = 75
_BACKLOG = 2048


class ListenError(Exception):
    """The address cannot be listened on; the text says which and why."""


class _OneWrite:
    """A transport that sends what is written in one moment at once: an answer's head and body are one packet."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waiting = b""

    def write(self, data: bytes) -> None:
        if self._waiting:
            self._waiting += data
        else:
            self._waiting = data
            asyncio.get_running_loop().call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def write_eof(self) -> None:
        self._flush()
        self._transport.write_eof()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, b""
        if waiting:
            self._transport.write(waiting)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Protocol(H11Protocol):
    """Hands each request its transport, so that a fault can close the connection without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        one: Any = _OneWrite(transport)
        super().connection_made(one)
        self.app_state = {**self.app_state, "transport": one}


class Simulator:
    """A Front on a port. `state` may be read and changed from the same event loop; others use the control routes."""

    def __init__(
        self,
        world: World | None = None,
        switches: Switches | None = None,
        clock: Clock | None = None,
        *,
        faults: tuple[Fault, ...] = (),
        keep: Path | None = None,
    ) -> None:
        """Without a world: the demo world, open to any channel id `cha_...`.

        keep: a file that holds what it knows from run to run; a StoreError if it cannot. `close` lets go of it.
        """
        self.world = world if world is not None else demo_world()
        store = Store(keep) if keep is not None else None
        self.state = State(self.world, Settings(switches or Switches(), faults), clock or Clock(), store)
        self._let_go = self.state.close
        self._running: tuple[uvicorn.Server, App] | None = None
        self._base_url: str | None = None

    @property
    def base_url(self) -> str:
        """`http://host:port`, without a slash at the end. Only after `start`."""
        assert self._base_url is not None, "start() first"
        return self._base_url

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one. Raises ListenError."""
        assert self._running is None, "started already"
        listening = _listen(host, port)
        shown = f"[{host}]" if ":" in host else host
        self._base_url = f"http://{shown}:{listening.getsockname()[1]}"
        app = App(self.state)
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            date_header=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=5,
            backlog=_BACKLOG,
        )
        config.load()
        server = uvicorn.Server(config)
        # `serve()` would want a task and the process's signals; both belong to whoever embeds this.
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listening])
        self._running = (server, app)

    async def close(self) -> None:
        """Break every connection, stop listening, let go of files. Idempotent."""
        if self._running is None:
            self._let_go()
            return
        server, app = self._running
        self._running = None
        for connection in tuple(server.server_state.connections):
            transport: Any = connection.transport
            transport.abort()
        # One turn of the loop, so that the held requests wake to find their connections gone.
        await asyncio.sleep(0)
        app.close()
        await server.shutdown()
        self._let_go()

    async def __aenter__(self) -> "Simulator":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _listen(host: str, port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off only for sockets that say they are TCP, which those made by
    # socket.create_server do not: each answer would wait for a delayed acknowledgement, 40 ms.
    listening = socket.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except (OSError, OverflowError) as exc:
        listening.close()
        raise ListenError(f"cannot listen on {host} port {port}: {exc}; choose another port, or 0") from exc
    return listening


@contextmanager
def running(
    world: World | None = None,
    switches: Switches | None = None,
    clock: Clock | None = None,
    *,
    faults: tuple[Fault, ...] = (),
    keep: Path | None = None,
) -> Iterator[Simulator]:
    """A simulator in a thread with its own event loop, for code that blocks. Raises ListenError and StoreError."""
    simulator = Simulator(world, switches, clock, faults=faults, keep=keep)
    with start_blocking_portal() as portal:
        portal.call(simulator.start)
        try:
            yield simulator
        finally:
            portal.call(simulator.close)


async def serve(simulator: Simulator, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Run until SIGINT or SIGTERM; `announce` is told the base URL once it listens. Raises ListenError."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await simulator.start(host, port)
        announce(simulator.base_url)
        await stop.wait()
    finally:
        await simulator.close()


def run(
    host: str,
    port: int,
    world: Path | None = None,
    *,
    settings: Settings | None = None,
    keep: Path | None = None,
    announce: Callable[[str], None] = lambda _: None,
) -> None:
    """The verb `simulate`: block until SIGINT or SIGTERM. Raises WorldError, StoreError and ListenError."""
    loaded = load_world(world) if world is not None else None
    start = settings if settings is not None else Settings(Switches())
    asyncio.run(
        serve(Simulator(loaded, start.switches, faults=start.faults, keep=keep), host, port, announce)
    )
