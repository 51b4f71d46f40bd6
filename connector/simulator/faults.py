"""What this Front is told to do wrong: rules that match requests, and what becomes of those.

Decides only which rule strikes; `asgi.py` carries it out. The share of a rule is drawn from a generator of its
own, so that one rule's draws do not depend on another's.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from connector.simulator.routes import NAMES
from connector.simulator.suggest import did_you_mean

Effect = Literal[
    "status",
    "status_after",
    "non_json",
    "redirect",
    "drop",
    "drop_after",
    "reset",
    "reset_after",
    "half_close",
    "half_close_after",
    "hang",
    "hang_after",
    "delay",
    "slow_body",
    "cut_body",
    "garbage_body",
]
"""`..._after`: the request is carried out first, so that the item exists and the client saw a failure.

status: this status. non_json: a page of HTML, by default with 502. redirect: to `location`. drop: the connection
is closed without an answer. reset: the same as a TCP reset. half_close: only our direction of it is closed. hang: no
answer until the client goes. delay: only later, and otherwise as always. The last three carry the request out:
slow_body takes `delay_ms` for the answer's body, cut_body ends in the middle of it, garbage_body puts noise in its place.
"""


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Fault(BaseModel):
    """One rule: which requests (all that is given must match), how many of them, and the effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """Operation ids, or `get-message` for the look-up; none means all."""
    channel: str | None = None
    """The channel's real id."""
    company: str | None = None
    external_id: str | None = None
    """A regular expression, searched in the message, conversation, call and template ids of the request."""
    share: float = Field(default=1.0, ge=0, le=1)
    times: int | None = Field(default=None, ge=1)
    """At most so many requests in all."""
    every: int = Field(default=1, ge=1)
    """Each so-many-th of the matching requests."""

    effect: Effect
    status: int | None = Field(default=None, ge=200, le=599)
    body: JsonValue = None
    """Replaces the error body of `status`; a text is sent as it is, as text/html."""
    retry_after: int | float | str | None = None
    """The value of a `retry-after` header, malformed if you like."""
    delay_ms: int = Field(default=0, ge=0)
    """Waited before the effect, and before anything is stored; of `slow_body`, how long the body takes."""
    location: str = "https://elsewhere.example/"

    @model_validator(mode="after")
    def _whole(self) -> "Fault":
        for name in self.operation:
            if name not in NAMES:
                raise ValueError(f"operation: no operation {name!r}{did_you_mean(name, NAMES)}")
        if self.effect in ("status", "status_after") and self.status is None:
            raise ValueError(f"status: effect {self.effect!r} needs the status to answer")
        if self.effect in ("delay", "slow_body") and not self.delay_ms:
            raise ValueError(f"delay_ms: effect {self.effect!r} needs the milliseconds to wait")
        if self.external_id is not None:
            try:
                re.compile(self.external_id)
            except re.error as exc:
                raise ValueError(f"external_id: not a regular expression: {exc}") from exc
        return self


@dataclass(frozen=True, slots=True)
class Facts:
    """What a rule may look at. Unknown parts are None and match only a rule that does not ask for them."""

    operation: str | None
    channel: str | None
    company: str | None
    ids: tuple[str, ...]


@dataclass(slots=True)
class _Armed:
    """A rule in force, with its counts and its own generator."""

    number: int
    rule: Fault
    chance: random.Random
    ids: re.Pattern[str] | None
    matched: int = 0
    struck: int = 0

    def matches(self, facts: Facts) -> bool:
        rule = self.rule
        return (
            (not rule.operation or facts.operation in rule.operation)
            and (rule.channel is None or rule.channel == facts.channel)
            and (rule.company is None or rule.company == facts.company)
            and (self.ids is None or any(self.ids.search(one) for one in facts.ids))
        )

    def strikes(self) -> bool:
        """Count a matching request and say whether it is one to strike."""
        rule = self.rule
        self.matched += 1
        if self.matched % rule.every or (rule.times is not None and self.struck >= rule.times):
            return False
        if rule.share < 1 and self.chance.random() >= rule.share:
            return False
        self.struck += 1
        return True


@dataclass(slots=True)
class Faults:
    """The rules in force, in order: the first that strikes wins."""

    _armed: list[_Armed] = field(default_factory=list)
    _next: int = 1

    def pick(self, facts: Facts) -> Fault | None:
        """The fault that this request meets, counted, or None."""
        for armed in self._armed:
            if armed.matches(facts) and armed.strikes():
                return armed.rule
        return None

    def add(self, rule: Fault, seed: int) -> int:
        """Put a rule behind the others; returns its number."""
        number = self._next
        self._next += 1
        # Not for secrets: a generator that a seed repeats is the point.
        chance = random.Random(f"{seed}/{number}")  # noqa: S311
        ids = re.compile(rule.external_id) if rule.external_id is not None else None
        self._armed.append(_Armed(number, rule, chance, ids))
        return number

    def replace(self, rules: Sequence[Fault], seed: int) -> None:
        """These rules and no others, numbered from 1 again."""
        self._armed.clear()
        self._next = 1
        for rule in rules:
            self.add(rule, seed)

    def shown(self) -> list[dict[str, Any]]:
        """Each rule with its number and counts, for GET /_sim/faults."""
        return [
            {
                "id": armed.number,
                "matched": armed.matched,
                "struck": armed.struck,
                "rule": armed.rule.model_dump(mode="json", exclude_defaults=True),
            }
            for armed in self._armed
        ]
