"""Bad records on a real broker: each has a clear outcome, keeps its bytes, and holds up nothing behind it.

One connector serves the module; a test that fails names what it sent. What Front or the registry refuses is in
`test_refused.py`.
"""

import json
import struct
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from connector import __version__
from connector.core.dead_letter import REASONS
from connector.demo.estate import SECRET
from connector.resources import schemas_dir
from tests.kafka.conftest import CALLS, MESSAGE, MESSAGES, VOICE, Connector, Site, Topic, message
from tests.kafka.letters import CONNECT, FRONT, headers, raw_headers, source
from tests.support.service import eventually
from tests.support.witness import AvroJson, produce_with_jvm

pytestmark = [pytest.mark.kafka, pytest.mark.registry, pytest.mark.timeout(120)]

CANARY = "canary-5d1c"
"""Stands in bodies, handles, subjects, names and keys; never in a log, a metric or a header of ours."""

ABSENT_SCHEMA = 2_147_483_647
PARKED = json.dumps(
    {
        "type": "record",
        "name": "CallParked",
        "namespace": "telephony",
        "fields": [{"name": "call_id", "type": "string"}, {"name": "note", "type": "string"}],
    }
)
OWN_HEADERS = [("trace", b"\x00\xffabc"), ("trace", b"again"), ("empty", b"")]


@dataclass(frozen=True, slots=True)
class Running:
    """The module's connector and its topics, of one partition each."""

    connector: Connector
    messages: Topic
    calls: Topic


@pytest.fixture(scope="module")
def running(site: Site) -> Iterator[Running]:
    """The module's connector, consuming."""
    messages, calls = site.topic(), site.topic(CALLS)
    # What may not be logged may not be logged at any level.
    connector = site.connector(messages, calls, settings={"telemetry": {"log_level": "debug"}})
    connector.begin_and_join()
    yield Running(connector, messages, calls)
    assert connector.terminate() == 0


Bytes = Callable[[Site, Running], bytes]


@dataclass(frozen=True, slots=True)
class Bad:
    """A way to be wrong: the record's bytes, and what its dead letter says of it."""

    like: str
    value: Bytes
    reason: str
    says: str
    stage: str = "VALUE_CONVERTER"
    key: bytes | None = b"%s-key" % CANARY.encode()
    rule: str | None = None


def a_message(site: Site, running: Running, **fields: object) -> bytes:
    value = message(site.new_id("m"), **{**SPOKEN, **fields})
    return site.encode(running.messages, MESSAGE, value)


def an_update(site: Site, running: Running, **fields: object) -> bytes:
    head = {"event_id": "e", "occurred_at": 1, "line_id": VOICE.id, "call_id": site.new_id("call")}
    return site.encode(running.calls, "telephony.CallUpdated", {**head, "state": "ANSWERED", **fields})


def a_call_of_no_direction(site: Site, running: Running) -> bytes:
    head = {"event_id": "e", "occurred_at": 1, "line_id": VOICE.id, "call_id": site.new_id("call")}
    party = {"number": CANARY, "display_name": CANARY}
    return site.encode(
        running.calls, "telephony.CallCreated", {**head, "direction": "UNKNOWN", "remote_party": party}
    )


SPOKEN: Mapping[str, object] = {
    "text": f"{CANARY} says hello",
    "subject": f"{CANARY} subject",
    "sender": {
        "address": f"+1{CANARY}",
        "display_name": f"{CANARY} Doe",
        "email": f"{CANARY}@mail.example",
    },
}

BAD = {
    "a schema that does not exist": Bad(
        MESSAGES,
        lambda site, running: b"\0" + struct.pack(">i", ABSENT_SCHEMA) + a_message(site, running)[5:],
        "schema_missing",
        f"value: the registry has no schema id {ABSENT_SCHEMA}",
    ),
    "truncated Avro": Bad(
        MESSAGES,
        lambda site, running: a_message(site, running)[:-30],
        "decode_failed",
        "value: the body does not fit its schema MessageReceived (id ",
    ),
    "bytes left over": Bad(
        MESSAGES,
        lambda site, running: a_message(site, running) + b"xyz",
        "decode_failed",
        "value: 3 bytes are left over after reading MessageReceived",
    ),
    "not our framing": Bad(
        MESSAGES,
        lambda *_: json.dumps(SPOKEN).encode(),
        "decode_failed",
        "the first byte is not 0: the record was not written by a schema-registry serializer",
    ),
    "nothing but a null key": Bad(
        MESSAGES, lambda *_: b"", "decode_failed", "0 bytes are too few for the schema prefix", key=None
    ),
    "a key that is no text": Bad(
        MESSAGES,
        a_message,
        "decode_failed",
        "the key is not UTF-8 text; if it is not meant to be, say `key: {format: bytes}`",
        "KEY_CONVERTER",
        key=b"\xff\xfe" + CANARY.encode(),
    ),
    "no rule that holds": Bad(
        CALLS,
        a_call_of_no_direction,
        "no_rule",
        "holds for this record (its schema is CallCreated): add a rule, or `otherwise: skip` to the topic",
        "TRANSFORMATION",
    ),
    "an unknown record name": Bad(
        CALLS,
        lambda site, running: site.encode(running.calls, PARKED, {"call_id": "c", "note": CANARY}),
        "no_rule",
        "holds for this record (its schema is CallParked)",
        "TRANSFORMATION",
    ),
    "an expression that fails": Bad(
        CALLS,
        lambda site, running: an_update(site, running, state="UNKNOWN"),
        "mapping_failed",
        "rule 'call changed', body.call_status: ",
        "TRANSFORMATION",
        rule="call changed",
    ),
    "a line that is not in the channels table": Bad(
        MESSAGES,
        lambda site, running: a_message(site, running, line_id=f"{CANARY}-line"),
        "mapping_failed",
        "rule 'message received', channel: ",
        "TRANSFORMATION",
        rule="message received",
    ),
    "a request that Front would refuse": Bad(
        MESSAGES,
        lambda site, running: a_message(site, running, conversation_id=CANARY * 20),
        "request_invalid",
        "body.metadata.external_conversation_id",
        "TRANSFORMATION",
        rule="message received",
    ),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_dlq_01_a_bad_record_becomes_a_whole_dead_letter_and_what_lies_behind_it_flows(
    site: Site, running: Running, bad: Bad
) -> None:
    """Key, value and headers byte for byte, the reason in words; the record behind is accepted, the commit goes on."""
    topic = running.messages if bad.like == MESSAGES else running.calls
    value = bad.value(site, running)
    place = site.send(topic, value, key=bad.key, headers=OWN_HEADERS)
    behind = good(site, running, topic)

    letter = site.letters.of(place)
    assert (letter.key(), letter.value()) == (bad.key, value)
    assert raw_headers(letter)[:3] == OWN_HEADERS
    told = headers(letter)
    assert told[f"{FRONT}reason"] == bad.reason
    assert bad.says in told[f"{CONNECT}exception.message"]
    assert told[f"{CONNECT}stage"] == bad.stage
    assert told.get(f"{FRONT}mapping") == bad.rule
    _written_by_us(told, running.connector)
    site.wait_accepted(behind)
    site.wait_committed(running.connector, topic)


def test_bad_04_a_null_value_is_skipped_and_counted(site: Site, running: Running) -> None:
    """A tombstone sends nothing, is no dead letter, and the commit passes it."""
    topic = running.messages
    skipped = settled(running, topic, "skipped")
    place = site.send(topic, None, key=b"room-of-nobody")
    site.wait_committed(running.connector, topic)
    eventually(lambda: settled(running, topic, "skipped") == skipped + 1, 10, "the skip in the metrics")
    assert place not in [source(letter) for letter in site.letters.all()]


def test_dlq_01_what_front_refuses_carries_fronts_words_and_the_attempt(site: Site, running: Running) -> None:
    """Status, details, operation and the number of attempts; a token that Front echoes is taken out."""
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhcHAifQ.c2lnbmF0dXJl"
    details = ["body.sender.handle: unknown", f"Authorization: Bearer {token}"]
    body = {"_error": {"status": 400, "title": "Bad request", "message": "No", "details": details}}
    with site.faulty({"effect": "status", "status": 400, "body": body, "times": 1}):
        refused = message(site.new_id("m"), **SPOKEN)
        value = site.encode(running.messages, MESSAGE, refused)
        letter = site.letters.of(site.send(running.messages, value, key=CANARY.encode(), headers=OWN_HEADERS))
    assert (letter.key(), letter.value()) == (CANARY.encode(), value)
    assert raw_headers(letter)[:3] == OWN_HEADERS
    told = headers(letter)
    assert {
        name: told[FRONT + name] for name in ("reason", "http.status", "operation", "attempts", "mapping")
    } == {
        "reason": "front_rejected",
        "http.status": "400",
        "operation": "sync-inbound-message",
        "attempts": "1",
        "mapping": "message received",
    }
    assert told[f"{CONNECT}stage"] == "TASK_PUT"
    assert "body.sender.handle: unknown" in told[f"{FRONT}details"]
    assert token not in str(told)
    _written_by_us(told, running.connector)


def test_dlq_04_every_third_record_is_refused_and_the_others_are_accepted(site: Site) -> None:
    """15 records, 0, 3, 6, 9 and 12 answered 422: those five are dead letters, the ten others at Front, committed 15."""
    topic = site.topic()
    connector = site.connector(topic)
    run = uuid.uuid4().hex[:6]
    ids = [f"{run}-{number}" for number in range(15)]
    for one in ids:
        site.send(topic, site.encode(topic, MESSAGE, message(one)), key=one.encode())
    with site.faulty({"effect": "status", "status": 422, "external_id": f"^{run}-(0|3|6|9|12)$"}):
        connector.begin()
        site.wait_committed(connector, topic)
    refused = [source(letter).offset for letter in site.letters.all() if source(letter).topic == topic.name]
    assert sorted(refused) == [0, 3, 6, 9, 12]
    accepted = [row["external_id"] for row in site.requests(*ids) if row["accepted"]]
    assert sorted(accepted) == sorted(one for number, one in enumerate(ids) if number % 3)
    assert site.committed(connector.group)[topic.name, 0].offset == 15
    assert connector.terminate() == 0


def test_dlq_10_the_commit_passes_a_bad_record_that_is_the_last(site: Site, running: Running) -> None:
    """Four good records, then an undecodable one, then nothing: the committed offset reaches the end."""
    ids = [site.message(running.messages) for _ in range(4)]
    last = site.send(running.messages, b"no Avro")
    site.wait_accepted(*ids)
    site.letters.of(last)
    site.wait_committed(running.connector, running.messages)
    assert site.committed(running.connector.group)[running.messages.name, 0].offset == last.offset + 1


def test_a_record_of_5_mb_is_accepted_and_bad_ones_are_dead_lettered_whole(
    site: Site, running: Running
) -> None:
    """Size alone is no fault: what is passed on as it is may be large. What an expression must build has its bound."""
    text = CANARY + "x" * 5 * 2**20
    large = site.message(running.messages, text=text, text_format="HTML")
    unbuilt, cut = a_message(site, running, text=text), a_message(site, running, text=text)[:-1]
    escaped = site.letters.of(site.send(running.messages, unbuilt, key=b"large"))
    undecodable = site.letters.of(site.send(running.messages, cut, key=b"large"))
    assert (escaped.value(), undecodable.value()) == (unbuilt, cut)
    assert "body.body: the expression builds a result of more than 1048576 characters" in str(
        headers(escaped)
    )
    site.wait_accepted(large, good(site, running, running.messages))
    site.wait_committed(running.connector, running.messages)


def test_dlq_03_a_dead_letter_topic_that_is_too_small_holds_the_record_and_nothing_else(
    site: Site, running: Running
) -> None:
    """The hold is told in readiness; records of other keys flow; raised limits end it without a restart."""
    with site.letters.refused_above(1000):
        place = site.send(running.messages, b"x" * 3000, key=b"large")
        eventually(lambda: bool(holds(running)), 15, "the hold")
        assert holds(running) == [("dead_letter", "unwritable")]
        assert running.connector.ready()[0] == 200
        site.wait_accepted(good(site, running, running.messages))
        assert site.committed(running.connector.group)[running.messages.name, 0].offset <= place.offset
    assert site.letters.of(place).value() == b"x" * 3000
    site.wait_committed(running.connector, running.messages)
    eventually(lambda: not holds(running), 10, "the end of the hold")


@pytest.mark.kafka(java=True)
def test_what_a_java_platform_writes_is_accepted(site: Site, running: Running) -> None:
    """Records of Kafka's own client and Avro's own library, which share no code with ours or with our tests'."""
    text = (schemas_dir() / "avro" / "telephony" / "CallSummarized.avsc").read_text("utf-8")
    schema_id = int.from_bytes(_summary(site, running)[1:5], "big")
    call_id, event = site.new_id("call"), {"event_id": "e", "line_id": VOICE.id}
    party = {"number": "+12025550100", "display_name": None}
    site.call(running.calls, "CallCreated", call_id=call_id, direction="INCOMING", remote_party=party)
    value = {
        **event,
        "call_id": call_id,
        "occurred_at": 1_793_700_000_000,
        "summary": "They agreed on Friday — ✓",
    }
    fields = {field["name"] for field in json.loads(text)["fields"]}
    value |= {name: [] if name == "action_items" else None for name in fields - value.keys()}
    produce_with_jvm(site.kafka.bootstrap, running.calls.name, text, schema_id, [AvroJson(call_id, value)])
    eventually(
        lambda: [row["accepted"] for row in site.requests(call_id)] == [True, True], 20, "two requests"
    )
    (inbox,) = site.front.state.front.accepted.of(VOICE.channel, VOICE.company).calls[call_id].assets
    assert json.loads(inbox.packed)["content"] == "They agreed on Friday — ✓"


def test_dlq_07_no_content_of_a_record_and_no_secret_shows_anywhere(site: Site, running: Running) -> None:
    """Not in the log, the metrics, the probes' answers, the commits, or the headers that we add to dead letters."""
    sent = [
        site.send(
            running.messages if bad.like == MESSAGES else running.calls, bad.value(site, running), key=bad.key
        )
        for bad in BAD.values()
    ]
    with site.faulty(
        {"effect": "status", "status": 403, "times": 1}, {"effect": "status", "status": 503, "times": 1}
    ):
        site.wait_accepted(site.message(running.messages, **SPOKEN))
    letters = [site.letters.of(place) for place in sent]
    site.wait_committed(running.connector, running.messages, running.calls)

    pages = {path: running.connector.get(path).text for path in ("/metrics", "/readyz", "/livez", "/healthz")}
    metadata = [tp.metadata for tp in site.committed(running.connector.group).values()]
    told = [headers(letter) for letter in letters]
    log = running.connector.log.read_text()
    assert log.count('"record.dead_lettered"') >= len(sent)
    for shown in (log, *pages.values(), *metadata, str(told)):
        assert CANARY not in shown
        assert SECRET not in shown
        assert "eyJ" not in shown, "the beginning of every JWT"


def good(site: Site, running: Running, topic: Topic) -> str:
    """Write a good record to one of the module's topics; the id to wait for."""
    if topic is running.messages:
        return site.message(topic)
    call_id = site.new_id("call")
    party = {"number": "+12025550100", "display_name": None}
    site.call(topic, "CallCreated", call_id=call_id, direction="OUTGOING", remote_party=party)
    return call_id


def settled(running: Running, topic: Topic, outcome: str) -> float:
    return running.connector.metric(
        "front_connector_records_processed_total", topic=topic.name, outcome=outcome
    )


def holds(running: Running) -> list[tuple[str, str]]:
    return [(hold["scope"], hold["reason"]) for hold in running.connector.ready()[1]["holds"]]


def _summary(site: Site, running: Running) -> bytes:
    """A summary by confluent-kafka's serializer: registers the schema, whose id the JVM's producer needs."""
    value = {"event_id": "e", "occurred_at": 1, "line_id": VOICE.id, "call_id": "c", "summary": "s"}
    return site.encode(running.calls, "telephony.CallSummarized", value)


def _written_by_us(told: Mapping[str, str], connector: Connector) -> None:
    """The headers that every letter has."""
    assert told[f"{FRONT}reason"] in REASONS
    assert told[f"{FRONT}version"] == __version__
    assert told[f"{FRONT}redrive.count"] == "0"
    assert told[f"{CONNECT}connector.name"] == "front-connector"
    assert told[f"{CONNECT}task.id"].isdigit()
    assert told[f"{CONNECT}exception.class.name"] == f"front_connector.{told[f'{FRONT}reason']}"
    assert told[f"{CONNECT}class.name"].startswith("connector.")
    assert {"failed.at", "instance", "attempts", "requests.accepted"} <= {
        name.removeprefix(FRONT) for name in told
    }
