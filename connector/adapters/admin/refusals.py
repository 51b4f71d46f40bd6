"""How a request is refused: Kafka Connect's error body, and for what would change something the way that does it here."""

import re
from dataclasses import dataclass
from typing import Final

from starlette.responses import JSONResponse, Response


def refusal(status: int, message: str, *, allow: str | None = None, close: bool = False) -> Response:
    """An answer in the shape of Connect's ErrorMessage. `close`: no further request on this connection."""
    headers = {"allow": allow} if allow is not None else {}
    if close:
        headers["connection"] = "close"
    return JSONResponse({"error_code": status, "message": message}, status, headers)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Something that Connect's API does and this one does not: methods and path, and what to do instead."""

    methods: tuple[str, ...]
    path: str
    instead: str
    status: int = 405


_CONNECTOR: Final = r"/connectors/[^/]+"
_STOP: Final = (
    "Processes of a group are not stopped from here: pause them (PUT .../pause), or scale the Deployment to 0 replicas; "
    "offsets stay where they are, and nothing is lost."
)
_CONFIGURE: Final = "The configuration is a file: change it, check it with `front-connector validate`, and roll the Deployment."
_ROLL: Final = "A rollout restarts every process in turn and drains it first: `kubectl rollout restart`."
_OFFSETS: Final = (
    "Offsets of a running group cannot be moved from outside: stop every process of the group, then use "
    "`kafka-consumer-groups --reset-offsets`."
)
_TOPICS: Final = "The topics are those of the mapping files: nothing is remembered that could be reset."
_VALIDATE: Final = "`front-connector validate --config FILE` names every problem with file, line and column."
_REMOVE: Final = (
    "A connector is removed with its release: `helm uninstall`. The group's offsets stay in Kafka."
)

ELSEWHERE: Final = (
    Elsewhere(("PUT", "POST"), rf"{_CONNECTOR}/stop", _STOP),
    Elsewhere(("PUT", "POST"), rf"{_CONNECTOR}(/tasks/[^/]+)?/restart", _ROLL),
    Elsewhere(("PUT",), rf"{_CONNECTOR}/topics/reset", _TOPICS),
    Elsewhere(("PUT", "PATCH", "DELETE", "POST"), rf"{_CONNECTOR}/offsets", _OFFSETS),
    Elsewhere(("PUT", "PATCH", "POST"), rf"{_CONNECTOR}/config", _CONFIGURE),
    Elsewhere(("PUT", "POST"), r"/connectors", _CONFIGURE),
    Elsewhere(("DELETE",), _CONNECTOR, _REMOVE),
    Elsewhere(("PUT", "POST"), r"/connector-plugins/[^/]+/config/validate", _VALIDATE),
)
"""Kafka 4's Connect REST API, less what is answered here."""


def elsewhere(method: str, path: str) -> Elsewhere | None:
    """The entry for a request, if it is one of these."""
    return next(
        (entry for entry in ELSEWHERE if method in entry.methods and re.fullmatch(entry.path, path)), None
    )
