"""The endpoints over a real socket: what Prometheus, the kubelet and a person at a terminal get."""

import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from connector.adapters.admin import Heartbeat, Listener, ProbeSources, probes
from connector.core.status import BuildInfo, CircuitStatus, HoldStatus, PartitionStatus, Snapshot

BUILD = BuildInfo(version="1.2.3", revision="abc", python="3.12.1", librdkafka="2.16.0")
RUNNING = Snapshot(state="running", ready=True, last_poll_wall=1000.0)
NOTHING = ProbeSources(snapshot=lambda: RUNNING, metrics=lambda _: (b"", "text/plain"), build=BUILD)


class Pod:
    """What the server is asked about; a test changes it between requests."""

    def __init__(self) -> None:
        self.snapshot = RUNNING
        self.poll_age_s = 0.0
        sources = ProbeSources(
            snapshot=lambda: self.snapshot,
            metrics=lambda accept: (f"accept={accept}\n".encode(), "text/plain; version=0.0.4"),
            build=BUILD,
            heartbeats={
                "event_loop": Heartbeat(lambda: 0.0, 15.0),
                "poll": Heartbeat(lambda: self.poll_age_s, 60.0),
            },
        )
        self.server = Listener(probes(sources), port=0, host="127.0.0.1")

    async def get(self, path: str, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{self.server.port}{path}", headers=headers)


@pytest.fixture
async def pod() -> AsyncIterator[Pod]:
    pod = Pod()
    await pod.server.start()
    yield pod
    await pod.server.close()


async def test_metrics_pass_the_accept_header_and_keep_the_content_type(pod: Pod) -> None:
    """The encoder chooses the format; the server only carries it."""
    answer = await pod.get("/metrics", Accept="application/openmetrics-text")
    assert answer.status_code == 200
    assert answer.text == "accept=application/openmetrics-text\n"
    assert answer.headers["content-type"] == "text/plain; version=0.0.4"


async def test_live_while_every_loop_turns(pod: Pod) -> None:
    """A heartbeat at its limit is still fresh."""
    pod.poll_age_s = 60.0
    answer = await pod.get("/livez")
    assert (answer.status_code, answer.json()["status"]) == (200, "live")


async def test_a_stalled_loop_is_named(pod: Pod) -> None:
    """The kubelet restarts the pod, and whoever asks why reads which loop stood still."""
    pod.poll_age_s = 61.0
    answer = await pod.get("/livez")
    assert answer.status_code == 503
    assert answer.json()["stalled"] == ["poll"]
    assert answer.json()["loops"]["poll"] == {"age_s": 61.0, "limit_s": 60.0}


async def test_ready_with_an_empty_assignment(pod: Pod) -> None:
    """A surge pod without partitions must not block the rollout that would give it some."""
    answer = await pod.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert {"check": "assignment", "ok": True, "detail": "0 partitions"} in answer.json()["checks"]


async def test_not_ready_says_why(pod: Pod) -> None:
    """The reasons of the snapshot stand in the body."""
    pod.snapshot = Snapshot(state="starting", ready=False, reasons=("waiting to join the group",))
    answer = await pod.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    checks = {check["check"]: check for check in answer.json()["checks"]}
    assert checks["state"] == {"check": "state", "ok": False, "detail": "waiting to join the group"}
    assert checks["kafka"]["detail"] == "no poll has returned yet"


async def test_one_held_channel_degrades_and_does_not_unready(pod: Pod) -> None:
    """Others flow: unready pods would block the rollout that mends the hold."""
    pod.snapshot = replace(RUNNING, holds=(HoldStatus("channel", "forbidden", "cha_1", 900.0),))
    answer = await pod.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["holds"] == [
        {"scope": "channel", "reason": "forbidden", "name": "cha_1", "since_wall": 900.0}
    ]


@pytest.mark.parametrize(("count", "said"), [(0, "nothing holds"), (1, "1 hold"), (2, "2 holds")])
async def test_how_many_hold_is_said_in_words(pod: Pod, count: int, said: str) -> None:
    """Whoever reads the body is not to wonder about `0 hold`."""
    holds = tuple(HoldStatus("channel", "forbidden", f"cha_{number}", 900.0) for number in range(count))
    pod.snapshot = replace(RUNNING, holds=holds)
    checks = (await pod.get("/readyz")).json()["checks"]
    assert {"check": "holds", "ok": not count, "detail": said} in checks


async def test_an_open_circuit_is_ready_and_degraded(pod: Pod) -> None:
    """An outage of Front is no reason to take the pod out of its rollout."""
    pod.snapshot = replace(RUNNING, state="circuit_open")
    answer = await pod.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")


async def test_the_open_circuit_of_one_app_of_several_is_named(pod: Pod) -> None:
    """Others flow, so the state says nothing of it: the body must."""
    circuits = (CircuitStatus("main", "closed"), CircuitStatus("other", "half_open", 900.0))
    pod.snapshot = replace(RUNNING, circuits=circuits)
    answer = await pod.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["circuits"] == [{"app": "other", "state": "half_open", "since_wall": 900.0}]
    said = {
        "check": "circuits",
        "ok": False,
        "detail": "Front does not answer, or fails, for app other (half_open)",
    }
    assert said in answer.json()["checks"]


async def test_health_answers_200_whatever_the_state(pod: Pod) -> None:
    """For people: state, assignment with lag and what runs, even while nothing works."""
    pod.snapshot = Snapshot(
        state="failed", ready=False, partitions=(PartitionStatus("calls", 2, committed=5, end=9),)
    )
    answer = await pod.get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["state"] == "failed"
    assert answer.json()["partitions"][0]["lag"] == 4
    assert answer.json()["build"]["version"] == "1.2.3"


async def test_nothing_can_be_changed_through_the_port(pod: Pod) -> None:
    """No mutating path: a POST is refused on each endpoint."""
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in ("/metrics", "/livez", "/readyz", "/healthz"):
            answer = await client.post(f"http://127.0.0.1:{pod.server.port}{path}")
            assert answer.status_code == 405


async def test_the_process_keeps_its_own_signal_handlers() -> None:
    """Stopping is the app's business: the server must not take SIGTERM over."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    pod = Pod()
    await pod.server.start()
    during = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    await pod.server.close()
    assert during == before


async def test_close_frees_the_port_and_may_be_repeated(pod: Pod) -> None:
    """After close nobody listens, and closing again is harmless."""
    port = pod.server.port
    await pod.server.close()
    await pod.server.close()
    with socket.create_server(("127.0.0.1", port)) as free:
        assert free.getsockname()[1] == port


async def test_a_taken_port_is_an_os_error() -> None:
    """The caller can say which port is taken; the process is not ended from inside a library."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Listener(probes(NOTHING), port=taken.getsockname()[1], host="127.0.0.1")
        with pytest.raises(OSError, match="in use"):
            await server.start()
        await server.close()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
async def test_the_ipv6_wildcard_listens_for_both_families() -> None:
    """`telemetry.host: "::"` serves clusters of either kind."""
    server = Listener(probes(NOTHING), port=0, host="::")
    await server.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{server.port}/livez")
        assert answer.status_code == 200
    finally:
        await server.close()
