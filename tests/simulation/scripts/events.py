"""What members were told, as text in which two runs can be compared. What differs by chance on a real client is left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

CALLBACKS = ("assigned", "revoked", "lost")


@dataclass(frozen=True, slots=True)
class Event:
    """`partition`: None if it is not one partition's. `message`: it came from polling."""

    what: str
    partition: int | None = None
    detail: str = ""
    partitions: Sequence[int] = ()
    offset: int | None = None
    message: bool = False


class Events:
    """What was told, by member, and under `group` what was seen from outside."""

    def __init__(self, *, with_empty: bool) -> None:
        """`with_empty`: callbacks that bring nothing count. In classic groups a member that is late skips one."""
        self._with_empty = with_empty
        self._events: dict[str, list[Event]] = {}
        self._names: dict[int, str] = {}

    def note(self, who: str, event: Event) -> None:
        """Write it down."""
        self._events.setdefault(who, []).append(event)

    def call(self, partition: int, name: str) -> None:
        """Which partition it is was chance."""
        self._names[partition] = name

    def lines(self) -> Mapping[str, Sequence[str]]:
        """In words, in a form in which two runs can be compared."""
        return {who: list(self._lines(events)) for who, events in self._events.items()}

    def _lines(self, events: Sequence[Event]) -> Iterator[str]:
        if not self._with_empty:
            events = [event for event in events if not _empty(event)]
        events = _without_echoes(_empty_ones_first(events))
        for messages, some in groupby(events, lambda event: event.message):
            run = list(some)
            if messages:
                # Between partitions there is no order; an end that was passed at once is chance.
                run = [event for at, event in enumerate(run) if not _passed(event, run[at + 1 :])]
                run.sort(key=lambda event: self._name(event.partition))
                run = _joined(run)
            for event in run:
                numbers = [*([] if event.partition is None else [event.partition]), *event.partitions]
                yield " ".join([event.what, *sorted(map(self._name, numbers)), event.detail]).rstrip()

    def _name(self, partition: int | None) -> str:
        return "" if partition is None else self._names.get(partition, str(partition))


def _empty(event: Event) -> bool:
    return event.what in CALLBACKS and not event.partitions


def _empty_ones_first(events: Sequence[Event]) -> Sequence[Event]:
    """Callbacks that bring nothing, put before the messages that they came behind: which of those came first is chance."""
    found: list[Event] = []
    for event in events:
        at = len(found)
        if _empty(event):
            while at and found[at - 1].message:
                at -= 1
        found.insert(at, event)
    return found


def _without_echoes(events: Sequence[Event]) -> Sequence[Event]:
    """Without ends that were told again after a callback: whether there was time to tell them before the next is chance."""
    found = []
    told: dict[int | None, int | None] = {}
    called_back: set[int | None] = set()
    for event in events:
        if event.what in CALLBACKS:
            called_back.update(told)
            for number in event.partitions:
                told.pop(number, None)
        echo = event.what == "end" and event.partition in called_back
        if echo and told.get(event.partition) == event.offset:
            continue
        if event.message:
            called_back.discard(event.partition)
            told[event.partition] = event.offset if event.what == "end" else None
        found.append(event)
    return found


def _passed(event: Event, later: Sequence[Event]) -> bool:
    return event.what == "end" and any(
        other.what == "record" and other.partition == event.partition for other in later
    )


def _joined(events: Sequence[Event]) -> list[Event]:
    """Records that follow one another as one event: `record 0 @5..9`."""
    found: list[Event] = []
    begin = end = 0
    for event in events:
        same = bool(found) and found[-1].what == event.what == "record"
        if same and found[-1].partition == event.partition and event.offset == end + 1:
            end += 1
            found[-1] = replace(found[-1], detail=f"@{begin}..{end}")
            continue
        if event.what == "record":
            begin = end = event.offset or 0
        found.append(event)
    return found
