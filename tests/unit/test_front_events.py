"""What becomes of the sender's facts and of secret files that change: metrics, and a line where a person should read one."""

from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs

from connector.adapters.files import CHECK_EVERY_S, SecretFileError
from connector.adapters.telemetry import Metrics
from connector.app.clock import SystemClock
from connector.app.front_events import FrontEvents
from connector.app.secrets import Secrets
from connector.app.status import Status
from connector.core.status import BuildInfo, Snapshot


class Clock(SystemClock):
    """Its monotonic time is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def metrics() -> Metrics:
    build = BuildInfo(version="", revision="", python="", librdkafka="")
    return Metrics(lambda: Snapshot(state="running", ready=True), build)


def exposed(metrics: Metrics, series: str) -> float:
    text = metrics.exposition(None)[0].decode()
    [line] = [line for line in text.splitlines() if line.startswith(f"front_connector_{series} ")]
    return float(line.split()[-1])


def log() -> Any:
    return structlog.get_logger("test").bind()


def test_a_clock_that_is_off_is_told_once_an_episode(metrics: Metrics) -> None:
    """Each estimate is in the gauge; the log hears when it begins and when it ends."""
    with capture_logs() as lines:
        events = FrontEvents(metrics, log())
        for skew in (0.0, 3.14, 3.2, 40.0):
            events.clock_skew(skew)
        assert exposed(metrics, "clock_skew_seconds") == 40.0
        events.clock_skew(0.5)
    assert lines == [
        {"event": "clock.skewed", "log_level": "warning", "seconds": 3.1},
        {"event": "clock.agrees", "log_level": "info", "seconds": 0.5},
    ]


def test_another_secret_is_counted_and_told_when_it_is_taken_into_use(metrics: Metrics) -> None:
    """One that was refused too is counted: the hold that follows is told anyway."""
    series = 'front_other_secret_tries_total{result="%s"}'
    assert (exposed(metrics, series % "accepted"), exposed(metrics, series % "refused")) == (0, 0)
    with capture_logs() as lines:
        events = FrontEvents(metrics, log())
        events.other_secret("main", "former", accepted=False)
        events.other_secret("main", "former", accepted=True)
        events.other_secret("main", "newest", accepted=True)
    assert lines == [
        {"event": "front.secret_switched", "log_level": "warning", "app": "main", "state": "former"},
        {"event": "front.secret_switched", "log_level": "info", "app": "main", "state": "newest"},
    ]
    assert (exposed(metrics, series % "accepted"), exposed(metrics, series % "refused")) == (2, 1)


def test_a_secret_file_that_becomes_useless_is_seen_until_it_is_well(tmp_path: Path) -> None:
    """All files together: one that is no use is enough; the last good value stays in use."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("one")
    second.write_text("two")
    clock = Clock()
    with capture_logs() as lines:
        secrets = Secrets(clock, log())
        nothing: Any = None
        status = Status(nothing, nothing, nothing, (), secrets=secrets)
        assert secrets.reloaded is None
        assert list(status._reloaded()) == []
        assert secrets(SecretStr("fixed"), None).value() == "fixed"
        assert secrets.reloaded is None
        held = [secrets(None, path) for path in (first, second)]
        assert secrets.reloaded is True
        for text, reloaded in (("", False), ("one more", True)):
            first.write_text(text)
            clock.now += CHECK_EVERY_S
            assert [secret.value() for secret in held] == [text or "one", "two"]
            assert secrets.reloaded is reloaded
            assert list(status._reloaded()) == [("secret", reloaded)]
    assert [(line["event"], line["kind"], line["path"]) for line in lines] == [
        ("config.reload.failed", "secret", str(first)),
        ("config.reloaded", "secret", str(first)),
    ]
    with pytest.raises(SecretFileError):
        secrets(None, tmp_path / "absent")
