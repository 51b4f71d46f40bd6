"""What is done to a running connector in the drill, and which alerts must come of it.

A fault is a function of a stage: it strikes, and may go on until the stage has ended. What it needs of the connector's settings
and of the topic's mapping stands beside it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
from confluent_kafka import Consumer, KafkaError

from tests.drill.stage import Stage, begin
from tests.kafka.conftest import CHAT, MESSAGE, OTHER_CHAT
from tests.kafka.conftest import message as event
from tests.support.certificates import make_authority

PRODUCE, OFFSET_COMMIT = 0, 8
"""Kafka's numbers of requests."""
HALF_A_WEEK_S = 302_400
TWO_MINUTES_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`what` is done by `strike`; `alerts` must fire."""

    what: str
    strike: Callable[[Stage], None]
    alerts: tuple[str, ...]
    settings: Callable[[Stage], Mapping[str, Any]] = lambda _: {}
    mapping: Mapping[str, object] = field(default_factory=dict)
    partitions: int = 2
    kafka: Literal["embedded", "real"] = "embedded"
    pace: Literal[240, 60, 10] = 60
    """By how much the rules' times are divided."""
    traffic: bool = True
    starts: bool = True
    """Whether a connector runs before the fault strikes."""


def _front(*rules: Mapping[str, object]) -> Callable[[Stage], None]:
    return lambda stage: stage.site.set_faults(*rules)


def _bad_traffic(stage: Stage) -> None:
    """Each half of a second: a record that is no Avro, and three that are two minutes old, some of which Front refuses."""
    stage.site.set_faults({"effect": "status", "status": 422, "every": 4})

    def tick() -> None:
        stage.bad()
        for _ in range(3):
            stage.site.message(stage.topic, at=time.time() - TWO_MINUTES_S)

    stage.tick = tick


def _crashes(stage: Stage) -> None:
    """Killed and started again, three times; then it stays away."""
    for _ in range(3):
        stage.connector.kill()
        begin([stage.connector])
        _scraped(stage)
    stage.tick = None
    stage.connector.kill()


def _scraped(stage: Stage) -> None:
    """Give Prometheus the time to see this start: it may have a new address."""
    stage.ended.wait(8.0)


def _forbidden(stage: Stage) -> None:
    """Front forbids a channel, whose record is two hours old; and a line has no row."""
    stage.site.set_faults({"effect": "status", "status": 403, "channel": CHAT.channel})
    old = time.time() - HALF_A_WEEK_S / 60 - 3600
    stage.site.message(stage.topic, at=old)
    stage.site.message(stage.topic, line_id="line-of-nobody")
    stage.tick = None


def _outage(stage: Stage) -> None:
    stage.site.set_faults({"effect": "status", "status": 503})
    for _ in range(150):
        stage.message()


def _crowd(stage: Stage) -> None:
    """Three hundred messages of one company, which may send one a second."""
    for _ in range(300):
        stage.site.message(stage.topic)


def _letters_refused(stage: Stage) -> None:
    """The broker refuses whatever is written, once the bad record is there."""
    stage.tick = None
    stage.connector.freeze()
    stage.bad()
    stage.broker.push_errors(PRODUCE, [KafkaError.TOPIC_AUTHORIZATION_FAILED] * 5000)
    stage.connector.thaw()


def _silent_registry(stage: Stage) -> None:
    """It fails when a schema comes that the connector does not know."""
    stage.tick = None
    text = '{"type": "record", "name": "New", "fields": [{"name": "line_id", "type": "string"}]}'
    value = stage.site.encode(stage.topic, text, {"line_id": CHAT.id})
    stage.registry.fault = 500
    stage.site.send(stage.topic, value)


def _no_broker(stage: Stage) -> None:
    """While there is something to commit, which the thread that polls then waits for; again if it was committed before."""
    stage.tick = None
    while not stage.ended.is_set():
        for _ in range(40):
            stage.message()
        stage.broker.broker_down()
        stage.ended.wait(40.0)
        stage.broker.broker_up()
        stage.ended.wait(10.0)


def _commits_refused(stage: Stage) -> None:
    stage.broker.push_errors(OFFSET_COMMIT, [KafkaError.GROUP_AUTHORIZATION_FAILED] * 5000)


def _flapping_member(stage: Stage) -> None:
    """Another member joins the group and leaves it, over and over."""
    while not stage.ended.is_set():
        member = _member(stage)
        ends = time.monotonic() + 10
        while not member.assignment() and time.monotonic() < ends and not stage.ended.is_set():
            member.poll(0.1)
        member.close()


def _member(stage: Stage) -> Consumer:
    member = Consumer(
        {
            "bootstrap.servers": stage.site.kafka.bootstrap,
            "group.id": stage.connector.group,
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 300,
            "log_level": 0,
        }
    )
    member.subscribe([stage.topic.name])
    return member


def _long_pause(stage: Stage) -> None:
    """The process stands still for longer than its session, now and again, as in a machine that swaps."""
    while not stage.ended.is_set():
        stage.connector.freeze()
        stage.ended.wait(9.0)
        stage.connector.thaw()
        stage.ended.wait(20.0)


def _throttled_cpu(stage: Stage) -> None:
    """It gets no processor for most of each second, as under a limit of CPU."""
    while not stage.ended.is_set():
        stage.connector.freeze()
        stage.ended.wait(0.8)
        stage.connector.thaw()
        stage.ended.wait(0.8)


def _second_version(stage: Stage) -> None:
    """A second process with other settings, which name a certificate that ends in ten days; for one partition."""
    begin([stage.add(certificate(stage, days=10))])


def _taken_group(stage: Stage) -> None:
    """A stranger has the group's only partition when the connector starts."""
    stage.add()
    stranger = _member(stage)
    while not stranger.assignment():
        stranger.poll(0.1)
    begin([stage.connector])
    while not stage.ended.is_set():
        stranger.poll(0.1)
    stranger.close()


def _bad_files(stage: Stage) -> None:
    """The mapping files become nonsense, and Front's clock is another."""
    for file in (stage.connector.config.parent / "mappings").glob("*.yaml"):
        file.write_text("nonsense: true\n", "utf-8")
    stage.connector.hang_up()
    httpx.patch(f"{stage.site.front.base_url}/_sim/clock", json={"skew_s": 30}).raise_for_status()


def _offsets_gone(stage: Stage) -> None:
    """Offsets that are of no use: above the end of a topic that holds, expired in one that goes on with new records."""
    held = stage.site.topic(on_missing_offset="hold")
    connector = stage.add(None, stage.topic, held)
    for _ in range(5):
        stage.site.message(stage.topic, partition=0)
    stage.site.reset(connector.group, {(held.name, 0): 1000, (stage.topic.name, 1): 0})
    begin([connector])


def _long_retry_after(stage: Stage) -> None:
    """Front says 429, and when to come again: in five minutes."""
    stage.tick = None
    stage.site.set_faults({"effect": "status", "status": 429, "retry_after": 300})
    stage.site.message(stage.topic)


def _paused(stage: Stage) -> None:
    """An operator pauses the group."""
    name = httpx.get(f"{stage.connector.admin_url}/connectors").json()[0]
    answer = httpx.put(f"{stage.connector.admin_url}/connectors/{name}/pause", timeout=60)
    answer.raise_for_status()


def _control_topic(stage: Stage) -> Mapping[str, Any]:
    topic = stage.site.kafka.create_topic(config={"cleanup.policy": "compact"})
    return {"control": {"topic": topic}}


def certificate(stage: Stage, days: int) -> Mapping[str, Any]:
    """Settings with an authority's certificate that ends in so many days."""
    stage.folder.mkdir(parents=True, exist_ok=True)
    return {"front": {"ca_file": str(make_authority(stage.folder / "ca.pem", days=days))}}


def _refused_pair(stage: Stage) -> None:
    """Front refuses every token."""
    stage.site.set_faults({"effect": "status", "status": 401})

    def tick() -> None:
        for line in (CHAT, OTHER_CHAT):
            value = event(stage.site.new_id("m"), line_id=line.id)
            stage.site.send(stage.topic, stage.site.encode(stage.topic, MESSAGE, value))

    stage.tick = tick


FAULTS: Mapping[str, Fault] = {
    "bad-traffic": Fault(
        what="records that are no Avro, old ones, and ones that Front refuses",
        strike=_bad_traffic,
        alerts=(
            "DeadLetters", "FrontRejects", "AcceptanceBurnFast", "AcceptanceBurnMid", "AcceptanceBurnSlow",
            "FreshnessBurnFast", "FreshnessBurnMid", "FreshnessBurnSlow",
        ),
    ),
    "crashes": Fault(
        what="killed three times, then for good", strike=_crashes, alerts=("Restarting", "Down"), pace=10
    ),
    "unauthorized": Fault(
        what="Front answers 401 to everything", strike=_refused_pair, alerts=("HoldApp", "HeldAuth", "NotReady")
    ),
    "forbidden": Fault(
        what="Front forbids a channel with an old record; a line has no row",
        strike=_forbidden,
        alerts=("HoldChannel", "BlockedKey", "RetentionThreat", "UnknownChannel"),
        mapping={"on_unknown_channel": "wait"},
    ),
    "outage": Fault(
        what="Front answers 503 to everything", strike=_outage, alerts=("CircuitOpen", "Backlog")
    ),
    "limited": Fault(
        what="Front answers 503 to some, and 429 to most",
        strike=_front(
            {"effect": "status", "status": 503, "share": 0.3},
            {"effect": "status", "status": 429, "share": 0.8, "retry_after": 1},
        ),
        alerts=("FrontErrors", "RateLimited"),
    ),
    "quota": Fault(
        what="300 messages of a company that may send 60 a minute",
        strike=_crowd,
        alerts=("QuotaBound",),
        settings=lambda _: {"front": {"rate_limit": {"company_per_minute": 60}}},
        traffic=False,
    ),
    "letters": Fault(
        what="the broker refuses dead letters", strike=_letters_refused, alerts=("DeadLetterFailing",)
    ),
    "registry": Fault(
        what="the registry fails, and a new schema comes",
        strike=_silent_registry,
        alerts=("RegistryErrors", "PartitionStalled", "Stalled"),
    ),
    "no-broker": Fault(
        what="the broker's connections end, and no new one is taken",
        strike=_no_broker,
        alerts=("NoBrokers", "PollStalled"),
    ),
    "commits": Fault(what="the broker refuses commits", strike=_commits_refused, alerts=("CommitFailing",)),
    "flapping": Fault(
        what="another member joins and leaves", strike=_flapping_member, alerts=("Rebalancing",), kafka="real"
    ),
    "frozen": Fault(
        what="the process stands still for 9 s, its session is 6 s",
        strike=_long_pause,
        alerts=("PartitionsLost",),
        kafka="real",
    ),
    "throttled": Fault(
        what="the process gets no CPU for half of the time", strike=_throttled_cpu, alerts=("LoopBlocked",), pace=10
    ),
    "versions": Fault(
        what="a second process with other settings and a certificate that soon ends, for one partition",
        strike=_second_version,
        alerts=("ConfigDrift", "IdleMembers", "CertificateExpiring"),
        pace=240,
        partitions=1,
    ),
    "taken": Fault(
        what="a stranger has the group's partition",
        strike=_taken_group,
        alerts=("NoPartitions",),
        partitions=1,
        kafka="real",
        traffic=False,
        starts=False,
    ),
    "files": Fault(
        what="nonsense in the mapping files; Front's clock 30 s ahead",
        strike=_bad_files,
        alerts=("ReloadFailed", "ClockSkew"),
        settings=lambda _: {"mappings": {"reload": "watch"}},
    ),
    "paused": Fault(
        what="an operator pauses the group",
        strike=_paused,
        alerts=("PausedLong",),
        pace=240,
        settings=_control_topic,
        kafka="real",
    ),
    "offsets": Fault(
        what="committed offsets are of no use",
        strike=_offsets_gone,
        alerts=("HoldPartition", "RecordsPassedOver"),
        mapping={"on_missing_offset": "latest"},
        traffic=False,
        starts=False,
    ),
    "told-to-wait": Fault(
        what="Front says 429 with a Retry-After of 5 min", strike=_long_retry_after, alerts=("RecordStuck",)
    ),
}  # fmt: skip
"""By the namespace in which each strikes."""
