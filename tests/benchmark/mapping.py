"""What mapping costs: the shipped mapping files beside the same mapping written by hand in Python, for each kind of event.

    python -m tests.benchmark.mapping

Both end in the same requests, byte for byte (asserted), with the same checks of the body: what is compared is the rules and
expressions. The last column is mapping's share of a record's CPU but Kafka and HTTP, with the rest as `tests.benchmark.steps`
measures it for a received message.
"""

import asyncio
import gc
import html
import json
from collections.abc import Callable, Mapping
from typing import Any

from connector.adapters.telemetry import configure_logging
from connector.config import Loaded
from connector.core.decode import Decoded, ParsedSchema, SchemaId, parse_schema, read_avro
from connector.core.mapping import Input, Plan, TopicMapping
from connector.core.mapping.requests import boundary
from connector.core.operations import OPERATIONS, Request, build
from connector.core.records import Channel
from connector.resources import schemas_dir
from connector.workbench.samples import BadSample, read_sample
from tests.benchmark.steps import best, configured, pipeline, records
from tests.benchmark.throughput import TOPIC

ROUNDS_EACH = 200

Value = Mapping[str, Any]
Asked = tuple[str, dict[str, str], dict[str, Any]]
"""Operation, ids of the path, body."""


def present(**fields: Any) -> dict[str, Any]:
    """Without the fields that the event does not have."""
    return {name: value for name, value in fields.items() if value is not None}


STATES = {
    "ALERTING": "ringing", "QUEUED": "queued", "ANSWERED": "connected", "ON_HOLD": "hold", "RESUMED": "connected",
    "TRANSFERRED": "transferred", "COMPLETED": "hangup", "CALLER_GAVE_UP": "abandoned", "NO_ANSWER": "missed", "BUSY": "missed",
    "VOICEMAIL": "missed",
}  # fmt: skip
APPROVALS = {
    "SUBMITTED": "PENDING",
    "ACCEPTED": "APPROVED",
    "PAUSED": "APPROVED",
    "DECLINED": "REJECTED",
}
SPEAKERS = {"CUSTOMER": "Caller", "AGENT": "Agent", "BOT": "Voice menu"}
HEALTH = {"UP": "ok", "DEGRADED": "ok", "DOWN": "offline", "MAINTENANCE": "offline"}


def call_created(value: Value) -> list[Asked]:
    inbound = value["direction"] == "INCOMING"
    party = value["remote_party"]
    other = present(handle=party["number"], name=party.get("display_name"))
    body = present(
        external_call_id=value["call_id"],
        parent_external_call_id=value.get("original_call_id", value["call_id"]),
        initial_status="queued" if "queue" in value else "ringing",
        direction="inbound" if inbound else "outbound",
        started_at=value["occurred_at"],
        agent_email_address=value.get("agent", {}).get("email"),
    )
    return [("create-call", {}, {**body, "from" if inbound else "to": other})]


def call_updated(value: Value) -> list[Asked]:
    body = present(
        call_status=STATES[value["state"]],
        occurred_at=value["occurred_at"],
        agent_email_address=value.get("agent", {}).get("email"),
    )
    return [("update-call", {"external_call_id": value["call_id"]}, body)]


def call_summarized(value: Value) -> list[Asked]:
    items = value["action_items"]
    text = value["summary"] + "\n\nTo do:\n- " + "\n- ".join(items) if items else value["summary"]
    return [("add-call-summary", {"external_call_id": value["call_id"]}, {"content": text})]


def call_transcribed(value: Value) -> list[Asked]:
    lines = [
        {
            "speaker_name": each.get("speaker_name") or SPEAKERS[each["speaker"]],
            "content": each["text"],
            "start_time_seconds": each["offset_ms"] / 1000.0,
            "speaker_type": "external" if each["speaker"] == "CUSTOMER" else "internal",
        }
        for each in value["segments"]
        if each["text"]
    ]
    return [("add-call-transcript", {"external_call_id": value["call_id"]}, {"lines": lines})]


def call_recorded(value: Value) -> list[Asked]:
    audio = value["audio"]
    file = present(name=audio["name"], content_type=audio["content_type"], content=audio.get("content"))
    kind = "voicemail" if value["kind"] == "VOICEMAIL" else "call"
    body = {"recording_type": kind, "attachments": [file]}
    return [("add-call-recording", {"external_call_id": value["call_id"]}, body)]


def _message(value: Value) -> dict[str, Any]:
    is_html = value["text_format"] == "HTML"
    files = [
        present(
            name=each["name"],
            content_type=each["content_type"],
            content=each.get("content"),
            url=each.get("url"),
        )
        for each in value["attachments"]
    ]
    return present(
        subject=value.get("subject"),
        body=value["text"] if is_html else html.escape(value["text"]),
        delivered_at=value["occurred_at"] // 1000,
        metadata=present(
            external_id=value["message_id"],
            external_conversation_id=value["conversation_id"],
            referenced_message_external_id=value.get("in_reply_to"),
        ),
        attachments=files,
    )


def _party(each: Value) -> dict[str, Any]:
    return present(handle=each["address"], name=each.get("display_name"), email=each.get("email"))


def message_received(value: Value) -> list[Asked]:
    return [("sync-inbound-message", {}, {"sender": _party(value["sender"]), **_message(value)})]


def message_sent(value: Value) -> list[Asked]:
    body = present(
        sender_name=value.get("agent", {}).get("name"),
        to=[_party(each) for each in value["recipients"]],
        **_message(value),
    )
    asked: list[Asked] = [("sync-outbound-message", {}, body)]
    if "refusal" in value:
        asked.append(_failed(value, value["refusal"]))
    return asked


def message_failed(value: Value) -> list[Asked]:
    return [_failed(value, value["error"])]


def _failed(value: Value, error: Value) -> Asked:
    path = {"conv_ext_id": value["conversation_id"], "message_ext_id": value["message_id"]}
    reason = error.get("description") or f"Delivery failed ({error['code']})"
    return ("update-external-message-status", path, {"status": "failed", "reason": reason})


def channel_changed(value: Value) -> list[Asked]:
    return [("update-channel", {}, {"status": HEALTH[value["health"]]})]


BY_HAND: Mapping[str, tuple[str, Callable[[Value], list[Asked]]]] = {
    "CallCreated": ("telephony.calls.v1", call_created),
    "CallUpdated": ("telephony.calls.v1", call_updated),
    "CallSummarized": ("telephony.calls.v1", call_summarized),
    "CallTranscribed": ("telephony.calls.v1", call_transcribed),
    "CallRecordingReady": ("telephony.calls.v1", call_recorded),
    "MessageReceived": ("messaging.messages.v1", message_received),
    "MessageSent": ("messaging.messages.v1", message_sent),
    "MessageFailed": ("messaging.messages.v1", message_failed),
    "ChannelStatusChanged": ("messaging.channels.v1", channel_changed),
}
"""Event -> its topic and its mapping by hand. Templates need HTML taken out, which is our own function either way."""


def requests_of(
    asked: list[Asked], value: Value, taken: Input, channels: Mapping[str, Channel]
) -> tuple[Request, ...]:
    """Checked and encoded, as the mapping files' are."""
    channel = channels[value["line_id"]]
    built = []
    for index, (operation, path, body) in enumerate(asked):
        one = build(OPERATIONS[operation], channel, path, body, boundary(taken.record, index))
        assert isinstance(one, Request), one
        built.append(one)
    return tuple(built)


def example(name: str, topic: TopicMapping, line: str) -> Input:
    """The richest example of an event, on a line that the channels table has."""
    document = json.loads((schemas_dir() / "examples" / name / "full.json").read_text(encoding="utf-8"))
    document["value"]["line_id"] = line
    sample = read_sample(json.dumps(document), topic, schemas_dir())
    assert not isinstance(sample, BadSample), sample
    return sample


def main() -> None:
    """Measure and print."""
    configure_logging("info", "json", "benchmark")
    loaded = configured()
    line = next(iter(loaded.channels.rows))
    definition = json.loads((schemas_dir() / "avro" / "messaging" / "MessageReceived.avsc").read_text())
    schema = parse_schema(definition, SchemaId(1))
    assert isinstance(schema, ParsedSchema)
    gc.collect()
    gc.freeze()
    rows = {}
    for name, (topic_name, by_hand) in BY_HAND.items():
        topic = loaded.mappings.topics[topic_name]
        taken = example(name, topic, line)
        value: Any = taken.value
        plan = topic.map(taken)
        assert isinstance(plan, Plan), (name, plan)
        channels = {line: plan.requests[0].channel}
        assert requests_of(by_hand(value), value, taken, channels) == plan.requests, name
        asked = by_hand(value)
        again = [taken] * ROUNDS_EACH
        rows[name] = (
            best(topic.map, again),
            best(lambda one: requests_of(by_hand(one.value), one.value, one, channels), again),  # noqa: B023
            best(lambda one: requests_of(asked, one.value, one, channels), again),  # noqa: B023
        )
    rest = asyncio.run(pipeline(loaded, schema, records(schema))) - plain_message(loaded, schema)
    print(
        f"{'microseconds a record':24}{'files':>8}{'by hand':>9}{'checks, JSON':>14}{'expressions':>13}{'share':>8}"
    )
    for name, (files, hand, checks) in rows.items():
        print(
            f"{name:24}{files:8.1f}{hand:9.1f}{checks:14.1f}{files - checks:13.1f}{files / (rest + files):8.0%}"
        )
    print(f"{'a received message, but for its mapping, Kafka and HTTP':60}{rest:8.1f}")


def plain_message(loaded: Loaded, schema: ParsedSchema) -> float:
    """Microseconds of mapping one of the records that `steps.pipeline` is measured with."""
    inputs = []
    for record in records(schema):
        decoded = read_avro(memoryview(record.value or b"")[5:], schema)
        assert isinstance(decoded, Decoded)
        inputs.append(Input(record=record, value=decoded.value, key="", schema=schema))
    return best(loaded.mappings.topics[TOPIC].map, inputs)


if __name__ == "__main__":
    main()
