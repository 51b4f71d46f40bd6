"""A real Prometheus for tests, on loopback, that scrapes what it is told and evaluates the rules that it is given.

What lives here: finding the program, one server as a context manager, and its questions. Nothing about our metrics or rules.
Source of routes and answers: Prometheus' HTTP API, https://prometheus.io/docs/prometheus/latest/querying/api/.
"""

import contextlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from tests.support.debian import find_programs
from tests.support.java import Missing
from tests.support.kafka import free_ports
from tests.support.process import Guarded
from tests.support.promtool import NEEDED
from tests.support.service import eventually

__all__ = ["NEEDED", "Alert", "Prometheus", "Sample", "Series", "Target", "find_prometheus"]

READY_WITHIN_S = 60.0
_ANSWER_WITHIN_S = 60.0


def find_prometheus() -> Path | Missing:
    """The program on the path, or of Debian's package, which promtool comes from too."""
    found = find_programs("prometheus", "prometheus", "promtool")
    return found if isinstance(found, Missing) else found[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A process to scrape, with the labels that an operator's ServiceMonitor would put on its series."""

    address: str
    """`host:port`, of which `/metrics` is read."""
    namespace: str = "default"
    job: str = "front-connector"
    pod: str = "front-connector-0"
    instance: str | None = None
    """None: the address."""

    @property
    def labels(self) -> dict[str, str]:
        """As they stand on every series."""
        return {
            "namespace": self.namespace,
            "job": self.job,
            "pod": self.pod,
            "instance": self.instance or self.address,
        }


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an instant query. `labels` has `__name__` where the query keeps it."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a range query. `points`: Unix seconds and value, in order."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is pending or firing. `since`: when its expression became true, Unix seconds."""

    name: str
    state: str
    labels: Mapping[str, str] = field(hash=False)
    annotations: Mapping[str, str] = field(hash=False)
    since: str


class Prometheus:
    """One server. Its data lie in `folder`, and stay there when it ends; one that has data may be started on them again."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        *,
        targets: Iterable[Target] = (),
        rules: Path | None = None,
        scrape_interval: str = "1s",
    ) -> None:
        """`rules`: a file of groups; a group without an interval of its own is evaluated as often as is scraped."""
        self._program = program
        self._folder = folder
        self._targets = tuple(targets)
        self._rules = rules
        self._interval = scrape_interval
        self._process: Guarded | None = None
        self._client = httpx.Client(timeout=_ANSWER_WITHIN_S, trust_env=False)
        self.url = ""

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.watch(*self._targets)
        config = self._folder / "prometheus.yml"
        config.write_text(yaml.safe_dump(self._config()), "utf-8")
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._process = Guarded(
            [
                str(self._program),
                f"--config.file={config}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                "--storage.tsdb.retention.time=90d",
                f"--web.listen-address=127.0.0.1:{port}",
                "--enable-feature=exemplar-storage",
                "--log.level=warn",
            ],
            log=self._folder / "prometheus.log",
            directory=self._folder,
        )
        try:
            eventually(self._is_ready, READY_WITHIN_S, lambda: f"its start: {self._log_tail()}")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    # --- what it looks at -------------------------------------------------------------------------------------

    def watch(self, *targets: Target) -> None:
        """From now on scrape these and no others. It takes them up within some five seconds, without a reload."""
        self._targets = targets
        told = [{"targets": [each.address], "labels": each.labels} for each in targets]
        written = self._folder / ".targets.json"
        written.write_text(json.dumps(told), "utf-8")
        written.rename(self._folder / "targets.json")

    def wait_scraped(self, times: int = 1, timeout: float = 60.0) -> None:
        """Until each target has been scraped well since now, `times` times over."""
        for _ in range(times):
            began = time.time()
            eventually(lambda began=began: self._scraped_since(began), timeout, "a scrape of each target")  # type: ignore[misc]

    # --- questions --------------------------------------------------------------------------------------------

    def query(self, expr: str, at: float | None = None) -> tuple[Sample, ...]:
        """The series of an instant query; a scalar is one without labels. `at`: Unix seconds, now if not given."""
        moment = {} if at is None else {"time": repr(at)}
        found = self._ask("query", query=expr, **moment)
        if found["resultType"] == "scalar":
            return (Sample({}, float(found["result"][1])),)
        return tuple(Sample(each["metric"], float(each["value"][1])) for each in found["result"])

    def query_range(self, expr: str, start: float, end: float, step: float) -> tuple[Series, ...]:
        """The series of a range query; all three in seconds."""
        found = self._ask("query_range", query=expr, start=repr(start), end=repr(end), step=repr(step))
        return tuple(
            Series(each["metric"], tuple((float(at), float(value)) for at, value in each["values"]))
            for each in found["result"]
        )

    def alerts(self) -> tuple[Alert, ...]:
        """All that are pending or firing."""
        found = self._get("alerts")["alerts"]
        return tuple(
            Alert(
                each["labels"]["alertname"],
                each["state"],
                {name: value for name, value in each["labels"].items() if name != "alertname"},
                each["annotations"],
                each["activeAt"],
            )
            for each in found
        )

    def firing(self) -> frozenset[str]:
        """The names of the alerts that fire."""
        return frozenset(alert.name for alert in self.alerts() if alert.state == "firing")

    def broken_rules(self) -> dict[str, str]:
        """Rules whose last evaluation failed, with what Prometheus says of it."""
        groups = self._get("rules")["groups"]
        rules = (rule for group in groups for rule in group["rules"])
        return {rule["name"]: rule["lastError"] for rule in rules if rule["health"] == "err"}

    # --- its own ----------------------------------------------------------------------------------------------

    def _config(self) -> dict[str, Any]:
        every = self._interval
        job = {
            "job_name": "targets",
            "file_sd_configs": [{"files": ["targets.json"], "refresh_interval": "1s"}],
        }
        return {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": [str(self._rules.absolute())] if self._rules else [],
            "scrape_configs": [job],
        }

    def _ask(self, route: str, **form: str) -> dict[str, Any]:
        """By POST: an expression may be longer than an address may be."""
        return _data(self._client.post(f"{self.url}/api/v1/{route}", data=form))

    def _get(self, route: str) -> dict[str, Any]:
        return _data(self._client.get(f"{self.url}/api/v1/{route}"))

    def _is_ready(self) -> bool:
        assert self._process is not None
        if not self._process.alive:
            raise AssertionError(f"Prometheus has ended: {self._log_tail()}")
        with contextlib.suppress(httpx.TransportError):
            return self._client.get(f"{self.url}/-/ready").status_code == 200
        return False

    def _scraped_since(self, moment: float) -> bool:
        # The samples' own time, not the targets page's: that is told a moment before the samples can be asked for.
        fresh = self.query(f"(timestamp(up) > {moment!r}) and up == 1")
        return {target.labels["instance"] for target in self._targets} <= {
            sample.labels["instance"] for sample in fresh
        }

    def _log_tail(self) -> str:
        return "" if self._process is None else self._process.log_tail()

    def _end(self) -> None:
        self._client.close()
        if self._process is not None:
            self._process.stop()


def _data(answer: httpx.Response) -> dict[str, Any]:
    body = answer.json()
    assert body["status"] == "success", f"{body.get('errorType')}: {body.get('error')}"
    data: dict[str, Any] = body["data"]
    return data
