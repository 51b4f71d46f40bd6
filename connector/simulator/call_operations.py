"""What a call's creation, its states and its assets do here: operations 4 to 8 of Front's list.

Which state may follow which stands in `calls.py`.
"""

from typing import Literal

from connector.simulator.accepted import Asset, Call, CallState, packed
from connector.simulator.calls import allowed
from connector.simulator.replies import Reply, as_json, bad_request, not_found
from connector.simulator.request import Job
from connector.simulator.switches import Switches

_TAKEN = {
    "empty": Reply(202),
    "{}": as_json(202, {}),
    '{"status":"accepted"}': as_json(202, {"status": "accepted"}),
    "text": Reply(202, b"Accepted", b"text/plain; charset=utf-8"),
}


def _taken(switches: Switches) -> Reply:
    return _TAKEN[switches.call_202_body]


def create_call(job: Job) -> Reply:
    """A leg, in its first state."""
    entry, fields = job.entry, job.fields
    if "external_call_id" not in fields:
        entry.remark = "nothing to store"
        return _taken(job.switches)
    if fields["external_call_id"] in job.inbox.calls:
        entry.remark = "repeated call"
        if job.switches.repeat_call_create == "reject":
            return bad_request(["body.external_call_id: exists already"])
        return _taken(job.switches)
    stamp, status = job.stamp, fields["initial_status"]
    call = Call(stamp, job.ready_at, fields["external_call_id"], status, packed(fields))
    call.states.append(CallState(stamp, status, fields.get("started_at"), applied=True))
    return _kept(job, call)


def update_call(job: Job) -> Reply:
    """A state, or one that is ignored because it may not follow."""
    call = _known_call(job)
    if isinstance(call, Reply):
        return call
    entry, status = job.entry, job.fields.get("call_status")
    if status is None:
        entry.remark = "nothing to store"
        return _taken(job.switches)
    applied = allowed(call.status, status)
    if not applied:
        entry.remark = f"illegal transition {call.status} to {status}"
        if job.switches.illegal_transition == "reject":
            return bad_request([f"body.call_status: {status} cannot follow {call.status}"])
    else:
        call.status = status
    call.states.append(CallState(job.stamp, status, job.fields.get("occurred_at"), applied))
    return _kept(job, call, stored=applied)


def add_asset(job: Job) -> Reply:
    """A recording, a summary or a transcript: beside an earlier one, or in its place."""
    call = _known_call(job)
    if isinstance(call, Reply):
        return call
    if not job.fields:
        job.entry.remark = "nothing to store"
        return _taken(job.switches)
    kind = _KINDS[job.found.route.operation]
    files = job.good.files if kind == "recording" else ()
    if job.switches.repeat_asset == "replace":
        call.assets = [one for one in call.assets if one.kind != kind]
    call.assets.append(Asset(job.stamp, kind, packed(job.fields), files))
    return _kept(job, call)


_KINDS: dict[str, Literal["recording", "summary", "transcript"]] = {
    "add-call-recording": "recording",
    "add-call-summary": "summary",
    "add-call-transcript": "transcript",
}


def _kept(job: Job, call: Call, *, stored: bool = True) -> Reply:
    job.inbox.touch_call(call)
    job.entry.stored = stored
    job.accepted.changed(job.channel_id, call)
    return _taken(job.switches)


def _known_call(job: Job) -> Call | Reply:
    """The call of the path, once it is processed; else what is answered instead."""
    call = job.inbox.calls.get(job.found.ids[1])
    if call is not None and call.ready_at <= job.now:
        return call
    job.entry.remark = "unknown call" if call is None else "call not processed yet"
    return _taken(job.switches) if job.switches.unknown_call == "accept_drop" else not_found("Call")
