"""How the tests run against a mutant: the quick ones first, generated cases few, always the same and never shrunk.

A pytest plugin that `[tool.mutmut]` names; an ordinary run does not know it. A mutant costs a run of the tests that reach
its function, up to the first that fails, so what kills most of them cheaply goes first.
Never here: which mutants survive, and whether they may (`verdict`).
"""

import pytest
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings

EXAMPLES = 30

settings.register_profile(
    "mutation",
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,  # a busy machine must not count as a killed mutant
    phases=(
        Phase.explicit,
        Phase.generate,
    ),  # that it fails is enough: how small the case can be tells nothing here
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by cost; state machines, which say themselves how long they run, are told to run shorter."""
    for item in items:
        if _is_state_machine(item):
            machine = item.cls  # type: ignore[attr-defined]
            machine.settings = settings(machine.settings, max_examples=EXAMPLES)
    items.sort(key=_cost)


def _is_state_machine(item: pytest.Item) -> bool:
    return item.name == "runTest"


def _cost(item: pytest.Item) -> int:
    if _is_state_machine(item):
        return 2
    return 1 if is_hypothesis_test(getattr(item, "obj", None)) else 0
