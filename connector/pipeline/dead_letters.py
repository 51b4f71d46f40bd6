"""Makes a dead letter durable, however long that takes: its record settles only after the broker's acknowledgement.

A topic that cannot be written is a hold: the record waits, is written again (to this topic, never to Front), and the
hold ends with the first acknowledgement.
"""

import asyncio
from dataclasses import dataclass

from connector.core.dead_letter import Failure, Origin, envelope, smaller
from connector.core.records import Record
from connector.ports import Acknowledged, Clock, DeadLetterSink, EventLog, Telemetry


@dataclass(frozen=True, slots=True)
class DeadLetterPolicy:
    """Seconds between writes of a letter that was not acknowledged: doubling from `base_s` up to `cap_s`."""

    origin: Origin
    base_s: float = 0.5
    cap_s: float = 15.0


class DeadLetters:
    """The dead-letter topic as the pipeline uses it."""

    def __init__(
        self,
        sink: DeadLetterSink,
        policy: DeadLetterPolicy,
        clock: Clock,
        telemetry: Telemetry,
        log: EventLog,
    ) -> None:
        self._sink = sink
        self._policy = policy
        self._clock = clock
        self._telemetry = telemetry
        self._log = log
        self.held_since: float | None = None
        """Wall time since which the topic cannot be written; None when it can, or when nothing is to be written."""
        self._writing = 0

    async def write(self, record: Record, failure: Failure) -> None:
        """Return once the broker has acknowledged it. Cancelled on revoke: the record is then repeated elsewhere."""
        self._writing += 1
        try:
            await self._write(record, failure)
        finally:
            self._writing -= 1
            if not self._writing:
                self._released()

    def _released(self) -> None:
        if self.held_since is not None:
            self.held_since = None
            self._log.info("hold.released", scope="dead_letter", reason="unwritable")

    async def _write(self, record: Record, failure: Failure) -> None:
        letter = envelope(record, failure, self._policy.origin, int(self._clock.wall() * 1000))
        writes = 0
        while True:
            answer = await self._sink.write(letter)
            if isinstance(answer, Acknowledged):
                break
            writes += 1
            if answer.too_large:
                letter = smaller(letter)
            self._failed(record, answer.code)
            await asyncio.sleep(min(self._policy.cap_s, self._policy.base_s * 2 ** min(writes - 1, 10)))
        self._released()
        self._telemetry.dead_lettered(record.topic, failure.reason)
        self._log.warning(
            "record.dead_lettered",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            stage=failure.stage,
            reason=failure.reason,
            operation=failure.operation,
            mapping=failure.rule,
            status=failure.http_status,
            message=failure.message,
        )

    def _failed(self, record: Record, code: str) -> None:
        self._telemetry.dead_letter_failed(record.topic)
        self._log.error(
            "dlq.write_failed",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            error_type=code,
        )
        if self.held_since is None:
            self.held_since = self._clock.wall()
            self._log.error("hold.started", scope="dead_letter", reason="unwritable")
