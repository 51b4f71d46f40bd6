"""The states of a call at Front, and whether a change of one that is about to be sent is one that Front knows.

Front drops a change that its table does not allow, silently. What is asked here is asked of this process's memory alone: calls
whose changes it has seen Front accept, in one assignment of their partition. Of all others nothing is known, and nothing said.
Never here: what becomes of an illegal change (`pipeline/calls.py`), clocks.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from connector.core.records import Epoch, OrderKey, TopicPartition

CallStatus: TypeAlias = Literal[
    "queued", "ringing", "connected", "hold", "hangup", "abandoned", "missed", "transferred"
]
OnIllegalTransition: TypeAlias = Literal["warn", "dead_letter", "off"]
"""What a topic wants done about a change that Front would drop."""

NEXT: Final[Mapping[CallStatus, frozenset[CallStatus]]] = MappingProxyType(
    {
        "queued": frozenset({"connected", "hangup", "missed", "abandoned"}),
        "ringing": frozenset({"queued", "connected", "missed", "abandoned", "transferred"}),
        "connected": frozenset({"hold", "transferred", "hangup"}),
        # The guide says "resumed", a word that Front's enum lacks: `connected` is sent for it.
        "hold": frozenset({"connected", "transferred", "hangup"}),
        "hangup": frozenset(),
        "missed": frozenset(),
        "abandoned": frozenset(),
        "transferred": frozenset(),
    }
)
"""What may follow a state. Those that nothing may follow end the call. Source: Front's docs, "Voice channels"."""

ILLEGAL: Final[tuple[tuple[CallStatus, CallStatus], ...]] = tuple(
    (before, after)
    for before in get_args(CallStatus)
    for after in get_args(CallStatus)
    if after != before and after not in NEXT[before]
)
"""Every change that Front drops."""

ENDED_KEPT_S: Final = 3600.0
"""For how long an ended call is remembered: what still comes for it comes soon."""


@dataclass(frozen=True, slots=True)
class CallStep:
    """What a request says about a call's state. `creates`: it makes the call, which Front does once."""

    status: CallStatus
    creates: bool = False


class Source(NamedTuple):
    """The assignment under which a record was read. Between two of them another member may have moved the call on."""

    tp: TopicPartition
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """Nothing is known of the call: whatever comes is taken for right."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """The call is in that state already, or exists already: a repeat, which changes nothing."""


@dataclass(frozen=True, slots=True)
class Legal:
    """Front knows this change."""

    before: CallStatus
    after: CallStatus


@dataclass(frozen=True, slots=True)
class Illegal:
    """Front would answer 202 and drop it."""

    before: CallStatus
    after: CallStatus


Verdict: TypeAlias = FirstSeen | Repeated | Legal | Illegal


@dataclass(frozen=True, slots=True)
class _Known:
    status: CallStatus
    source: Source
    since: float


class CallStates:
    """The calls that this process knows; mutable, on one thread.

    Calls are named by the default order key of their requests: channel and id. Times are the caller's, in seconds, and do not
    fall.
    """

    def __init__(self, most: int, ended_kept_s: float = ENDED_KEPT_S) -> None:
        """`most`: calls remembered. Ended ones go first, then those of which nothing was heard for longest."""
        self._most = most
        self._ended_kept_s = ended_kept_s
        # Each in the order in which they were last heard of.
        self._live: OrderedDict[OrderKey, _Known] = OrderedDict()
        self._ended: OrderedDict[OrderKey, _Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._live) + len(self._ended)

    def judge(self, call: OrderKey, step: CallStep, source: Source, now: float) -> Verdict:
        """What Front would make of this request, as far as is known. Changes nothing that is known of any call."""
        self._forget_ended(now)
        known = self._live.get(call) or self._ended.get(call)
        if known is None or known.source != source:
            return FirstSeen()
        if step.creates or step.status == known.status:
            return Repeated()
        if step.status in NEXT[known.status]:
            return Legal(known.status, step.status)
        return Illegal(known.status, step.status)

    def accepted(self, call: OrderKey, step: CallStep, source: Source, now: float) -> None:
        """Front has answered 2xx: its state is this one from now on, unless it drops the change."""
        match self.judge(call, step, source, now):
            case FirstSeen() | Legal():
                self._keep(call, _Known(step.status, source, now))
            case Repeated() | Illegal():
                known = self._live.get(call) or self._ended[call]
                self._keep(call, replace(known, since=now))

    def forget(self, call: OrderKey) -> None:
        """Nothing certain is known of its state any more."""
        self._live.pop(call, None)
        self._ended.pop(call, None)

    def _keep(self, call: OrderKey, known: _Known) -> None:
        self.forget(call)
        (self._live if NEXT[known.status] else self._ended)[call] = known
        while len(self) > self._most:
            (self._ended or self._live).popitem(last=False)

    def _forget_ended(self, now: float) -> None:
        while self._ended:
            oldest = next(iter(self._ended.values()))
            if now - oldest.since < self._ended_kept_s:
                return
            self._ended.popitem(last=False)
