"""What Front's fields mean, in our words: for hovers and completion in editors. A table, and nothing else.

By the name of a body or of one of its parts (`core/operations/bodies.py`), then by field. The rules are those of Front's
Channel API reference; what a field may hold is checked by the bodies themselves.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_CALL: Final = {
    "external_call_id": "The platform's id of this leg of the call. Later operations name it under path.",
    "initial_status": "ringing: it rings at somebody. queued: it waits in a queue.",
    "started_at": "When it began, in MILLISECONDS since 1970. An event's time stands here as it is.",
    "parent_external_call_id": "Joins the legs of a transferred call: the first leg's id, in the first leg too.",
    "agent_email_address": "Front's teammate concerned, by e-mail address.",
}
_MESSAGE: Final = {
    "subject": "Subject, for channels that have one.",
    "body": "The text. Front reads it as HTML: put html_escape(...) around plain text.",
    "metadata": "How Front recognises the message and threads it.",
    "delivered_at": "When it was sent, in whole SECONDS since 1970: '${to_seconds(value.occurred_at)}'.",
    "attachments": "Files, each with content (bytes), name and content_type. The request then becomes a form.",
}
_TEMPLATE: Final = {
    "name": "The provider's name of the template.",
    "blurb": "A short preview as plain text.",
    "is_disabled": "true: the template cannot be used.",
    "status_name": "PENDING, APPROVED or REJECTED.",
    "variable_mappings": "The gaps in the text; may be empty.",
    "template_preview": "The text as HTML with inline styles; gaps appear as {{1}}.",
}

FIELDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "MessageParty": {
            "handle": "Address, number or id of the person. A phone number needs + and country code.",
            "name": "Name to show.",
            "email": "E-mail address; Front joins contacts by it.",
        },
        "Metadata": {
            "external_id": "The platform's id of the message, at most 200 characters; sent twice, it is shown once. "
            "Left out: '${record_id}'.",
            "external_conversation_id": "What all messages of a conversation share, at most 200 characters.",
            "referenced_message_external_id": "The external_id of the message that this one answers.",
        },
        "InboundMessage": {"sender": "Who wrote it: somebody outside the company.", **_MESSAGE},
        "OutboundMessage": {
            "sender_name": "Name that is shown as the sender's.",
            "to": "Recipients; at least one.",
            "author_id": "Front's teammate who wrote it (tea_…).",
            **_MESSAGE,
        },
        "UpdateExternalMessageStatus": {
            "status": "failed is the only status that Front knows; it opens the conversation again.",
            "reason": "Users see it: the platform's words for people, no codes or traces.",
        },
        "Attachment": {
            "content": "The file's bytes; if there are none, its url counts.",
            "url": "Where the file lies: https, on a host that the configuration lists.",
            "name": "File name with its ending; with a url it may be left out.",
            "content_type": "MIME type, such as image/jpeg; left out, the first bytes tell it.",
        },
        "CallParty": {
            "handle": "Number or address of the other end. A phone number needs + and country code.",
            "name": "Name to show.",
        },
        "CreateCallInbound": {
            "direction": "inbound: somebody calls the channel.",
            "from": "Who calls.",
            **_CALL,
        },
        "CreateCallOutbound": {
            "direction": "outbound: the channel calls somebody.",
            "to": "Who is called.",
            **_CALL,
        },
        "UpdateCall": {
            "call_status": "The state it is in now. hangup ends a conversation, missed and abandoned a call that nobody took "
            "(abandoned: the caller gave up), transferred ends this leg.",
            "occurred_at": "When it happened, in MILLISECONDS since 1970; always give it.",
            "agent_email_address": _CALL["agent_email_address"],
        },
        "AddCallRecording": {
            "recording_type": "call: the conversation. voicemail: what the caller left.",
            "attachments": "Exactly one file whose content_type is audio/….",
        },
        "AddCallSummary": {"content": "Plain text, not empty."},
        "TranscriptLine": {
            "speaker_name": "Who speaks; Front wants a name, so give a word such as Caller where it is not known.",
            "content": "What was said.",
            "start_time_seconds": "SECONDS from the start of the call, with fractions: '${double(s.offset_ms) / 1000.0}'.",
            "speaker_type": "internal: somebody of the company, or a machine of it. external: the other side.",
        },
        "AddCallTranscript": {
            "lines": "The whole transcript in order; at least one line. Front cannot add to one."
        },
        "UpdateChannel": {"status": "How the line is: ok or offline."},
        "VariableMapping": {
            "uid": "Must lead back to the gap's position, as body-1 does.",
            "name": "What people call it.",
            "type": "text, file, image or video.",
        },
        "ApplicationMessageTemplate": {"external_id": "The provider's id of the template.", **_TEMPLATE},
        "ApplicationMessageTemplateEditBlob": _TEMPLATE,
    }
)

FILLED_IN: Final[Mapping[str, frozenset[str]]] = MappingProxyType({"Metadata": frozenset({"external_id"})})
"""What Front requires, and the connector fills in where it is left out (`core/operations/message_ids.py`)."""

PATH_IDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "external_call_id": "The call's id, as create-call named it.",
        "conv_ext_id": "The conversation's id: metadata.external_conversation_id of its messages.",
        "message_ext_id": "The message's id: metadata.external_id when it was sent to Front.",
        "external_id": "The template's id, as it was imported.",
    }
)

OPERATION_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "update-channel": "Show how a channel is.",
        "sync-application-message-template": "Import a message template, or replace it whole.",
        "update-application-message-template": "Change what is named of a template.",
        "create-call": "A call, or a leg of one, begins.",
        "update-call": "A call comes into another state.",
        "add-call-recording": "Add the recording of a call.",
        "add-call-summary": "Add the summary of a call.",
        "add-call-transcript": "Add the transcript of a call.",
        "update-external-message-status": "Mark a message as failed.",
        "sync-inbound-message": "Import a message from somebody outside.",
        "sync-outbound-message": "Import a message that was sent elsewhere; Front sends nothing.",
    }
)
