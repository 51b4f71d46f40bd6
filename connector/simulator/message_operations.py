"""What messages and their status do here: operations 9 to 11 of Front's list, and the look-up of one by its uid.

The look-up is the Core API's; of a message it shows what a client needs to see that it is there.
"""

from typing import Any, Literal

from connector.simulator.accepted import Message, packed
from connector.simulator.replies import Reply, as_json, bad_request, error, not_found
from connector.simulator.request import Job

_BY_UID = "alt:uid:"
_BY_ID = "msg_"


def sync_message(job: Job) -> Reply:
    """A message of either direction: 202 at once, known to look-up and status when it is processed."""
    entry, fields = job.entry, job.fields
    metadata = fields.get("metadata")
    if metadata is None:
        entry.remark = "nothing to store"
        return _taken(job.accepted.new_uid(job.switches.seed))
    external_id = metadata["external_id"]
    known = job.inbox.messages.get(external_id)
    referenced = metadata.get("referenced_message_external_id")
    linked = None if referenced is None else referenced in job.inbox.messages
    if linked is False and job.switches.unknown_reference == "reject":
        entry.remark = "unknown reference"
        return bad_request(["body.metadata.referenced_message_external_id: not found"])
    if known is not None and job.switches.dedupe != "off":
        entry.remark = "duplicate dropped"
        same = job.switches.dedupe == "same_uid"
        return _taken(known.uid if same else job.accepted.new_uid(job.switches.seed))
    inbound = job.found.route.operation == "sync-inbound-message"
    direction: Literal["inbound", "outbound"] = "inbound" if inbound else "outbound"
    message = Message(
        stamp=job.stamp,
        ready_at=job.ready_at,
        direction=direction,
        uid=job.accepted.new_uid(job.switches.seed),
        external_id=external_id,
        conversation_id=metadata["external_conversation_id"],
        packed=packed(fields),
        files=job.good.files,
        linked=linked,
    )
    job.accepted.add_message(job.channel_id, message)
    entry.stored = True
    job.accepted.changed(job.channel_id, message)
    return _taken(message.uid)


def _taken(uid: str) -> Reply:
    return as_json(202, {"status": "accepted", "message_uid": uid})


def fail_message(job: Job) -> Reply:
    """Mark an outbound message as failed."""
    entry = job.entry
    _, conversation_id, external_id = job.found.ids
    message = job.inbox.message(conversation_id, external_id)
    if message is None or message.ready_at > job.now:
        entry.remark = "unknown message" if message is None else "message not processed yet"
        return Reply(204) if job.switches.status_on_unknown_message == "204" else not_found("Message")
    if message.direction == "inbound":
        entry.remark = "status of an inbound message"
        return error(400, "Bad request", "Only an outbound message has a status.")
    job.inbox.fail_message(message, job.fields.get("reason"), job.stamp)
    entry.stored = True
    job.accepted.changed(job.channel_id, message)
    return Reply(204)


def uid_of(message_id: str) -> str | None:
    """The uid that a look-up's path names, as `alt:uid:...` or by the id that an earlier look-up showed."""
    for prefix in (_BY_UID, _BY_ID):
        if message_id.startswith(prefix):
            return message_id.removeprefix(prefix)
    return None


def looked_up(message: Message | None, now: float) -> Reply:
    """A processed message in the Core API's form, as far as this Front knows; else 404."""
    if message is None or message.ready_at > now:
        return not_found("Message")
    shown = message.shown()
    fields: dict[str, Any] = shown["fields"]
    content = {
        "id": f"{_BY_ID}{message.uid}",
        "type": "custom",
        "is_inbound": message.direction == "inbound",
        "created_at": fields.get("delivered_at", message.stamp.wall),
        "subject": fields.get("subject"),
        "body": fields["body"],
        "recipients": [
            {"handle": of["handle"], "role": role}
            for role, of in [
                *([("from", fields["sender"])] if "sender" in fields else []),
                *(("to", one) for one in fields.get("to", ())),
            ]
        ],
        "attachments": [
            {"filename": file.name, "content_type": file.content_type, "size": file.size}
            for file in message.files
        ],
        "metadata": {"external_id": message.external_id},
    }
    return as_json(200, content)
