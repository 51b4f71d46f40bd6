"""What a script is played on, and the members who play it: what each of them is told is written down.

A script is a plain function that does one thing after another. It is played twice, by the model of the client on simulated
brokers and by the real client on real ones (`simulated.py`; `tests/kafka/real_stage.py`): both lists must be the same. Left
out of them is what differs by nature: times, which of two partitions moves, and the order between partitions.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal, Protocol, TypeAlias

from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition

GroupProtocol: TypeAlias = Literal["classic", "consumer"]

SESSION_S = 2.0
HEARTBEAT_S = 0.2
SOCKET_S = 1.5
MAX_POLL_S = 6.0
METADATA_MAX = 4096
COMMIT_MAX = 60_000
"""Bytes of a whole commit; 1 MiB where nobody has changed `message.max.bytes`."""
EPOCH_ENDS = 10
"""Where the first leader's records end in a log that was made by two leaders; it is 30 long."""
PATIENCE_S = 20.0
POLL_S = 0.02
CALLBACKS = ("assigned", "revoked", "lost")

LOST_ANSWER = None
"""The coordinator does as it is asked, and nobody hears of it."""


class Stage(Protocol):
    """One topic, its group, and what a script may do to them. Partitions are numbers; the group has the topic's name."""

    topic: str
    protocol: GroupProtocol
    events: "Events"

    def client(self, name: str) -> Any:
        """A new client: `connector.adapters.kafka.protocols.Client`, here also with asynchronous commits."""

    def now(self) -> float:
        """Seconds."""

    def pass_time(self, seconds: float) -> None:
        """Nobody polls."""

    def produce(self, partition: int, count: int) -> None:
        """Records at the end."""

    def transaction(self, partition: int, count: int) -> Callable[[bool], None]:
        """Records in a transaction that stays open; call what is returned to commit (True) or abort it."""

    def delete_records(self, partition: int, before: int) -> None:
        """As retention does."""

    def answer_next_commit(self, error: int | None) -> None:
        """The next commit is refused unseen with this error, or its answer is lost; other commits are as always."""

    def cut(self, name: str) -> None:
        """Between this client and the coordinator nothing passes any more."""

    def mend(self, name: str) -> None:
        """It passes again."""

    def held(self, partition: int) -> tuple[int, str | None] | None:
        """Offset and text that the coordinator holds."""

    def applied(self) -> Sequence[tuple[int, int]]:
        """(partition, offset) of every commit that reached the coordinator, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """`two_leaders`: the log is 30 long and was made by two leaders, see `EPOCH_ENDS`."""

    name: str
    play: Callable[[Stage], None]
    partitions: int = 1
    records: int = 0
    two_leaders: bool = False
    protocols: Sequence[GroupProtocol] = ("classic", "consumer")


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

    def __init__(self) -> None:
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


def _empty_ones_first(events: Sequence[Event]) -> Sequence[Event]:
    """Callbacks that bring nothing, put before the messages that they came behind: which of those came first is chance."""
    found: list[Event] = []
    for event in events:
        at = len(found)
        if event.what in CALLBACKS and not event.partitions:
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


class Actor:
    """A member of the group: what it does, and what it is told."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.name = name
        self.client = stage.client(name)
        self.owned: dict[int, None] = {}
        self.heard: list[Event] = []
        self.leader_epoch: int | None = None
        """Of the newest record that it was given."""
        self._inside = False

    # --- membership -------------------------------------------------------------------------------------------

    def subscribe(self) -> None:
        """Join the group."""
        topics = [self.stage.topic]
        self.client.subscribe(
            topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def close(self) -> None:
        """Leave it."""
        with self._calling():
            self.client.close()
        self._note(Event("closed"))

    def _on_assign(self, client: Any, partitions: Sequence[TopicPartition]) -> None:
        self._called_back("assigned", partitions)
        self.owned.update(dict.fromkeys(place.partition for place in partitions))
        found = client.committed(list(partitions), timeout=10.0) if partitions else []
        client.incremental_assign([self.place(one.partition, max(0, one.offset)) for one in found])

    def _on_revoke(self, client: Any, partitions: Sequence[TopicPartition]) -> None:
        self._called_back("revoked", partitions)
        self._gone(client, partitions)

    def _on_lost(self, client: Any, partitions: Sequence[TopicPartition]) -> None:
        self._called_back("lost", partitions)
        self._gone(client, partitions)

    def _gone(self, client: Any, partitions: Sequence[TopicPartition]) -> None:
        for place in partitions:
            self.owned.pop(place.partition, None)
        client.incremental_unassign([self.place(place.partition) for place in partitions])

    def _called_back(self, what: str, partitions: Sequence[TopicPartition]) -> None:
        where = "" if self._inside else "OUTSIDE A CALL"
        self._note(Event(what, None, where, [place.partition for place in partitions]))

    # --- polling ----------------------------------------------------------------------------------------------

    def poll(self) -> None:
        """For a moment."""
        with self._calling():
            message = self.client.poll(POLL_S)
        self._hear([] if message is None else [message])

    def consume(self, most: int) -> None:
        """What is there already."""
        with self._calling():
            messages = self.client.consume(most, 0)
        self._hear(messages)

    def poll_for(self, seconds: float) -> None:
        """Poll so long, whatever comes."""
        ends = self.stage.now() + seconds
        self.poll_until(lambda: self.stage.now() >= ends)

    def poll_until(self, holds: Callable[[], object]) -> None:
        """Poll until it holds."""
        poll_until(holds, self)

    def read_to(self, offset: int, partition: int = 0) -> None:
        """Poll until the record at this offset is the newest of its partition that came since it was assigned."""
        self.poll_until(lambda: self._newest(partition) == offset)

    def _newest(self, partition: int) -> int | None:
        for event in reversed(self.heard):
            if event.what == "record" and event.partition == partition:
                return event.offset
            if event.what == "assigned" and partition in event.partitions:
                break
        return None

    def hears(self, what: str, detail: str = "") -> None:
        """Poll until it is told this."""
        before = len(self.heard)

        def told() -> bool:
            return any(one.what == what and detail in one.detail for one in self.heard[before:])

        self.poll_until(told)

    def mark(self, text: str) -> None:
        """What the script has just done."""
        self._note(Event(f"({text})"))

    def _hear(self, messages: Sequence[Any]) -> None:
        for message in messages:
            error = message.error()
            offset = message.offset()
            what = "record" if error is None else {"_PARTITION_EOF": "end"}.get(error.name(), error.name())
            if error is None:
                self.leader_epoch = message.leader_epoch()
            at = "" if offset is None or offset == OFFSET_INVALID else f"@{offset}"
            self._note(Event(what, message.partition(), at, offset=offset, message=True))

    # --- what it asks of its client ---------------------------------------------------------------------------

    def pause(self, *partitions: int) -> None:
        """Fetch nothing of these."""
        self._do("pause", lambda: self.client.pause([self.place(number) for number in partitions]))

    def resume(self, *partitions: int) -> None:
        """Fetch them again."""
        self._do("resume", lambda: self.client.resume([self.place(number) for number in partitions]))

    def seek(self, partition: int, offset: int, leader_epoch: int | None = None) -> None:
        """Read on from there."""
        self._do("seek", lambda: self.client.seek(self.place(partition, offset, leader_epoch)))

    def begin_at(self, partition: int, offset: int, leader_epoch: int | None) -> None:
        """Move there and seek it: the way to have a position held to its leader epoch.

        Between giving a partition up and its new beginning the client refuses a seek (_STATE) for a moment, not always.
        """
        self.move(partition, offset)
        place = self.place(partition, offset, leader_epoch)

        def seek() -> None:
            deadline = self.stage.now() + PATIENCE_S
            while True:
                try:
                    self.client.seek(place)
                    return
                except KafkaException as error:
                    if error.args[0].name() != "_STATE" or self.stage.now() > deadline:
                        raise

        self._do("seek", seek)

    def move(self, partition: int, offset: int, leader_epoch: int | None = None) -> None:
        """Give the partition up and take it again, there."""
        place = self.place(partition, offset, leader_epoch)
        self._do("unassign", lambda: self.client.incremental_unassign([self.place(partition)]))
        self._do("assign", lambda: self.client.incremental_assign([place]))

    def commit(self, *entries: tuple[int, int, str]) -> None:
        """(partition, offset, text) each; waits for the answer."""
        offsets = [TopicPartition(self.stage.topic, number, at, text) for number, at, text in entries]
        self._do("commit", lambda: self.client.commit(offsets=offsets, asynchronous=False))

    def commit_and_go_on(self, partition: int, offset: int) -> None:
        """Does not wait."""
        self.client.commit(offsets=[self.place(partition, offset)], asynchronous=True)

    def place(
        self, partition: int, offset: int = OFFSET_INVALID, leader_epoch: int | None = None
    ) -> TopicPartition:
        """A position of the topic."""
        if leader_epoch is None:
            return TopicPartition(self.stage.topic, partition, offset)
        return TopicPartition(self.stage.topic, partition, offset, leader_epoch=leader_epoch)

    def _do(self, what: str, call: Callable[[], Any]) -> None:
        """Write down what came of a call: done, the error raised, or the errors of its partitions."""
        try:
            answer = call()
        except KafkaException as error:
            told = error.args[0].name()
        else:
            errors = [(place.partition, place.error.name()) for place in answer or [] if place.error]
            told = f"partly {errors}" if errors else "done"
        self._note(Event(f"{what}:", None, told))

    @contextmanager
    def _calling(self) -> Iterator[None]:
        self._inside = True
        try:
            yield
        finally:
            self._inside = False

    def _note(self, event: Event) -> None:
        self.heard.append(event)
        self.stage.events.note(self.name, event)


def poll_until(holds: Callable[[], object], *actors: Actor) -> None:
    """Poll these in turn until it holds."""
    stage = actors[0].stage
    deadline = stage.now() + PATIENCE_S
    while not holds():
        assert stage.now() < deadline, f"it never came: {stage.events.lines()}"
        for actor in actors:
            actor.poll()


def poll_for(seconds: float, *actors: Actor) -> None:
    """Poll these in turn so long: what they have not heard by then they never hear."""
    stage = actors[0].stage
    ends = stage.now() + seconds
    poll_until(lambda: stage.now() >= ends, *actors)


def joined(*actors: Actor, partitions: int = 1) -> None:
    """Until the partitions are divided among these."""
    poll_until(
        lambda: (
            sorted(number for actor in actors for number in actor.owned) == list(range(partitions))
            and all(actor.owned for actor in actors)
        ),
        *actors,
    )


def tell_held(stage: Stage, *partitions: int) -> None:
    """Write down what the coordinator holds of these."""
    for number in partitions:
        held = stage.held(number)
        stage.events.note("group", Event("holds", number, _in_words(held)))


def tell_applied(stage: Stage) -> None:
    """Write down which commits the coordinator was brought, in order."""
    stage.events.note("group", Event("was brought", None, f"{[offset for _, offset in stage.applied()]}"))


def _in_words(held: tuple[int, str | None] | None) -> str:
    if held is None:
        return "nothing"
    offset, text = held
    return f"{offset} {text if text is None or len(text) < 20 else f'{len(text)} characters'}"


def two_members(stage: Stage) -> tuple[Actor, Actor, int, int]:
    """One has two partitions, then another joins. Which one stays and which moves is chance: they are called so."""
    one = Actor(stage, "one")
    one.subscribe()
    joined(one, partitions=2)
    one.poll_for(0.5)
    two = Actor(stage, "two")
    two.subscribe()
    return one, two, *divided(one, two)


def divided(one: Actor, two: Actor) -> tuple[int, int]:
    """Until each has one; the one that `one` kept and the one that moved to `two`."""
    joined(one, two, partitions=2)
    (kept,), (moved,) = one.owned, two.owned
    one.stage.events.call(kept, "kept")
    one.stage.events.call(moved, "moved")
    return kept, moved
