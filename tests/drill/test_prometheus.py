"""The Prometheus that tests use: it scrapes, answers, evaluates rules at the pace of a drill, and leaves nothing running."""

import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import prometheus_client
import pytest
import yaml

from tests.support.prometheus import Prometheus, Target
from tests.support.service import eventually

pytestmark = pytest.mark.prometheus

RULES = {
    "groups": [
        {
            "name": "half a second",
            "interval": "500ms",
            "rules": [
                {"record": "job:level:sum", "expr": "sum by (job) (level)"},
                {
                    "alert": "High",
                    "expr": "job:level:sum > 2",
                    "for": "1s",
                    "annotations": {"summary": "{{ $labels.job }} is at {{ $value }}"},
                },
            ],
        }
    ]
}


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture
def level() -> Iterator[tuple[prometheus_client.Gauge, Target]]:
    """A gauge that is scraped."""
    registry = prometheus_client.CollectorRegistry()
    gauge = prometheus_client.Gauge("level", "Of something.", registry=registry)
    with make_server(
        "127.0.0.1", 0, prometheus_client.make_wsgi_app(registry), handler_class=_Quiet
    ) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield gauge, Target(address=f"127.0.0.1:{server.server_port}", namespace="voice", pod="a-0")
        server.shutdown()
        thread.join()


def test_a_prometheus_scrapes_records_and_alerts(
    prometheus_program: Path, tmp_path: Path, level: tuple[prometheus_client.Gauge, Target]
) -> None:
    """Labels as an operator adds them, recordings twice a second, and an alert that comes and goes."""
    gauge, target = level
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(RULES), "utf-8")
    with Prometheus(prometheus_program, tmp_path / "own", targets=[target], rules=rules) as prometheus:
        prometheus.wait_scraped(2)
        (sample,) = prometheus.query("level")
        assert sample.labels == {"__name__": "level", **target.labels}
        assert (sample.value, prometheus.firing()) == (0, frozenset())
        gauge.set(3)
        eventually(lambda: prometheus.firing() == {"High"}, 60, "the alert")
        (alert,) = prometheus.alerts()
        assert (alert.labels["job"], alert.annotations["summary"]) == (
            "front-connector",
            "front-connector is at 3",
        )
        gauge.set(1)
        eventually(lambda: not prometheus.alerts(), 60, "the end of the alert")
        assert prometheus.broken_rules() == {}
        (now,) = prometheus.query("time()")
        (series,) = prometheus.query_range("job:level:sum", now.value - 60, now.value, 1)
        assert {0.0, 3.0, 1.0} == {value for _, value in series.points}
        url = prometheus.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_targets_come_and_go_while_it_runs(
    prometheus_program: Path, tmp_path: Path, level: tuple[prometheus_client.Gauge, Target]
) -> None:
    """As pods do; the series of one that has gone are stale at once, not five minutes later."""
    with Prometheus(prometheus_program, tmp_path / "own") as prometheus:
        assert prometheus.query("level") == ()
        prometheus.watch(level[1])
        prometheus.wait_scraped()
        prometheus.watch()
        eventually(lambda: prometheus.query("level") == (), 60, "the end of the series")
