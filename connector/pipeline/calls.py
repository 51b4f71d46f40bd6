"""Changes of a call's state that Front would drop, noticed before they are sent.

What this process knows of a call is moved on by what Front *accepted*: a request without an answer has moved nothing yet, and
as the next one of its call waits for it, nobody asks meanwhile. A record that is given up although an attempt may have been
carried out leaves the call in a state that nobody can tell, so it is forgotten.
Never here: which changes are legal (`core.call_states`), whether and when to send (`life`).
"""

from collections.abc import Callable

from connector.core.answers import Answer, Answered
from connector.core.call_states import CallStates, Illegal, Source
from connector.core.dead_letter import Failure
from connector.core.mapping import MappingSet
from connector.core.records import key_hash
from connector.pipeline.work import Work, coordinates
from connector.pipeline.world import World


class CallChecks:
    """Of the whole process; on the event loop."""

    def __init__(self, world: World, mappings: Callable[[], MappingSet], most: int) -> None:
        """`mappings`: those in force. `most`: calls remembered."""
        self._states = CallStates(most)
        self._mappings = mappings
        self._clock = world.clock
        self._telemetry = world.telemetry
        self._log = world.log

    def refused(self, work: Work) -> Failure | None:
        """Asked before the first attempt at a request: why its record is given up instead; None: send it."""
        step = work.request.call
        if step is None:
            return None
        policy = self._mappings().topics[work.record.topic].on_illegal_transition
        if policy == "off":
            return None
        call = work.request.order_key
        verdict = self._states.judge(call, step, _source(work), self._clock.monotonic())
        if not isinstance(verdict, Illegal):
            return None
        self._telemetry.illegal_transition(verdict.before, verdict.after)
        self._log.warning(
            "call.illegal_transition",
            **coordinates(work.record),
            mapping=work.plan.rule,
            key_hash=key_hash(call),
            before=verdict.before,
            after=verdict.after,
        )
        return _failure(work, verdict) if policy == "dead_letter" else None

    def accepted(self, work: Work, answer: Answer) -> None:
        """The request whose turn it is counts as accepted: by Front, or by what its rule says of another answer."""
        step, call = work.request.call, work.request.order_key
        if step is None:
            return
        if isinstance(answer, Answered) and 200 <= answer.status < 300:
            self._states.accepted(call, step, _source(work), self._clock.monotonic())
        else:
            self._states.forget(call)

    def given_up(self, work: Work) -> None:
        """Its record becomes a dead letter."""
        if work.request.call is not None and work.maybe_sent:
            self._states.forget(work.request.order_key)


def _source(work: Work) -> Source:
    return Source(work.record.tp, work.record.epoch)


def _failure(work: Work, found: Illegal) -> Failure:
    return Failure(
        reason="illegal_transition",
        stage="validate",
        message=f"rule {work.plan.rule!r}: the call is {found.before}, and Front ignores a change from there to {found.after}",
        step="connector.core.call_states.judge",
        operation=work.request.operation,
        rule=work.plan.rule,
        mapping_hash=work.mappings_hash,
        attempts=work.tries,
        accepted=work.index,
    )
