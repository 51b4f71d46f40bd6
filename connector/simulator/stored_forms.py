"""Messages, calls and log entries as JSON for the store, and back. Forms alone: no file is touched here."""

import dataclasses
from typing import Any

from connector.simulator.accepted import Asset, Call, CallState, Message, Stamp
from connector.simulator.forms import File
from connector.simulator.request_log import Entry


def message_form(message: Message) -> dict[str, Any]:
    """Every field of a message."""
    return {
        "stamp": _pair(message.stamp),
        "ready_at": message.ready_at,
        "direction": message.direction,
        "uid": message.uid,
        "external_id": message.external_id,
        "conversation_id": message.conversation_id,
        "packed": message.packed.decode("ascii"),
        "files": [_file_form(file) for file in message.files],
        "failed": message.failed,
        "reason": message.reason,
        "failed_at": _pair(message.failed_at) if message.failed_at is not None else None,
        "linked": message.linked,
    }


def message_from(doc: dict[str, Any]) -> Message:
    """The inverse."""
    failed_at = doc["failed_at"]
    fields = {
        **doc,
        "stamp": Stamp(*doc["stamp"]),
        "packed": doc["packed"].encode("ascii"),
        "files": tuple(_file_from(file) for file in doc["files"]),
        "failed_at": Stamp(*failed_at) if failed_at is not None else None,
    }
    return Message(**fields)


def call_form(call: Call) -> dict[str, Any]:
    """A leg with all its states and assets."""
    return {
        "stamp": _pair(call.stamp),
        "ready_at": call.ready_at,
        "external_call_id": call.external_call_id,
        "status": call.status,
        "packed": call.packed.decode("ascii"),
        "states": [[*_pair(one.stamp), one.status, one.occurred_at, one.applied] for one in call.states],
        "assets": [
            [
                *_pair(one.stamp),
                one.kind,
                one.packed.decode("ascii"),
                [_file_form(file) for file in one.files],
            ]
            for one in call.assets
        ],
    }


def call_from(doc: dict[str, Any]) -> Call:
    """The inverse."""
    fields = {
        **doc,
        "stamp": Stamp(*doc["stamp"]),
        "packed": doc["packed"].encode("ascii"),
        "states": [
            CallState(Stamp(seq, wall), status, occurred_at, applied)
            for seq, wall, status, occurred_at, applied in doc["states"]
        ],
        "assets": [
            Asset(Stamp(seq, wall), kind, packed.encode("ascii"), tuple(_file_from(one) for one in files))
            for seq, wall, kind, packed, files in doc["assets"]
        ],
    }
    return Call(**fields)


def entry_form(entry: Entry) -> dict[str, Any]:
    """Every field of an entry of the raw log."""
    fields = {each.name: getattr(entry, each.name) for each in dataclasses.fields(entry)}
    sha256 = entry.body_sha256
    return {**fields, "body_sha256": sha256.hex() if sha256 is not None else None}


def entry_from(doc: dict[str, Any]) -> Entry:
    """The inverse."""
    sha256 = doc["body_sha256"]
    fields = {
        **doc,
        "body_sha256": bytes.fromhex(sha256) if sha256 is not None else None,
        **{name: tuple(doc[name]) for name in ("path_ids", "details", "dropped_keys")},
    }
    return Entry(**fields)


def _pair(stamp: Stamp) -> list[float]:
    return [stamp.seq, stamp.wall]


def _file_form(file: File) -> list[Any]:
    base, keys = file.keys
    return [base, list(keys), file.part, file.name, file.content_type, file.size, file.sha256.hex()]


def _file_from(doc: list[Any]) -> File:
    base, keys, part, name, content_type, size, sha256 = doc
    return File((base, tuple(keys)), part, name, content_type, size, bytes.fromhex(sha256))
