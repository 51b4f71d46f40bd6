"""The states of a call and which may follow which.

Source: Front's voice guide. The end states allow nothing; a transfer goes on as a new call.
"""

from collections.abc import Mapping

NEXT: Mapping[str, frozenset[str]] = {
    "queued": frozenset({"connected", "hangup", "missed", "abandoned"}),
    "ringing": frozenset({"queued", "connected", "missed", "abandoned", "transferred"}),
    "connected": frozenset({"hold", "transferred", "hangup"}),
    # The guide says "resumed", which the contract's list of states lacks: `connected` is sent for it.
    "hold": frozenset({"connected", "transferred", "hangup"}),
    "hangup": frozenset(),
    "missed": frozenset(),
    "abandoned": frozenset(),
    "transferred": frozenset(),
}


def allowed(before: str, after: str) -> bool:
    """Whether a call in state `before` may go to `after`; a repeated state is not a transition."""
    return after in NEXT[before]
