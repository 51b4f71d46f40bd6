"""By which names platforms call what Front wants, and which of their states are which of Front's. Tables, and nothing else.

A phrase is matched word by word with a field's path (`new_fields.words`), the earlier phrases count more; `^` before one: only
a field of the record itself.
"""

from collections.abc import Mapping
from typing import Final

Phrases = tuple[str, ...]

LINE: Final[Phrases] = (
    "line id", "inbox id", "channel id", "mailbox id", "phone number id", "line", "inbox", "channel", "mailbox",
    "line number", "our number", "business number", "company number", "page id", "did",
)  # fmt: skip
LINE_PERHAPS: Final[Phrases] = (
    "account id",
    "account",
    "tenant id",
    "customer account id",
    "source",
    "queue id",
    "queue",
)
CALL: Final[Phrases] = (
    "call id", "call leg id", "leg id", "call session id", "session id", "interaction id", "^call",
    "conversation id", "^id", "external id",
)  # fmt: skip
PARENT_CALL: Final[Phrases] = (
    "original call id", "parent call id", "first call id", "root call id", "master call id", "original leg id",
    "parent leg id", "parent id", "root id", "linked id", "linked call id", "global call id",
)  # fmt: skip
CONVERSATION: Final[Phrases] = (
    "conversation id", "thread id", "chat id", "room id", "ticket id", "session id", "conversation", "thread",
    "chat", "room", "ticket", "channel id", "dialog id", "case id",
)  # fmt: skip
MESSAGE: Final[Phrases] = (
    "message id", "sms id", "mms id", "email id", "^id", "external id", "event id", "^message",
)  # fmt: skip
REPLY: Final[Phrases] = (
    "in reply to", "reply to id", "reply to message id", "quoted message id", "parent message id", "reply to",
)  # fmt: skip
FROM: Final[Phrases] = (
    "from number", "caller number", "calling number", "from phone", "caller phone", "from", "caller",
    "caller id", "ani", "from address",
)  # fmt: skip
TO: Final[Phrases] = (
    "to number", "callee number", "called number", "dialed number", "destination number", "to phone", "to",
    "callee", "destination", "dnis", "to address",
)  # fmt: skip
PERSON: Final[Phrases] = (
    "other party number", "other number", "other phone", "other address", "remote address", "external address",
    "peer number", "peer address",
    "remote party number", "remote number", "customer number", "customer phone", "contact phone",
    "contact number", "party number", "external number", "phone number", "number", "phone", "customer address",
    "contact address", "remote party", "customer id", "contact id", "visitor id", "user id", "customer",
    "contact", "visitor", "address", "email",
)  # fmt: skip
SENDER: Final[Phrases] = (
    "sender address", "sender id", "sender number", "sender phone", "sender handle", "sender", "from address",
    "from number", "from id", "from phone", "from", "author id", "author",
)  # fmt: skip
RECIPIENTS: Final[Phrases] = (
    "recipients", "to", "recipient list", "to addresses", "to numbers", "receivers", "destinations",
)  # fmt: skip
RECIPIENT: Final[Phrases] = (
    "recipient address", "recipient number", "recipient id", "recipient phone", "recipient", "to address",
    "to number", "to id", "to", "receiver", "receiver id", "destination",
)  # fmt: skip
HANDLE: Final[Phrases] = ("address", "number", "phone", "phone number", "handle", "id", "email")
NAME: Final[Phrases] = (
    "display name", "full name", "name", "caller name", "from name", "sender name", "customer name",
    "contact name", "remote party name", "external name",
)  # fmt: skip
FIRST_NAME: Final[Phrases] = ("first name", "given name", "forename")
LAST_NAME: Final[Phrases] = ("last name", "family name", "surname")
NICKNAME: Final[Phrases] = ("nickname", "nick name", "nick", "alias")
EMAIL: Final[Phrases] = (
    "sender email", "customer email", "contact email", "from email", "email", "email address",
)  # fmt: skip
AGENT_EMAIL: Final[Phrases] = (
    "agent email", "agent email address", "operator email", "assignee email", "assigned to email",
    "answered by email", "user email",
)  # fmt: skip
AGENT_NAME: Final[Phrases] = ("agent name", "operator name", "sender name", "author name", "user name")
TIME: Final[Phrases] = (
    "occurred at", "event time", "event timestamp", "occurred", "timestamp", "time", "created at", "created",
    "created time", "date created", "sent at", "received at", "happened at", "date", "updated at", "epoch",
)  # fmt: skip
START: Final[Phrases] = (
    "started at",
    "start time",
    "started",
    "start timestamp",
    "initiated at",
    "call start",
    "begin time",
    "start",
    "begin",
    *TIME,
)
SENT: Final[Phrases] = ("delivered at", "sent at", "received at", "sent time", *TIME)
DIRECTION: Final[Phrases] = (
    "direction",
    "call direction",
    "message direction",
    "call type",
    "message type",
    "leg type",
    "^type",
    "^kind",
)
STATE: Final[Phrases] = (
    "call status", "call state", "state", "status", "new state", "new status", "event type", "event",
)  # fmt: skip
HEALTH: Final[Phrases] = (
    "health", "status", "state", "line status", "channel status", "connection state", "online", "is online",
    "connected", "active",
)  # fmt: skip
SUMMARY: Final[Phrases] = (
    "summary", "call summary", "content", "text", "notes", "note", "body", "description", "comment",
)  # fmt: skip
TEXT: Final[Phrases] = (
    "text", "body", "content", "message text", "message body", "message content", "html", "body html",
    "plain text", "message", "caption",
)  # fmt: skip
SUBJECT: Final[Phrases] = ("subject", "title")
REASON: Final[Phrases] = (
    "error description", "failure description", "error message", "failure reason", "error reason", "reason",
    "description", "error text", "error", "failure", "error code",
)  # fmt: skip
RECORDING_KIND: Final[Phrases] = ("recording type", "recording kind", "kind", "type")
FILE: Final[Phrases] = (
    "audio content", "audio data", "audio", "content", "data", "bytes", "file", "recording", "payload", "body",
)  # fmt: skip
FILE_NAME: Final[Phrases] = ("file name", "filename", "name", "audio name")
FILE_TYPE: Final[Phrases] = ("content type", "mime type", "media type", "mimetype", "audio type", "format")
FILE_URL: Final[Phrases] = ("recording url", "audio url", "media url", "download url", "url", "uri", "link")
LINES: Final[Phrases] = (
    "segments", "lines", "utterances", "transcript", "sentences", "turns", "entries", "phrases", "results",
)  # fmt: skip
LINE_TEXT: Final[Phrases] = ("text", "content", "transcript", "words", "sentence", "body", "utterance")
LINE_SPEAKER: Final[Phrases] = ("speaker name", "name", "participant name", "speaker", "participant")
LINE_SIDE: Final[Phrases] = (
    "speaker type", "speaker", "role", "side", "participant role", "channel", "party", "participant",
)  # fmt: skip
LINE_START: Final[Phrases] = (
    "start time", "start", "offset", "start offset", "begin", "from", "time", "start seconds",
)  # fmt: skip
TEMPLATE: Final[Phrases] = ("template id", "external id", "^id", "template name", "^name")
TEMPLATE_NAME: Final[Phrases] = ("name", "template name", "title", "label")
TEMPLATE_TEXT: Final[Phrases] = (
    "body html", "html", "preview", "template preview", "body", "content", "text", "blurb",
)  # fmt: skip
APPROVAL: Final[Phrases] = ("approval", "approval status", "status", "state", "review status")
DISABLED: Final[Phrases] = ("is disabled", "disabled", "is paused", "archived")
VARIABLES: Final[Phrases] = (
    "parameters", "variables", "variable mappings", "placeholders", "fields", "params",
)  # fmt: skip
WHAT_KIND: Final[Phrases] = (
    "event type", "event", "event name", "^type", "^kind", "^action", "^name", "status", "state",
)  # fmt: skip

INBOUND: Final = frozenset({"inbound", "incoming", "in", "received", "terminating", "receive"})
OUTBOUND: Final = frozenset(
    {"outbound", "outgoing", "out", "sent", "originating", "placed", "dial", "outbound-dial"}
)

CALL_STATUS: Final[Mapping[str, tuple[str, ...]]] = {
    "transferred": ("transferred", "transfer", "transferring", "forwarded", "redirected"),
    "abandoned": ("abandoned", "gave up", "cancelled", "canceled", "cancel"),
    "missed": (
        "missed", "no answer", "unanswered", "busy", "voicemail", "rejected", "declined", "failed", "timeout",
        "not answered",
    ),
    "hold": ("on hold", "hold", "held", "parked"),
    "connected": (
        "answered", "connected", "in progress", "active", "resumed", "talking", "bridged", "established",
        "unhold", "picked up", "retrieved", "accepted", "resume", "answer",
    ),
    "queued": ("queued", "waiting", "enqueued", "in queue", "queue"),
    "hangup": (
        "completed", "ended", "hangup", "hung up", "finished", "terminated", "disconnected", "released",
        "closed", "end", "complete",
    ),
    "ringing": ("ringing", "alerting", "ring", "offered", "initiated", "started", "created", "new"),
}  # fmt: skip
"""Front's state -> words of platforms. The earlier row counts first: NOT_ANSWERED is missed, though it was "answered"."""

HEALTH_STATUS: Final[Mapping[str, tuple[str, ...]]] = {
    "offline": (
        "down", "offline", "disconnected", "disabled", "inactive", "maintenance", "error", "failed",
        "suspended", "unavailable", "critical",
    ),
    "ok": (
        "up", "ok", "online", "connected", "active", "degraded", "healthy", "enabled", "running", "available",
        "warning",
    ),
}  # fmt: skip
APPROVAL_STATUS: Final[Mapping[str, tuple[str, ...]]] = {
    "REJECTED": ("rejected", "declined", "refused", "denied", "disabled", "deleted"),
    "PENDING": ("pending", "submitted", "in review", "review", "draft", "new"),
    "APPROVED": ("approved", "accepted", "active", "paused", "ok", "enabled"),
}  # fmt: skip
RECORDING_TYPE: Final[Mapping[str, tuple[str, ...]]] = {
    "voicemail": ("voicemail", "voice mail", "mailbox", "message"),
    "call": ("call", "conversation", "recording", "full", "normal"),
}  # fmt: skip
SPEAKER_TYPE: Final[Mapping[str, tuple[str, ...]]] = {
    "external": ("customer", "caller", "external", "client", "contact", "visitor", "user", "remote", "guest"),
    "internal": ("agent", "internal", "bot", "operator", "employee", "system", "assistant", "local", "ivr"),
}  # fmt: skip

NEUTRAL: Final = frozenset({"external", "platform", "provider", "current", "unique", "original", "own"})
"""Words before a name that leave it what it is: an externalMessageId is a message id."""
NO_PERSON: Final = frozenset({
    "topic", "queue", "file", "template", "channel", "line", "inbox", "company", "campaign", "tenant", "room", "group",
    "team", "product", "subject", "type", "status", "project", "tag", "list", "brand", "app", "service", "trunk", "country",
    "city", "host", "workflow", "flow", "department", "skill", "category", "organization", "organisation", "event",
})  # fmt: skip
"""Who has one of these in its name is nobody outside."""
OUR_SIDE: Final = frozenset({"agent", "operator", "assignee", "employee", "our", "internal"})
NO_MOMENT: Final = frozenset(
    {"duration", "timeout", "elapsed", "length", "offset", "interval", "ttl", "expires", "expiry"}
)
CALLING: Final = frozenset({"from", "caller", "calling", "sender", "author", "ani"})
CALLED: Final = frozenset({
    "to", "callee", "called", "dialed", "destination", "dnis", "recipient", "recipients", "receiver",
})  # fmt: skip

HINTS: Final[Mapping[str, frozenset[str]]] = {
    "update-channel": frozenset({"channel", "line", "health", "status"}),
    "sync-application-message-template": frozenset({"template", "synced", "created"}),
    "update-application-message-template": frozenset({"template", "changed", "updated"}),
    "create-call": frozenset({"call", "created", "started", "ringing", "new"}),
    "update-call": frozenset({"call", "updated", "changed", "state", "status"}),
    "add-call-recording": frozenset({"recording", "recorded", "audio", "voicemail"}),
    "add-call-summary": frozenset({"summary", "summarized", "note", "notes"}),
    "add-call-transcript": frozenset({"transcript", "transcribed", "transcription"}),
    "update-external-message-status": frozenset({"failed", "failure", "bounced", "undelivered", "status"}),
    "sync-inbound-message": frozenset({"received", "inbound", "incoming"}),
    "sync-outbound-message": frozenset({"sent", "outbound", "outgoing"}),
}
"""Words in the name of a schema that speak for an operation."""
