"""The simulator's two clocks, by name, so that a test can move them by hand."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic`: seconds, never falling, for limits and delays. `wall`: Unix seconds, for tokens and `Date`."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
