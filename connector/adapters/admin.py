"""The pod's own web page: /metrics for Prometheus, /livez and /readyz for the kubelet, /healthz for people.

Handlers read what is already known and ask nobody: a probe that called Kafka or Front would turn their outage
into a restart of ours. Nothing here changes anything; no request needs a body, a token or a path parameter.
"""

import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connector.core.status import BuildInfo, CircuitStatus, HoldStatus, Snapshot

_CLOSE_WITHIN_S = 2
_CONNECTIONS_MAX = 64


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A loop that must keep turning: the seconds since it last did, and how many are too many."""

    age_s: Callable[[], float]
    limit_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSources:
    """What the endpoints show. All are called on the event loop, once a request, and must not block.

    metrics: `Accept` header (or None) -> body and content type.
    heartbeats: by the name of the loop.
    """

    snapshot: Callable[[], Snapshot]
    metrics: Callable[[str | None], tuple[bytes, str]]
    build: BuildInfo
    heartbeats: Mapping[str, Heartbeat] = field(default_factory=dict)


class AdminServer:
    """Serves the endpoints inside the running event loop. `await start()`, `await close()` (idempotent)."""

    def __init__(self, sources: AdminSources, port: int, host: str = "0.0.0.0") -> None:  # noqa: S104
        self._sources = sources
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None

    @property
    def port(self) -> int:
        """The port listened on while started: the one asked for, or the one chosen when that was 0."""
        assert self._socket is not None, "the admin server is not started"
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
            application(self._sources),
            http="h11",
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


def application(sources: AdminSources) -> Starlette:
    """The endpoints as an ASGI application."""

    async def metrics(request: Request) -> Response:
        body, content_type = sources.metrics(request.headers.get("accept"))
        return Response(body, headers={"content-type": content_type})

    async def livez(_request: Request) -> Response:
        return _live(sources.heartbeats)

    async def readyz(_request: Request) -> Response:
        return _ready(sources.snapshot())

    async def healthz(_request: Request) -> Response:
        return _health(sources.snapshot(), sources.build)

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/healthz", healthz),
        ]
    )


def _live(heartbeats: Mapping[str, Heartbeat]) -> Response:
    """Live while each loop turns; no dependency is asked, for a restart would not mend one."""
    loops = {name: (beat.age_s(), beat.limit_s) for name, beat in heartbeats.items()}
    stale = [name for name, (age_s, limit_s) in loops.items() if age_s > limit_s]
    body = {
        "status": "stalled" if stale else "live",
        "stalled": stale,
        "loops": {
            name: {"age_s": round(age_s, 1), "limit_s": limit_s} for name, (age_s, limit_s) in loops.items()
        },
    }
    return JSONResponse(body, 503 if stale else 200)


def _ready(now: Snapshot) -> Response:
    """Ready per the state table; a hold or an open circuit of one app or channel degrades, because others flow."""
    word = "not_ready" if not now.ready else "degraded" if now.degraded else "ready"
    body = {
        "status": word,
        "state": now.state,
        "checks": _checks(now),
        "holds": [_hold(hold) for hold in now.holds],
        "circuits": [asdict(circuit) for circuit in _not_closed(now)],
    }
    return JSONResponse(body, 200 if now.ready else 503)


def _checks(now: Snapshot) -> list[dict[str, Any]]:
    polled = now.last_poll_wall is not None
    return [
        {"check": "state", "ok": now.ready, "detail": "; ".join(now.reasons) or now.state},
        {"check": "kafka", "ok": polled, "detail": "polled" if polled else "no poll has returned yet"},
        # An empty assignment is in order: with more replicas than partitions somebody has none.
        {"check": "assignment", "ok": True, "detail": f"{len(now.partitions)} partitions"},
        {"check": "holds", "ok": not now.holds, "detail": _held(now)},
        {"check": "circuits", "ok": not _not_closed(now), "detail": _failing(now)},
    ]


def _held(now: Snapshot) -> str:
    count = len(now.holds)
    return "nothing holds" if not count else "1 hold" if count == 1 else f"{count} holds"


def _not_closed(now: Snapshot) -> list[CircuitStatus]:
    return [circuit for circuit in now.circuits if circuit.state != "closed"]


def _failing(now: Snapshot) -> str:
    apps = ", ".join(f"{circuit.app} ({circuit.state})" for circuit in _not_closed(now))
    return f"Front does not answer, or fails, for app {apps}" if apps else "all closed"


def _hold(hold: HoldStatus) -> dict[str, Any]:
    return asdict(hold)


def _health(now: Snapshot, build: BuildInfo) -> Response:
    """Always 200 while it can be served: for people, never for probes."""
    body = {
        **{key: value for key, value in asdict(now).items() if key != "partitions"},
        "partitions": [{**asdict(p), "lag": p.lag} for p in now.partitions],
        "build": asdict(build),
    }
    return JSONResponse(body)
