"""One record through one topic's mapping, as the service would take it, with the rules that were asked. Sends nothing."""

from dataclasses import dataclass

from connector.core.dead_letter import Failure
from connector.core.mapping import Input, PythonMapper, Result, TopicMapping, Tried
from connector.ports import GaveUp, RestartNeeded
from connector.workbench.bounded import BoundedCalls


@dataclass(frozen=True, slots=True)
class Trial:
    """What a record becomes. `tried` is empty when no rule was asked: skipped before, not readable, or a Python mapper's.

    `no_answer`: why a Python mapper gave none, as a sentence; `result` is then what the service would make of that.
    """

    result: Result | Failure
    tried: tuple[Tried, ...] = ()
    no_answer: str | None = None


def try_record(topic: TopicMapping, taken: Input | Failure, now_wall: float, calls: BoundedCalls) -> Trial:
    """`taken` Failure: its bytes cannot be read. `now_wall`: Unix seconds, for `max_age_s`. `calls`: of Python mappers."""
    if isinstance(taken, Failure):
        return Trial(taken)
    skip = topic.skips(taken.record, now_wall)
    if skip is not None:
        return Trial(skip)
    if isinstance(topic.maps, PythonMapper):
        return _called(topic.maps, taken, calls)
    return Trial(topic.map(taken), topic.tried(taken))


def _called(mapper: PythonMapper, taken: Input, calls: BoundedCalls) -> Trial:
    try:
        result = calls.run(lambda: mapper.map(taken))
    except RestartNeeded as stuck:
        return Trial(
            mapper.gave_up("was not called"), no_answer=f"the mapper {mapper.name} was not called: {stuck}"
        )
    if isinstance(result, GaveUp):
        said = f"the mapper {mapper.name} {result.why} (the bound is mappings.mapper_timeout_s)"
        return Trial(mapper.gave_up(result.why), no_answer=said)
    return Trial(result)
