"""Bodies of what may be changed here: small JSON objects, read strictly and in time.

Strictly: of one type, nothing twice, nothing that JSON does not know, no field too many. Whoever changes something in
production should get what was meant, or an error that says so. What was sent is never quoted.
"""

import asyncio
import json
from typing import Annotated, Any, Final, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictStr, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from connector.adapters.admin.guard import BODY_BYTES
from connector.adapters.admin.refusals import refusal
from connector.core.control import REASON_MAX, fit_to_show

WITHIN_S: Final = 5.0
T = TypeVar("T", bound="Body")


class Body(BaseModel):
    """What a body may hold: nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _shown(text: str) -> str:
    if not fit_to_show(text, REASON_MAX):
        raise ValueError
    return text


Reason = Annotated[StrictStr, AfterValidator(_shown)]
"""An operator's words, for the log and the status page."""
REASON_RULE: Final = f"one to {REASON_MAX} characters without control characters"


async def read_body(request: Request, model: type[T], shape: str, *, needed: bool = True) -> T | Response:
    """The body, or what is answered instead. `shape`: what it must be, in words. Not `needed`: none stands for `{}`."""
    try:
        async with asyncio.timeout(WITHIN_S):
            body = await _bytes(request)
    except TimeoutError:
        return refusal(408, f"The body did not come within {WITHIN_S:.0f} s.", close=True)
    except ClientDisconnect:
        return refusal(400, "The body broke off.", close=True)
    if body is None:
        return refusal(413, f"A body has at most {BODY_BYTES} bytes here.", close=True)
    if not body and not needed:
        return model()
    if not _is_json(request):
        return refusal(415, f"Content-Type must be application/json, with {shape}.", close=True)
    try:
        said = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
        return model.model_validate(said)
    except (ValidationError, ValueError, RecursionError):
        return refusal(400, f"The body must be {shape}.")


def _is_json(request: Request) -> bool:
    types = request.headers.getlist("content-type")
    return len(types) == 1 and types[0].partition(";")[0].strip().lower() == "application/json"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


def _no_constant(_name: str) -> NoReturn:
    raise ValueError


async def _bytes(request: Request) -> bytes | None:
    """None: it is longer than it may be; a chunked one does not say so before."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            return None
    return body
