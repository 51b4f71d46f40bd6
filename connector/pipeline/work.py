"""A record in hand: its requests, which of them is next, and what has happened to it so far."""

from asyncio import Task
from dataclasses import dataclass

from connector.core.answers import Answer, Answered
from connector.core.dead_letter import Failure, Stage
from connector.core.ledger import Ledger
from connector.core.mapping import Plan
from connector.core.operations import OPERATIONS, Request
from connector.core.outcome import Attempt, Rejected, RetryPolicy
from connector.core.records import Record


@dataclass(slots=True, eq=False)
class Work:
    """Changed by the pipeline only. Times are monotonic seconds."""

    record: Record
    ledger: Ledger
    plan: Plan
    taken_at: float
    mappings_hash: str
    """Of the mappings that mapped it."""
    index: int = 0
    """The request to send next; those before it are accepted."""
    attempts: int = 0
    """Attempts at this request."""
    counted: int = 0
    """Those of them that count against the record."""
    tries: int = 0
    """All attempts at the record, for its dead letter."""
    evidence_from: float | None = None
    """When this request's first attempt began, or the last one failed: what is accepted from then on is evidence."""
    failed_with: str | None = None
    """How the last attempt failed, in a word."""
    fresh_token_tried: bool = False
    not_found_waited_s: float = 0.0
    maybe_sent: bool = False
    """An earlier attempt may have been carried out: the next one may make a duplicate."""
    sending: Task[None] | None = None
    """The last attempt, which may be under way; with its letter, if it came to that."""
    leaving: bool = False
    """Nothing more of it is sent: it was given up, or an operator settles it."""

    @property
    def request(self) -> Request:
        """The request whose turn it is."""
        return self.plan.requests[self.index]

    def policy(self, settings: RetryPolicy) -> RetryPolicy:
        """How its answers are read: what the settings say, and above them its rule."""
        return settings.with_statuses(self.request.outcomes)

    def attempt(self, accepted_at: float | None) -> Attempt:
        """What the judge is told about the attempt that just ended. `accepted_at`: when its app last accepted one."""
        since = self.evidence_from
        return Attempt(
            number=self.attempts + 1,
            counted=self.counted,
            fresh_token_tried=self.fresh_token_tried,
            not_found_waited_s=self.not_found_waited_s,
            awaits_creation=OPERATIONS[self.request.operation].awaits_creation,
            evidence=accepted_at is not None and since is not None and accepted_at > since,
        )

    def advance(self) -> bool:
        """The request was accepted. True when another one of the record follows."""
        self.index += 1
        self.attempts = self.counted = 0
        self.evidence_from = None
        self.fresh_token_tried = False
        self.not_found_waited_s = 0.0
        self.maybe_sent = False
        return self.index < len(self.plan.requests)


def rejection(work: Work, rejected: Rejected, answer: Answer) -> Failure:
    """Why the record is given up, for its dead letter."""
    status = answer.status if isinstance(answer, Answered) else None
    request_id = answer.headers.get("x-request-id") if isinstance(answer, Answered) else None
    return Failure(
        reason=rejected.reason,
        stage="send",
        message=rejected.message,
        step="connector.core.outcome.decide",
        operation=work.request.operation,
        rule=work.plan.rule,
        mapping_hash=work.mappings_hash,
        http_status=status,
        request_id=request_id,
        attempts=work.tries,
        accepted=work.index,
        details=rejected.details,
    )


def coordinates(record: Record) -> dict[str, object]:
    """A record as the log names it."""
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def retry_fields(work: Work, error: str, stage: Stage, reason: str | None) -> dict[str, object]:
    """What the log says of an attempt that failed and will be repeated. `attempt` counts those at Front."""
    attempt = work.tries if stage == "send" else None
    told = {"operation": work.request.operation, "error_type": error, "reason": reason}
    return {**coordinates(work.record), **told, "stage": stage, "attempt": attempt}
