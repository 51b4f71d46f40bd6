"""The pod's own web page: /metrics for Prometheus, /livez and /readyz for the kubelet, /healthz for people.

Handlers read what is already known and ask nobody: a probe that called Kafka or Front would turn their outage
into a restart of ours. Nothing here changes anything; no request needs a body, a token or a path parameter.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connector.core.status import BuildInfo, CircuitStatus, HoldStatus, Snapshot


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A loop that must keep turning: the seconds since it last did, and how many are too many."""

    age_s: Callable[[], float]
    limit_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSources:
    """What the endpoints show. All are called on the event loop, once a request, and must not block.

    metrics: `Accept` header (or None) -> body and content type.
    heartbeats: by the name of the loop.
    """

    snapshot: Callable[[], Snapshot]
    metrics: Callable[[str | None], tuple[bytes, str]]
    build: BuildInfo
    heartbeats: Mapping[str, Heartbeat] = field(default_factory=dict)


def probes(sources: ProbeSources) -> Starlette:
    """The endpoints as an ASGI application, to be served on the pod's own address."""

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
