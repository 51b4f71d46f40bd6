"""What an operator does to the running connector: pause and resume the whole group, settle one record of this process.

Each is a line `admin.action` of the log, also when it was refused by whoever had to carry it out.
Never here: what a pause or a settled record is (`pipeline`), how the others hear of it (`app.control`).
"""

from typing import Annotated, Final

from pydantic import Field, StrictInt, StrictStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connector.adapters.admin.bodies import REASON_RULE, Body, Reason, read_body
from connector.adapters.admin.refusals import refusal
from connector.adapters.admin.sources import AdminSources
from connector.core.skipping import Lettered, NotThisOne
from connector.ports import Acknowledged

NO_CONTROL: Final = (
    "No control topic is configured, so a pause would not reach the other processes, and one alone would keep its partitions. "
    "Set control.topic to a compacted topic; or scale the Deployment to 0 replicas: offsets stay where they are."
)
_PAUSE_SHAPE: Final = f'empty or {{"reason": "..."}}, {REASON_RULE}'
_SETTLE_SHAPE: Final = (
    f'{{"topic": "...", "partition": 0, "offset": 0, "reason": "..."}}, the reason {REASON_RULE}'
)
_REFUSED: Final = (
    "TOPIC_AUTHORIZATION_FAILED",
    "CLUSTER_AUTHORIZATION_FAILED",
    "UNKNOWN_TOPIC_OR_PART",
    "_UNKNOWN_TOPIC",
)
"""Nothing was written, for sure."""
_OFFSET_MAX: Final = 2**63 - 1


class _Pause(Body):
    reason: Reason | None = None


class _Settle(Body):
    topic: Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
    partition: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)]
    offset: Annotated[StrictInt, Field(ge=0, le=_OFFSET_MAX)]
    reason: Reason


async def pause(request: Request, sources: AdminSources, *, paused: bool) -> Response:
    """PUT of pause or resume: 202 once every process that lives, or starts later, will obey it."""
    if sources.pauses is None:
        return refusal(405, NO_CONTROL, allow="", close=True)
    body = await read_body(request, _Pause, _PAUSE_SHAPE, needed=False)
    if isinstance(body, Response):
        return body
    answer = await sources.pauses.say(paused=paused, reason=body.reason)
    action = "pause" if paused else "resume"
    if isinstance(answer, Acknowledged):
        sources.audit(action, reason=body.reason, outcome="acknowledged")
        return Response(status_code=202)
    sources.audit(action, reason=body.reason, outcome="not acknowledged", error_type=answer.code)
    effect = (
        "Nothing has changed."
        if answer.code in _REFUSED
        else "It may have taken effect all the same: look at /status, and ask again."
    )
    return refusal(503, f"Kafka did not acknowledge it ({answer.code}). {effect}")


async def settle(request: Request, sources: AdminSources) -> Response:
    """POST: 200 once the record's dead letter is acknowledged."""
    body = await read_body(request, _Settle, _SETTLE_SHAPE)
    if isinstance(body, Response):
        return body
    answer = await sources.settle(body.topic, body.partition, body.offset, body.reason)
    where = {"topic": body.topic, "partition": body.partition, "offset": body.offset}
    outcome = "dead_lettered" if isinstance(answer, Lettered) else "refused"
    sources.audit("settle", **where, reason=body.reason, outcome=outcome)
    match answer:
        case Lettered():
            letter = {"topic": sources.dead_letter_topic, "reason": "operator_skip"}
            return JSONResponse({**where, "outcome": "dead_lettered", "dead_letter": letter})
        case NotThisOne(why=why):
            status = 409
        case _:
            status, why = 503, answer.why
    return refusal(status, f"The record was not settled: {why}.")
