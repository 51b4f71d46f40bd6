"""What the sender tells of Front: all of it as metrics, and what a person should read as log lines too."""

from connector.adapters.front.rotation import Which
from connector.adapters.telemetry import Metrics
from connector.core.clock_skew import SkewEpisodes
from connector.ports import EventLog, NoTracing, Tracing


class FrontEvents:
    """Implements the sender's `RequestObserver`."""

    def __init__(self, metrics: Metrics, log: EventLog, tracing: Tracing | None = None) -> None:
        self._metrics = metrics
        self._log = log
        self._tracing = tracing or NoTracing()
        self._episodes = SkewEpisodes()
        self.rate_limit = metrics.rate_limit

    def request(self, operation: str, status: str, took_s: float) -> None:
        """One attempt, with the trace that it belongs to."""
        span = self._tracing.current()
        self._metrics.request(operation, status, took_s, None if span is None else span.trace_id)

    def clock_skew(self, seconds: float) -> None:
        """A line when the clocks come apart, and one when they agree again."""
        self._metrics.clock_skew(seconds)
        match self._episodes.note(seconds):
            case "began":
                self._log.warning("clock.skewed", seconds=round(seconds, 1))
            case "ended":
                self._log.info("clock.agrees", seconds=round(seconds, 1))

    def other_secret(self, app: str, which: Which, *, accepted: bool) -> None:
        """A line when another secret of an app is taken into use, which happens once for each change at Front."""
        self._metrics.other_secret("accepted" if accepted else "refused")
        if not accepted:
            return
        if which == "former":
            self._log.warning("front.secret_switched", app=app, state=which)
        else:
            self._log.info("front.secret_switched", app=app, state=which)
