"""Whether this process may still start requests: until its group may have given its partitions to somebody else.

A member that is cut off from its coordinator but not from Front hears of its expulsion too late (under KIP-848 only when a
heartbeat is answered; after a frozen process thaws, in both protocols). So it counts for itself: the coordinator took it for a
member when it acknowledged a commit, and keeps it at least a session time-out from the moment that commit was *sent*. A request
that starts a request deadline before that has ended, or its token has expired, when another member may begin.
Under KIP-848 a heartbeat counts as a sign of life and a commit does not: the coordinator may let the member go one heartbeat
interval earlier. The next owner waits a request deadline after its claim before it sends, which covers that as long as the
deadline is no shorter than the interval: a start with other numbers is refused (`adapters/kafka/checks.py`).
The clock must count suspended time (see `ports.Clock.monotonic`).
"""


class Lease:
    """Renewed by acknowledged commits. All times in seconds on the caller's clock."""

    __slots__ = ("_length", "_renew_after", "_sent_at")

    def __init__(self, session_s: float, request_deadline_s: float) -> None:
        """`session_s`: how long the coordinator keeps a silent member; above `request_deadline_s`."""
        assert request_deadline_s < session_s, "refused by the settings: no request could ever start"
        self._length = session_s - request_deadline_s
        # Twice within its length at least: one commit may fail.
        self._renew_after = min(session_s / 3, self._length / 2)
        self._sent_at: float | None = None

    def renewed(self, sent_at: float) -> None:
        """The coordinator acknowledged a commit that was sent then."""
        self._sent_at = sent_at if self._sent_at is None else max(sent_at, self._sent_at)

    def ended(self) -> None:
        """The coordinator does not know this member any more: nothing starts until it acknowledges a commit again.

        Under KIP-848 it may have expelled a member whose commits it took a moment ago: only heartbeats keep one alive there.
        """
        self._sent_at = None

    def remaining(self, now: float) -> float | None:
        """For how long requests may start; 0 or less: none may. None before the first acknowledged commit."""
        return None if self._sent_at is None else self._sent_at + self._length - now

    def live(self, now: float) -> bool:
        """A request may start."""
        remaining = self.remaining(now)
        return remaining is not None and remaining > 0

    def due(self, now: float) -> bool:
        """Nothing acknowledged was sent for a third of the session: commit again, though nothing has changed."""
        return self._sent_at is None or now - self._sent_at >= self._renew_after
