"""The real clocks. Everything else is told the time."""

import random
import time
from functools import partial

_SUSPENDED_TOO = getattr(time, "CLOCK_BOOTTIME", None)
"""`time.monotonic` stands still while a machine is suspended: a lease would live on for as long as that."""
_now = time.monotonic if _SUSPENDED_TOO is None else partial(time.clock_gettime, _SUSPENDED_TOO)


class SystemClock:
    """Implements `ports.Clock`."""

    def monotonic(self) -> float:
        """Seconds, never falling; where the system can tell, also while it was suspended (Linux: CLOCK_BOOTTIME)."""
        return _now()

    def wall(self) -> float:
        """Unix seconds."""
        return time.time()

    def jitter(self) -> float:
        """A number in [0, 1): spreads retries, guards nothing."""
        return random.random()  # noqa: S311
