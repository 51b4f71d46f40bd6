"""The members who play a script: what each does with its client, and what it is told, written down."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition

from tests.simulation.scripts.events import Event
from tests.simulation.scripts.stage import PATIENCE_S, POLL_S, Stage


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

    def reads_to_the_end(self) -> None:
        """Poll until it has been told the end of each partition that it has."""
        self.poll_until(lambda: all(self._at_end(number) for number in self.owned))

    def _at_end(self, partition: int) -> bool:
        for event in reversed(self.heard):
            if event.partition == partition:
                return event.what == "end"
            if event.what == "assigned" and partition in event.partitions:
                break
        return False

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
    one.reads_to_the_end()
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
