"""The real clocks. Everything else is told the time."""

import random
import time


class SystemClock:
    """Implements `ports.Clock`."""

    def monotonic(self) -> float:
        """Seconds, never falling."""
        return time.monotonic()

    def wall(self) -> float:
        """Unix seconds."""
        return time.time()

    def jitter(self) -> float:
        """A number in [0, 1): spreads retries, guards nothing."""
        return random.random()  # noqa: S311
