"""What an operator sees of holds and open circuits: probes and metrics of the real parts, in virtual time.

The pipeline, its status, the endpoints and the metrics are the product's; Front, coordinator and time are scripted.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import httpx

from connector.adapters.admin import Heartbeat, ProbeSources, probes
from connector.adapters.kafka import KafkaSource, SourceOptions
from connector.adapters.telemetry import Metrics
from connector.app.status import Status
from connector.core.answers import Answer, Answered
from connector.core.mapping import ChannelDirectory, ChannelRow, MapperInput, MapperRequest, PythonMapper
from connector.core.outcome import RetryPolicy
from connector.core.status import BuildInfo
from tests.support.virtual_time import in_virtual_time
from tests.support.world import TP, Clock, Sent, Stage, mappings, record

APPS = ("main", "other")
CHANNELS = tuple(
    ChannelRow(key=f"{app}-{number}", channel=f"cha_{app}{number}", company=app, app=app)
    for app in APPS
    for number in (1, 2)
)
ALL_CLOSED = {(app, "closed"): 1.0 for app in APPS}


def _map(taken: MapperInput) -> list[MapperRequest]:
    value: Any = taken.value
    body = {
        "sender": {"handle": "h"},
        "body": "b",
        "metadata": {"external_id": value["id"], "external_conversation_id": value["conversation"]},
    }
    return [MapperRequest(operation="sync-inbound-message", channel=value["channel"], body=body)]


class Pod(Stage):
    """The stage with two apps, and what it tells whoever asks."""

    def __init__(self) -> None:
        directory = ChannelDirectory.of(CHANNELS, APPS)
        mapper = PythonMapper(name="test", function=_map, channels=directory, table={})
        super().__init__(
            maps=mappings(TP.topic, maps=mapper),
            probe_interval_s=10.0,
            retry=RetryPolicy(base_s=0.5, cap_s=10.0, attempts=3),
        )
        loop = asyncio.get_running_loop()
        options = SourceOptions(
            properties={}, connection={}, topics={}, on_missing_offset={}, dead_letter_topic="letters"
        )
        source = KafkaSource(options, self.facts, lambda _name: None)
        source.joined, source.last_poll_wall = True, 1.0
        status = Status(self.pipeline, source, self.schemas, APPS, clock=Clock(loop.time))
        build = BuildInfo(version="0", revision="0", python="0", librdkafka="0")
        metrics = Metrics(status.snapshot, build)
        sources = ProbeSources(
            snapshot=status.snapshot,
            metrics=metrics.exposition,
            build=build,
            heartbeats={"event loop": Heartbeat(lambda: 0.0, 15.0)},
        )
        self._web = httpx.AsyncClient(transport=httpx.ASGITransport(probes(sources)), base_url="http://pod")
        self.offset = 0

    def send(self, *apps: str) -> None:
        """Ten records of ten keys for each of these apps, on both of its channels."""
        for app in apps:
            for number in range(10):
                channel = f"cha_{app}{1 + number % 2}"
                self.pipeline.received([record(self.offset, f"{app}-{number}", channel=channel)])
                self.offset += 1
        self.pipeline.heard_ends({TP: self.offset})

    async def ready(self) -> tuple[int, str, dict[str, Any]]:
        """Status, state and body of /readyz; the pod is alive meanwhile."""
        assert (await self._web.get("/livez")).status_code == 200
        answer = await self._web.get("/readyz")
        body = answer.json()
        return answer.status_code, body["state"], body

    async def metric(self, name: str) -> dict[tuple[str, ...], float]:
        """A gauge's series by the values of their labels, in the order of the labels' names."""
        text = (await self._web.get("/metrics")).text
        found = re.findall(rf"^front_connector_{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
        return {tuple(re.findall(r'"([^"]*)"', labels)): float(value) for labels, value in found}


def fail(app_status: dict[str, int]) -> Callable[[Sent, int], Answer]:
    """Front answers this to each app."""
    return lambda sent, _n: Answered(app_status.get(sent.channel.app, 202))


def named(body: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Scope, reason and name of each hold."""
    return sorted((hold["scope"], hold["reason"], hold["name"]) for hold in body["holds"])


@in_virtual_time
async def test_brk_09_open_circuits_are_named_and_leave_the_pod_ready_even_when_all_are_open() -> None:
    """One app's Front fails, then both: 200, alive, the body names them; age, lag and unsettled grow, and end with it."""
    async with Pod() as pod:
        pod.assign()
        await pod.quiet(1.0)
        status, state, body = await pod.ready()
        assert (status, state, body["status"], body["circuits"]) == (200, "running", "ready", [])

        pod.front.script = fail({"other": 503})
        pod.send(*APPS)
        await pod.quiet(30.0)
        status, state, body = await pod.ready()
        assert (status, state, body["status"]) == (200, "running", "degraded")
        assert [circuit["app"] for circuit in body["circuits"]] == ["other"]
        assert "for app other (" in str(body["checks"])
        assert await pod.metric("consumer_unsettled_records") == {("0", "messages"): 10.0}
        assert await pod.metric("consumer_lag_records") == {("0", "messages"): 10.0}
        assert await pod.metric("blocked_keys") != {(): 0.0}
        (since,) = (await pod.metric("oldest_blocked_key_timestamp_seconds")).values()

        pod.front.script = fail({"main": 503, "other": 503})
        pod.send("main")
        await pod.quiet(30.0)
        status, state, body = await pod.ready()
        assert (status, state, body["status"]) == (200, "circuit_open", "degraded")
        assert [circuit["app"] for circuit in body["circuits"]] == list(APPS)
        told = await pod.metric("front_circuit_state")
        assert {app for (app, state), value in told.items() if value and state != "closed"} == set(APPS)
        assert await pod.metric("consumer_unsettled_records") == {("0", "messages"): 20.0}
        assert await pod.metric("oldest_blocked_key_timestamp_seconds") == {(): since}, (
            "it is as old as it was, so its age grows"
        )

        pod.front.script = fail({})
        await pod.quiet(300.0)
        status, state, body = await pod.ready()
        assert (status, state, body["status"], body["circuits"]) == (200, "running", "ready", [])
        told = await pod.metric("front_circuit_state")
        assert {pair: value for pair, value in told.items() if value} == ALL_CLOSED
        for gauge in ("consumer_unsettled_records", "consumer_lag_records"):
            assert await pod.metric(gauge) == {("0", "messages"): 0.0}
        assert await pod.metric("oldest_blocked_key_timestamp_seconds") == {(): 0.0}


@in_virtual_time
async def test_brk_09_holds_are_named_and_only_all_apps_held_make_the_pod_unready() -> None:
    """A channel, then its app, then both apps: 200, 200, 503, alive all the time; probes end it all."""
    async with Pod() as pod:
        pod.assign()
        pod.front.script = lambda sent, _n: Answered(403 if sent.channel.real_id == "cha_other1" else 202)
        pod.send("other")
        await pod.quiet(5.0)
        status, state, body = await pod.ready()
        assert (status, state, body["status"]) == (200, "running", "degraded")
        assert named(body) == [("channel", "forbidden", "cha_other1")]

        pod.front.script = fail({"other": 401})
        pod.send("other")
        await pod.quiet(60.0)
        status, state, body = await pod.ready()
        assert (status, state, body["status"]) == (200, "running", "degraded")
        assert ("app", "unauthorized", "other") in named(body)
        assert (await pod.metric("holds"))["unauthorized", "app"] == 1.0

        pod.front.script = fail({"main": 401, "other": 401})
        pod.send("main")
        await pod.quiet(60.0)
        status, state, body = await pod.ready()
        assert (status, state, body["status"]) == (503, "held_auth", "not_ready")
        assert {name for scope, _, name in named(body) if scope == "app"} == set(APPS)
        assert all(f"app {app}: unauthorized" in body["checks"][0]["detail"] for app in APPS)
        assert await pod.metric("ready") == {(): 0.0}

        pod.front.script = fail({})
        await pod.quiet(60.0)
        status, state, body = await pod.ready()
        assert (status, state, body["status"], body["holds"]) == (200, "running", "ready", [])
        assert set((await pod.metric("holds")).values()) == {0.0}
        assert await pod.metric("consumer_unsettled_records") == {("0", "messages"): 0.0}
