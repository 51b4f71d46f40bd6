"""The loopback listener's routes: Kafka Connect's REST API, the status page for people, and what operators may do.

On loopback only, whatever the configuration says: who is there came by exec or port-forward, and was let in by Kubernetes.
The whole group can be paused, a record of this process settled, a logger's level changed; whatever else would change
something is refused with the way that does it.
"""

import re
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from connector.adapters.admin import actions, connect, loggers
from connector.adapters.admin.document import document
from connector.adapters.admin.guard import Guard
from connector.adapters.admin.page import PAGE, POLICY
from connector.adapters.admin.refusals import elsewhere, refusal
from connector.adapters.admin.sources import AdminSources

LOOPBACK = "127.0.0.1"
"""Where the desk is served. No setting changes it."""


_USE = {
    "GET, HEAD": "Here it is only read: use GET.",
    "GET, HEAD, PUT": "Here it is only read, or its level is put: use GET or PUT.",
    "PUT": "This is done with PUT.",
    "POST": "This is done with POST.",
}


def desk(sources: AdminSources) -> ASGIApp:
    """The routes as an ASGI application, guarded."""
    made = Starlette(
        routes=[*_connect(sources), *_people(sources)],
        exception_handlers={HTTPException: _refused, Exception: _defect},
    )
    made.router.redirect_slashes = False
    return Guard(made)


def _connect(sources: AdminSources) -> list[Route]:
    def said(path: str, tell: Callable[[Request], Any]) -> Route:
        async def answer(request: Request) -> Response:
            if (elsewhere := _another(request, sources)) is not None:
                return elsewhere
            if request.path_params.get("task", str(connect.TASK)) != str(connect.TASK):
                return refusal(404, f"{sources.name} has one task here, {connect.TASK}: this process.")
            return JSONResponse(tell(request))

        return Route(path, answer, methods=["GET"])

    def does(path: str, *, paused: bool) -> Route:
        async def act(request: Request) -> Response:
            return _another(request, sources) or await actions.pause(request, sources, paused=paused)

        return Route(path, act, methods=["PUT"])

    async def health(_request: Request) -> Response:
        status, body = connect.health(sources.snapshot())
        return JSONResponse(body, status)

    one = "/connectors/{name}"
    return [
        said("/", lambda _: connect.worker(sources, sources.detail())),
        Route("/health", health, methods=["GET"]),
        said("/connector-plugins", lambda _: connect.plugins(sources)),
        said(
            "/connectors",
            lambda asked: connect.connectors(
                sources, sources.snapshot(), asked.query_params.getlist("expand")
            ),
        ),
        said(one, lambda _: connect.info(sources)),
        said(f"{one}/config", lambda _: connect.config(sources)),
        said(f"{one}/status", lambda _: connect.status(sources, sources.snapshot())),
        said(f"{one}/tasks", lambda _: connect.tasks(sources)),
        said(f"{one}/tasks/{{task}}/status", lambda _: connect.task_status(sources, sources.snapshot())),
        said(f"{one}/topics", lambda _: connect.topics(sources)),
        said(f"{one}/offsets", lambda _: connect.offsets(sources.snapshot())),
        does(f"{one}/pause", paused=True),
        does(f"{one}/resume", paused=False),
    ]


def _another(request: Request, sources: AdminSources) -> Response | None:
    """What is answered if another connector is asked for."""
    if request.path_params.get("name", sources.name) == sources.name:
        return None
    return refusal(404, f"There is one connector here, {sources.name}.")


def _people(sources: AdminSources) -> list[Route]:
    levels = sources.levels

    async def page(_request: Request) -> Response:
        return HTMLResponse(PAGE, headers={"content-security-policy": POLICY})

    async def twin(_request: Request) -> Response:
        return JSONResponse(document(sources))

    async def settle(request: Request) -> Response:
        return await actions.settle(request, sources)

    async def all_loggers(_request: Request) -> Response:
        return JSONResponse({name: loggers.shown(level) for name, level in levels.all.items()})

    async def logger(request: Request) -> Response:
        if request.method == "PUT":
            return await loggers.change(request, levels)
        level = levels.all.get(request.path_params["name"])
        return loggers.unknown(levels) if level is None else JSONResponse(loggers.shown(level))

    return [
        Route("/status", page, methods=["GET"]),
        Route("/status.json", twin, methods=["GET"]),
        Route("/admin/settle", settle, methods=["POST"]),
        Route("/admin/loggers", all_loggers, methods=["GET"]),
        Route("/admin/loggers/{name}", logger, methods=["GET", "PUT"]),
    ]


async def _refused(request: Request, error: Exception) -> Response:
    """No such route, or not with this method."""
    assert isinstance(error, HTTPException), "registered for nothing else"
    allow = ", ".join(sorted(re.findall(r"\w+", (error.headers or {}).get("Allow", ""))))
    entry = elsewhere(request.method, request.scope["path"])
    if entry is not None:
        return refusal(entry.status, entry.instead, allow=allow, close=True)
    if error.status_code == 405:
        return refusal(405, _USE[allow], allow=allow, close=True)
    return refusal(error.status_code, "There is nothing at this path; docs/admin.md lists what there is.")


async def _defect(_request: Request, _error: Exception) -> Response:
    """Starlette raises the error again behind this answer, and its place reaches the log; its text may quote data."""
    return refusal(500, "This answer failed; the log has the place (library.log).", close=True)
