"""The demo's traffic: repeatable, in order, of every kind, and readable by the schemas it names."""

import io
import itertools
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import fastavro
import pytest
from fastavro.validation import validate

from connector.demo.events import (
    TOPICS,
    Accepted,
    BadRecord,
    DeadLettered,
    DemoRecord,
    Event,
    Skipped,
    channels_table,
    generate,
    payload,
)

SCHEMAS = Path(__file__).parents[2] / "schemas"
PARSED: dict[str, Any] = {
    f"{path.parent.name}.{path.stem}": fastavro.parse_schema(json.loads(path.read_text(encoding="utf-8")))
    for path in (SCHEMAS / "avro").rglob("*.avsc")
}
RECORDS = tuple(generate(seed=7, records=3000))
EVENTS = tuple(record for record in RECORDS if isinstance(record, Event))
BAD = tuple(record for record in RECORDS if isinstance(record, BadRecord))

AFTER: dict[str | None, set[str]] = {
    "ringing": {"queued", "connected", "missed", "abandoned", "transferred"},
    "queued": {"connected", "hangup", "missed", "abandoned"},
    "connected": {"hold", "transferred", "hangup"},
    "hold": {"connected", "transferred", "hangup"},
}
"""Front's call states and what may follow each (Front's docs, "Voice channels")."""
STATUS = {
    "ANSWERED": "connected", "ON_HOLD": "hold", "RESUMED": "connected", "TRANSFERRED": "transferred",
    "COMPLETED": "hangup", "CALLER_GAVE_UP": "abandoned", "NO_ANSWER": "missed", "BUSY": "missed",
    "VOICEMAIL": "missed",
}  # fmt: skip


def by_key(topic: str) -> dict[str, list[Event]]:
    threads: dict[str, list[Event]] = defaultdict(list)
    for event in EVENTS:
        if event.topic == topic:
            threads[event.key].append(event)
    return threads


def kind(event: Event) -> str:
    return event.schema_name.rpartition(".")[2]


def schema_of(record: DemoRecord) -> Any:
    definition = record.definition if isinstance(record, BadRecord) else None
    return PARSED[record.schema_name] if definition is None else fastavro.parse_schema(dict(definition))


def test_the_same_seed_gives_the_same_records() -> None:
    """Two runs are equal to the last byte."""
    assert tuple(generate(seed=7, records=3000)) == RECORDS


def test_a_longer_run_begins_as_a_shorter_one() -> None:
    """Calm traffic does not depend on how much of it is taken."""
    short = tuple(generate(seed=7, records=200, calm=True))
    assert tuple(generate(seed=7, records=400, calm=True))[:200] == short


def test_other_seeds_share_no_id() -> None:
    """Runs after one another in the same Kafka and Front never meet in a call, a message or an event."""
    ids = [{record.value["event_id"] for record in generate(seed=seed, records=400)} for seed in (1, 11, 12)]
    assert len(set.union(*ids)) == 1200
    assert len({event.value["event_id"] for event in EVENTS}) == len(EVENTS)


@pytest.mark.parametrize("records", [0, 1, 99, 100, 1000])
def test_the_number_of_records_is_kept(records: int) -> None:
    """Bad records are among those asked for, not on top of them."""
    assert len(tuple(generate(seed=3, records=records))) == records


def test_records_come_in_the_order_of_their_time() -> None:
    """Time never runs backwards, and moves on within each entity."""
    assert all(earlier.at_ms <= later.at_ms for earlier, later in itertools.pairwise(RECORDS))
    for topic in TOPICS:
        for thread in by_key(topic).values():
            times = [event.at_ms for event in thread]
            assert times == sorted(set(times))


def test_entities_are_interleaved() -> None:
    """Many calls and conversations are open at once; a run of one key is rare."""
    neighbours = sum(one.key == other.key for one, other in itertools.pairwise(RECORDS))
    assert neighbours < len(RECORDS) * 0.15


def test_calls_go_through_states_that_front_allows() -> None:
    """A leg begins with its creation, moves only as Front's call states may, and its assets follow its end."""
    for thread in by_key("telephony.calls.v1").values():
        assert kind(thread[0]) == "CallCreated"
        state: str = "queued" if thread[0].value["queue"] else "ringing"
        for event in thread[1:]:
            match kind(event), event.expected:
                case "CallUpdated", Accepted():
                    following = STATUS[str(event.value["state"])]
                    assert following in AFTER[state]
                    state = following
                case "CallUpdated", _:
                    assert event.value["state"] in ("DIALING", "WRAP_UP")
                case _:
                    assert state in ("hangup", "missed")


def test_later_legs_name_a_leg_that_was_transferred() -> None:
    """A transferred call goes on in a new leg that leads back to it."""
    calls = by_key("telephony.calls.v1")
    originals = [t[0].value["original_call_id"] for t in calls.values() if t[0].value["original_call_id"]]
    assert originals
    for original in originals:
        assert calls[str(original)][-1].value["state"] == "TRANSFERRED"


def test_conversations_refer_only_to_what_front_has_seen() -> None:
    """Replies and failures name an earlier message of their conversation that was not written in Front."""
    failures = 0
    for thread in by_key("messaging.messages.v1").values():
        seen: set[object] = set()
        for event in thread:
            if kind(event) == "MessageFailed":
                assert event.value["message_id"] in seen
                failures += isinstance(event.expected, Accepted)
                continue
            assert event.value["in_reply_to"] is None or event.value["in_reply_to"] in seen
            if isinstance(event.expected, Accepted):
                seen.add(event.value["message_id"])
    assert failures > 3


def test_templates_are_imported_before_they_change() -> None:
    """The first event of a template is the whole of it, the others are changes."""
    threads = by_key("messaging.templates.v1").values()
    for thread in threads:
        assert [kind(event) for event in thread] == ["TemplateSynced"] + ["TemplateChanged"] * (
            len(thread) - 1
        )
    assert any(len(thread) > 1 for thread in threads)


def test_outages_of_a_line_do_not_overlap() -> None:
    """A line is up again before it fails again."""
    for thread in by_key("messaging.channels.v1").values():
        health = [event.value["health"] for event in thread if event.value["health"] != "UNKNOWN"]
        assert all((state == "UP") == (index % 2 == 1) for index, state in enumerate(health))


def test_all_operations_and_all_skips_occur() -> None:
    """A demo shows each of Front's eleven operations, and each deliberate skip."""
    operations: Counter[str] = Counter()
    skips: Counter[str] = Counter()
    for event in EVENTS:
        match event.expected:
            case Accepted(names):
                operations.update(names)
            case Skipped(rule):
                skips[rule] += 1
    assert len(operations) == 11
    assert min(operations.values()) >= 10
    assert set(skips) == {
        "state that Front does not have",
        "transcript without words",
        "written in Front",
        "failure that is not final",
        "health that the platform cannot tell",
    }


@pytest.mark.parametrize("seed", range(5))
def test_a_short_demo_has_every_operation_too(seed: int) -> None:
    """A thousand records are enough, whatever the seed."""
    expected = [record.expected for record in generate(seed=seed, records=1000)]
    assert len({name for each in expected if isinstance(each, Accepted) for name in each.operations}) == 11


def test_each_event_fits_its_schema() -> None:
    """Good events, and bad ones whose fault is not in their bytes, are written and read by their schemas."""
    for record in RECORDS:
        schema = schema_of(record)
        validate(dict(record.value), schema, strict=True, raise_errors=True)
        if isinstance(record, BadRecord) and record.kind in ("truncated", "not_framed", "missing_schema"):
            continue
        framed = payload(record, schema, 42)
        assert framed[:5] == b"\x00\x00\x00\x00\x2a"
        body = io.BytesIO(framed[5:])
        decoded: Any = fastavro.schemaless_reader(body, schema, None)
        assert decoded["event_id"] == record.value["event_id"]
        assert body.read() == b""


def test_recordings_are_small_wave_files() -> None:
    """Large enough to be real, small enough for a broker that lives in memory; players know the format."""
    files = [event.value["audio"] for event in EVENTS if kind(event) == "CallRecordingReady"]
    for file in files:
        assert isinstance(file, dict)
        content = file["content"]
        assert 2_000 <= len(content) <= 10_100
        assert content[:4] == b"RIFF"
        assert int.from_bytes(content[4:8], "little") == len(content) - 8
    assert len(files) > 50


def test_every_fault_occurs_and_stands_alone() -> None:
    """Each kind of bad record is there; no good record has its key, and no two stand together."""
    assert Counter(record.kind for record in BAD) == dict.fromkeys(
        ("truncated", "not_framed", "missing_schema", "unknown_record", "unknown_line", "unknown_state",
         "breaks_contract", "wrong_file"), 2)  # fmt: skip
    assert not {record.key for record in BAD} & {event.key for event in EVENTS}
    assert len({record.key for record in BAD}) == len(BAD)
    places = [index for index, record in enumerate(RECORDS) if isinstance(record, BadRecord)]
    assert min(later - earlier for earlier, later in itertools.pairwise(places)) > 100
    assert all(isinstance(record.expected, DeadLettered) for record in BAD)


def test_faults_in_the_bytes_are_really_there() -> None:
    """The first two cannot be read by the schema they name; the third names one that no registry has."""
    spoilt = {record.kind: payload(record, schema_of(record), 42) for record in BAD}
    assert spoilt["not_framed"][0] != 0
    with pytest.raises(EOFError):
        fastavro.schemaless_reader(
            io.BytesIO(spoilt["truncated"][5:]), PARSED["messaging.MessageReceived"], None
        )
    assert spoilt["missing_schema"][:5] == b"\x00\x7f\xff\xff\xff"


def test_a_calm_run_has_no_bad_record() -> None:
    """Without faults, everything is accepted or skipped."""
    assert all(isinstance(record, Event) for record in generate(seed=7, records=500, calm=True))


def test_the_channels_table_holds_every_line() -> None:
    """Each event's line leads to its channel and company; every company has several lines."""
    rows = {row["key"]: row for row in channels_table()}
    for event in EVENTS:
        row = rows[str(event.value["line_id"])]
        assert (row["channel"], row["company"]) == (event.channel, event.company)
    lines = Counter(row["company"] for row in rows.values())
    assert len(lines) >= 20
    assert min(lines.values()) >= 2
    assert len({row["channel"] for row in rows.values()}) == len(rows)


def test_more_companies_than_names_still_differ() -> None:
    """Thirty companies are thirty names, and the first ones are those of a smaller world."""
    assert len({row["company"] for row in channels_table(30)}) == 30
    assert channels_table(30)[: len(channels_table(20))] == channels_table(20)
    assert {
        record.company
        for record in generate(seed=1, records=500, companies=2, calm=True)
        if isinstance(record, Event)
    } == {
        "corner-shop",
        "blue-harbour",
    }
