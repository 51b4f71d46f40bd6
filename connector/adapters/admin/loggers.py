"""Levels of the loggers, read and changed as Kafka Connect's are (KIP-495): `/admin/loggers` and `/admin/loggers/{name}`.

Beyond Connect a change may be for a time (`ttl_seconds`). A change is of this process only.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, StrictInt, StrictStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connector.adapters.admin.bodies import Body, read_body
from connector.adapters.admin.refusals import refusal
from connector.adapters.admin.sources import Levels
from connector.core.status import LoggerLevel, LogLevel

_TTL_MAX_S: Final = 86_400
_LEVELS: Final[Mapping[str, LogLevel]] = {
    "DEBUG": "debug",
    "INFO": "info",
    "WARN": "warning",
    "WARNING": "warning",
    "ERROR": "error",
}
_SHOWN: Final[Mapping[LogLevel, str]] = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARN",
    "error": "ERROR",
}
_SHAPE: Final = f'{{"level": "DEBUG"}}, with "ttl_seconds" from 1 to {_TTL_MAX_S} if it is for a time'


class _Change(Body):
    level: StrictStr
    ttl_seconds: Annotated[StrictInt, Field(ge=1, le=_TTL_MAX_S)] | None = None


def shown(now: LoggerLevel) -> dict[str, object]:
    """A level as Connect gives it; `last_modified` in milliseconds, null while it is as configured."""
    changed = now.changed_wall
    return {
        "level": _SHOWN[now.level],
        "last_modified": None if changed is None else round(changed * 1000),
    }


async def change(request: Request, levels: Levels) -> Response:
    """PUT of one logger; answers with the names that changed, as Connect does."""
    name = request.path_params["name"]
    if name not in levels.all:
        return unknown(levels)
    if request.query_params.get("scope", "worker") != "worker":
        return refusal(400, "A change is of this process only: leave `scope` out, and ask each process.")
    wanted = await read_body(request, _Change, _SHAPE)
    if isinstance(wanted, Response):
        return wanted
    level = _LEVELS.get(wanted.level.upper())
    if level is None:
        return refusal(400, f"level must be one of {', '.join(_SHOWN.values())}.")
    levels.set(name, level, wanted.ttl_seconds)
    return JSONResponse([name])


def unknown(levels: Levels) -> Response:
    """No such logger, and which there are."""
    return refusal(404, f"There is no logger of this name; there are {', '.join(levels.all)}.")
