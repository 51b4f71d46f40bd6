"""A record in hand: its requests, which of them is next, and what has happened to it so far."""

from dataclasses import dataclass

from connector.core.ledger import Ledger
from connector.core.mapping import Plan
from connector.core.operations import OPERATIONS, Request
from connector.core.outcome import Attempt
from connector.core.records import Record


@dataclass(slots=True, eq=False)
class Work:
    """Changed by the pipeline only. Times are monotonic seconds."""

    record: Record
    ledger: Ledger
    plan: Plan
    taken_at: float
    index: int = 0
    """The request to send next; those before it are accepted."""
    attempts: int = 0
    """Attempts at this request that counted towards the limit."""
    tries: int = 0
    """All attempts at the record, for its dead letter."""
    first_attempt_at: float | None = None
    fresh_token_tried: bool = False
    not_found_since: float | None = None
    maybe_sent: bool = False
    """An earlier attempt may have been carried out: the next one may make a duplicate."""

    @property
    def request(self) -> Request:
        """The request whose turn it is."""
        return self.plan.requests[self.index]

    def attempt(self, accepted_at: float | None) -> Attempt:
        """What the judge is told about the attempt that just ended. `accepted_at`: when its app last accepted one."""
        began = self.first_attempt_at
        return Attempt(
            number=self.attempts + 1,
            fresh_token_tried=self.fresh_token_tried,
            not_found_since=self.not_found_since,
            awaits_creation=OPERATIONS[self.request.operation].awaits_creation,
            evidence=accepted_at is not None and began is not None and accepted_at > began,
        )

    def advance(self) -> bool:
        """The request was accepted. True when another one of the record follows."""
        self.index += 1
        self.attempts = 0
        self.first_attempt_at = None
        self.fresh_token_tried = False
        self.not_found_since = None
        self.maybe_sent = False
        return self.index < len(self.plan.requests)
