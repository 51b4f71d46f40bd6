"""Exemplars as a real Prometheus takes them from our listener: the traces behind a latency."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from connector.adapters.admin import Listener, ProbeSources, probes
from connector.adapters.telemetry import Metrics
from connector.core.status import BuildInfo, Snapshot
from tests.support.prometheus import Prometheus, Target

BUILD = BuildInfo(version="", revision="", python="", librdkafka="")
TRACES = {"a" * 32, "b" * 32, "c" * 32}


@pytest.mark.prometheus
async def test_a_real_prometheus_stores_the_traces_of_our_histograms(
    prometheus_program: Path, tmp_path: Path
) -> None:
    """It asks for OpenMetrics by itself; each histogram of a latency has its trace, by name."""
    snapshot = Snapshot(state="running", ready=True)
    metrics = Metrics(lambda: snapshot, BUILD)
    metrics.initialise(["calls"])
    one, two, three = sorted(TRACES)
    metrics.settled("calls", "accepted", 0.2, one)
    metrics.accepted_latency("calls", 3.0, two)
    metrics.request("create-call", "202", 0.1, three)
    metrics.settled("calls", "skipped", 0.2)
    sources = ProbeSources(snapshot=lambda: snapshot, metrics=metrics.exposition, build=BUILD, heartbeats={})
    listener = Listener(probes(sources), 0, "127.0.0.1")
    await listener.start()
    try:
        found = await asyncio.to_thread(_stored, prometheus_program, tmp_path, listener.port)
    finally:
        await listener.close()
    assert found == {
        "front_connector_record_processing_duration_seconds_bucket": one,
        "front_connector_record_end_to_end_latency_seconds_bucket": two,
        "front_connector_front_request_duration_seconds_bucket": three,
    }


def _stored(program: Path, folder: Path, port: int) -> dict[str, str]:
    with Prometheus(program, folder, targets=[Target(address=f"127.0.0.1:{port}")]) as server:
        server.wait_scraped()
        now = time.time()
        answer = httpx.get(
            f"{server.url}/api/v1/query_exemplars",
            params={
                "query": '{__name__=~"front_connector_.+_bucket"}',
                "start": str(now - 600),
                "end": str(now + 600),
            },
            trust_env=False,
        )
    series = answer.raise_for_status().json()["data"]
    return {
        one["seriesLabels"]["__name__"]: exemplar["labels"]["trace_id"]
        for one in series
        for exemplar in one["exemplars"]
    }


@pytest.mark.parametrize("accept", ["", "text/plain", "*/*"])
def test_the_text_format_has_no_exemplars(accept: str) -> None:
    """Its readers would refuse the line."""
    metrics = Metrics(lambda: Snapshot(state="running", ready=True), BUILD)
    metrics.request("create-call", "202", 0.1, "a" * 32)
    assert b"trace_id" not in metrics.exposition(accept)[0]
    openmetrics = metrics.exposition("application/openmetrics-text; version=1.0.0")[0]
    assert b'# {trace_id="' + b"a" * 32 + b'"} 0.1' in openmetrics
