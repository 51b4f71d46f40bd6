"""What the status page is told: the verdict in words, the keys that wait, and what must never be in it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.admin.document import age
from connector.app.desk import shown_settings
from connector.app.detail import detail
from connector.core.answers import Answered
from connector.core.circuit import CircuitPolicy
from connector.core.pacing import RateLimits
from connector.core.records import key_hash
from connector.core.status import DETAIL_ROWS, CircuitStatus, Detail, HoldStatus, PauseStatus, Snapshot
from tests.support.virtual_time import in_virtual_time
from tests.support.world import TP, Clock, Stage, record
from tests.unit.admin_stage import NOW, Desk
from tests.unit.config_files import CONFIG, folder, loaded, problems


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    desk.be(partitions=desk.snapshot.partitions[:2])
    await desk.listener.start()
    yield desk
    await desk.listener.close()


VERDICTS: list[tuple[dict[str, Any], str, str, list[str]]] = [
    ({}, "good", "Running", []),
    (
        {"partitions": ()},
        "good",
        "Running",
        ["No partition is assigned to this process: others of the group have them all."],
    ),
    (
        {"holds": (HoldStatus("channel", "forbidden", "cha_1", NOW - 7300),)},
        "attention",
        "Running, and something waits",
        ["The channel cha_1 is held (forbidden), for 2 h 1 min."],
    ),
    (
        {
            "holds": (
                HoldStatus("dead_letter", "unwritable", "dead-letter topic", NOW - 5),
                HoldStatus("partition", "offset_missing", "calls-1", NOW - 60),
            )
        },
        "attention",
        "Running, and something waits",
        ["2 holds, the oldest for 1 min."],
    ),
    (
        {"holds": (HoldStatus("dead_letter", "unwritable", "dead-letter topic", NOW - 5),)},
        "attention",
        "Running, and something waits",
        ["The dead-letter topic is held (unwritable), for 5 s."],
    ),
    (
        {"circuits": (CircuitStatus("main", "open", NOW), CircuitStatus("other", "closed"))},
        "attention",
        "Running, and something waits",
        ["The circuit of main is not closed."],
    ),
    (
        {"blocked_keys": 1, "oldest_blocked_wall": NOW - 61},
        "attention",
        "Running, and something waits",
        ["1 key waits after a failure, for 1 min 1 s."],
    ),
    (
        {"blocked_keys": 1200, "oldest_blocked_wall": NOW - 90_000, "records_without_line": 2},
        "attention",
        "Running, and something waits",
        [
            "1,200 keys wait after a failure, the longest for 1 d 1 h.",
            "2 records wait for a row of the channel directory.",
        ],
    ),
    (
        {"reloaded": (("channels", True), ("mapping", False))},
        "attention",
        "Running, and something waits",
        ["The last reload (mapping) was refused: what was there before is in use."],
    ),
    (
        {"reasons": ("nothing new is sent: no commit was acknowledged in time (lease)",)},
        "attention",
        "Running, and something waits",
        ["Nothing new is sent: no commit was acknowledged in time (lease)."],
    ),
    (
        {"state": "starting", "ready": False, "reasons": ("waiting to join the group",)},
        "neutral",
        "Starting",
        ["Waiting to join the group."],
    ),
    (
        {"state": "held_auth", "ready": False},
        "bad",
        "Held: Front refuses every app, and somebody has to act",
        [],
    ),
    (
        {"state": "circuit_open", "circuits": (CircuitStatus("main", "open", NOW),)},
        "bad",
        "Front does not answer, or fails: nothing is sent but probes",
        [],
    ),
    (
        {
            "state": "paused",
            "reasons": ("an operator has paused every process of the group",),
            "paused": PauseStatus(NOW - 4000, "pod-3", "Front moves"),
        },
        "attention",
        "Paused by an operator: nothing new is sent",
        [
            "An operator has paused every process of the group.",
            "The pause began 1 h 6 min ago, through pod-3: Front moves.",
        ],
    ),
]


@pytest.mark.parametrize(("changes", "tone", "headline", "because"), VERDICTS)
async def test_the_verdict_is_a_tone_a_headline_and_sentences(
    desk: Desk, changes: dict[str, Any], tone: str, headline: str, because: list[str]
) -> None:
    """Whatever waits is named, the gravest first; while nothing does, it is silent."""
    desk.be(**changes)
    verdict = (await desk.get("/status.json"))["verdict"]
    assert verdict == {"tone": tone, "headline": headline, "because": because}


async def test_a_paused_partition_is_told(desk: Desk) -> None:
    """With the others in their order, and what is in flight beside each."""
    desk.be(partitions=Desk().snapshot.partitions)
    desk.detail = Detail(in_flight={("calls", 1): 2})
    told = await desk.get("/status.json")
    assert told["verdict"]["because"] == ["1 partition paused."]
    assert [(part["topic"], part["partition"]) for part in told["partitions"]] == [
        ("calls", 0),
        ("calls", 1),
        ("chat", 0),
    ]
    assert told["partitions"][1] == {
        "topic": "calls",
        "partition": 1,
        "committed": 5,
        "position": 8,
        "end": 9,
        "lag": 4,
        "unsettled": 3,
        "in_flight": 2,
        "paused": None,
    }
    assert (told["partitions"][2]["paused"], told["partitions"][2]["lag"]) == ("hold", None)
    assert told["counts"] | {"lag": 4, "unsettled": 3, "partitions": 3} == told["counts"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3.0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (7380, "2 h 3 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_length_of_time_has_two_units_at_most(seconds: float, said: str) -> None:
    """And is never below nothing, whatever the clocks say."""
    assert age(seconds) == said


@in_virtual_time
async def test_a_key_that_fails_is_told_by_its_hash_with_reason_and_record() -> None:
    """The first record of it, how often it was tried and when it is next; the key itself and the payload are nowhere."""
    async with Stage() as stage:
        stage.front.script = lambda sent, _n: Answered(503 if sent.key == "CANARY" else 202)
        stage.assign()
        stage.pipeline.received([record(0, "CANARY"), record(1, "CANARY"), record(2, "well")])
        await stage.quiet(5.0)
        clock = Clock(asyncio.get_running_loop().time)
        told = detail(stage.pipeline, clock)
        (key,) = told.blocked
        assert key.key_hash == key_hash(("conversation", "cha_1", "CANARY"))
        assert (key.topic, key.partition, key.offset, key.reason) == ("messages", 0, 0, "503")
        assert key.operation == "sync-inbound-message"
        assert key.attempts > 3
        assert clock.wall() - 5.0 <= key.since_wall < clock.wall() - 4.0
        assert key.next_wall is None or clock.wall() < key.next_wall <= clock.wall() + 1.0
        assert told.kafka_cluster == "cluster"
        assert "CANARY" not in repr(told)
        stage.front.script = lambda _sent, _n: Answered(202)
        await stage.quiet(5.0)
        assert detail(stage.pipeline, clock) == Detail(kafka_cluster="cluster")


@in_virtual_time
async def test_what_is_in_flight_longest_is_told_and_counted_by_partition() -> None:
    """Its place and age; the age counts from when it was taken in hand."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 100.0
        stage.assign()
        stage.pipeline.received([record(0, "a")])
        await stage.quiet(2.0)
        stage.pipeline.received([record(1, "b"), record(2, "b")])
        await stage.quiet(3.0)
        clock = Clock(asyncio.get_running_loop().time)
        told = detail(stage.pipeline, clock)
        assert told.oldest is not None
        assert (told.oldest.offset, told.oldest.attempts) == (0, 1)
        assert round(clock.wall() - told.oldest.since_wall) == 5
        assert told.in_flight == {tuple(TP): 2}
        stage.pipeline.lost([TP])


@in_virtual_time
async def test_limits_and_what_front_told_to_wait_are_shown() -> None:
    """A company's minute, and a channel that a 429 closed, until when."""
    limits = RateLimits(company_per_minute=50, channel_per_second=0)
    async with Stage(rate_limits=limits) as stage:
        throttled = {"retry-after": "30", "x-front-tier": "1"}
        stage.front.script = lambda _sent, n: Answered(429, headers=throttled) if n == 1 else Answered(202)
        stage.assign()
        stage.pipeline.received([record(0, "a")])
        await stage.quiet(1.0)
        clock = Clock(asyncio.get_running_loop().time)
        told = detail(stage.pipeline, clock)
        (wait,) = told.waits
        assert (wait.scope in ("channel", "company"), 25 < wait.until_wall - clock.wall() <= 31) == (
            True,
            True,
        )
        (pace,) = told.paces
        assert (pace.started, pace.limit) == (1, 50)
        await stage.quiet(120.0)
        assert detail(stage.pipeline, clock).waits == ()


@in_virtual_time
async def test_long_lists_are_cut_and_the_oldest_stay() -> None:
    """A page of thousands helps nobody; how many there are is told by the snapshot."""
    async with Stage(circuit=CircuitPolicy(failing_keys=1000)) as stage:
        stage.front.script = lambda _sent, _n: Answered(503)
        stage.assign()
        for offset in range(DETAIL_ROWS + 20):
            stage.pipeline.received([record(offset, f"key-{offset}")])
            await stage.quiet(0.02)
        clock = Clock(asyncio.get_running_loop().time)
        told = detail(stage.pipeline, clock)
        assert len(stage.pipeline.blocked) > DETAIL_ROWS
        assert [key.offset for key in told.blocked] == list(range(DETAIL_ROWS))
        stage.pipeline.lost([TP])


SECRETS = """\
kafka:
  bootstrap_servers: localhost:9092
  group_id: front
  properties: {security.protocol: SASL_SSL, sasl.mechanism: PLAIN, sasl.username: reader, ssl.ca.pem: CANARY, linger.ms: 5}
  properties_from_files: {sasl.password: token}
registry: {url: "http://localhost:8081", username: reader, password: CANARY}
front:
  apps:
    main: {uid: app-1, secret: CANARY}
    other: {token_file: token}
  channels: channels.csv
  companies: {shop: {per_minute: 10}}
  statuses: {418: retry}
mappings: {folder: mappings, env: [HOME]}
attachments: {hosts: {"files.example.com": {token: CANARY}}}
dead_letter: {topic: front.dead-letters}
"""


def test_settings_are_shown_flat_and_without_secrets(tmp_path: Path) -> None:
    """By value, by file, in librdkafka's properties and beside a host: asterisks, or nothing."""
    (tmp_path / "token").write_text("CANARY\n")
    settings = loaded(folder(tmp_path, config=SECRETS)).settings
    shown = shown_settings(settings)
    assert "CANARY" not in json.dumps(shown)
    assert shown["front.apps.main.secret"] == "**********"
    assert shown["front.apps.other.token_file"] == str(tmp_path / "token")
    assert shown["kafka.properties.ssl.ca.pem"] == "**********"
    assert shown["kafka.properties_from_files.sasl.password"] == str(tmp_path / "token")
    assert shown["kafka.properties.linger.ms"] == "5"
    assert shown["front.companies.shop.per_minute"] == "10"
    assert shown["mappings.env"] == "HOME"
    assert shown["limits.in_flight"] == "64"
    assert "kafka.group_instance_id" not in shown
    assert all(isinstance(value, str) for value in shown.values())


@pytest.mark.parametrize(
    ("telemetry", "admin", "port"),
    [("", "", 8083), ("port: 9000", "", 9003), ("port: 0", "", 0), ("port: 9000", "port: 7000", 7000)],
)
def test_the_port_lies_above_the_probes_unless_it_is_given(
    tmp_path: Path, telemetry: str, admin: str, port: int
) -> None:
    """Where probes take any free port, so does it: several connectors on a machine need not be told."""
    config = f"{CONFIG}telemetry: {{{telemetry}}}\nadmin: {{{admin}}}\n"
    assert loaded(folder(tmp_path, config=config)).settings.admin_port == port


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("telemetry: {port: 65535}", "there is no port 3 above telemetry.port: give admin.port"),
        (
            "admin: {port: 8080}",
            "admin.port must not be telemetry.port: probes come from outside the pod, and the other is for loopback only",
        ),
        ("admin: {port: 70000}", "admin.port must be 65535 or less"),
        ("admin: {host: 0.0.0.0}", "admin.host is not known here: choose from port"),
    ],
)
def test_ports_that_cannot_be_are_refused(tmp_path: Path, written: str, said: str) -> None:
    """And there is no option for another address than loopback."""
    found = problems(folder(tmp_path, config=f"{CONFIG}{written}\n"))
    assert any(said in line for line in found), found


def test_nothing_of_a_snapshot_is_forgotten_by_accident() -> None:
    """A field that is new there is to be thought of here: it is on the page, or it is listed as not for it."""
    not_shown = {
        "requests_in_flight",
        "unknown_lines",
        "reasons",
        "oldest_blocked_wall",
        "oldest_in_flight_wall",
    }
    not_shown |= {
        "connected_brokers",
        "loop_lag_s",
        "throttle_wait_s",
        "certificates",
    }  # figures over time: /metrics
    shown = {
        "state", "ready", "in_flight", "queued", "blocked_keys", "holds", "circuits", "partitions", "last_accepted_wall",
        "last_poll_wall", "schema_cache_entries", "channel_rows", "records_without_line", "config_hash", "mappings_hash",
        "mappings_since_wall", "reloaded", "lease_remaining_s", "paused",
    }  # fmt: skip
    assert set(Snapshot.__dataclass_fields__) == shown | not_shown
