"""One record through one topic's mapping, as the service would take it, with the rules that were asked. Sends nothing."""

from dataclasses import dataclass

from connector.core.dead_letter import Failure
from connector.core.mapping import Input, Result, TopicMapping, Tried


@dataclass(frozen=True, slots=True)
class Trial:
    """What a record becomes. `tried` is empty when no rule was asked: skipped before, not readable, or a Python mapper's."""

    result: Result | Failure
    tried: tuple[Tried, ...] = ()


def try_record(topic: TopicMapping, taken: Input | Failure, now_wall: float) -> Trial:
    """`taken` Failure: its bytes cannot be read. `now_wall`: Unix seconds, for `max_age_s`."""
    if isinstance(taken, Failure):
        return Trial(taken)
    skip = topic.skips(taken.record, now_wall)
    return Trial(skip) if skip is not None else Trial(topic.map(taken), topic.tried(taken))
