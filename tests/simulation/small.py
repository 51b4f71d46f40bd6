"""The product with bounds so small that a schedule reaches them: what a poll brings, and how long a map may become."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from connector.adapters.kafka import consumer
from connector.core import offset_map
from connector.pipeline import intake, partition

BATCH, AHEAD = 8, 2
"""The consumer's, for as long as a schedule is played."""

_WITH_A_LIMIT: tuple[Any, ...] = (offset_map.fit, offset_map.entry)
"""The product's own, whatever a seeded bug puts in their place."""


@contextmanager
def small(map_budget: int | None) -> Iterator[None]:
    """`map_budget`: characters, None for as many as in production. It is set wherever the product has taken it over."""
    with ExitStack() as stack:
        stack.enter_context(patch.multiple(consumer, BATCH=BATCH, AHEAD=AHEAD))
        if map_budget is not None:
            for module in (offset_map, intake, partition):
                stack.enter_context(patch.object(module, "MAX_METADATA", map_budget))
            for function in _WITH_A_LIMIT:
                stack.enter_context(patch.dict(function.__kwdefaults__, limit=map_budget))
            begin: Any = partition.Partition.__init__
            code = begin.__code__
            names = code.co_varnames[: code.co_argcount][-len(begin.__defaults__) :]
            defaults = {**dict(zip(names, begin.__defaults__, strict=True)), "map_limit": map_budget}
            stack.enter_context(patch.object(begin, "__defaults__", tuple(defaults.values())))
        yield
