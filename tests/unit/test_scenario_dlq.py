"""Dead letters: acknowledged before the commit, written until they are, and whole. In virtual time, with a scripted topic."""

from dataclasses import replace

import pytest

from connector.core.answers import Answered
from connector.core.dead_letter import DETAILS_BYTES_MAX, DeadLetter
from connector.ports import Acknowledged, NotWritten
from tests.support.virtual_time import in_virtual_time
from tests.support.world import DeadLetterTopic, Stage, record


def offsets(stage: Stage) -> list[int]:
    """Every offset that was committed, the claim's included."""
    return [entry.offset for entries in stage.coordinator.history for entry in entries]


def header(letter: DeadLetter, name: str) -> bytes | None:
    return dict(letter.headers)[name]


@in_virtual_time
async def test_dlq_02_the_commit_waits_for_the_acknowledgement_and_no_longer() -> None:
    """It takes five seconds: until then the offset stands, though what lies behind was accepted; then one interval at most."""
    async with Stage(commit_interval_s=1.0) as stage:
        stage.front.script = lambda sent, _n: Answered(400 if sent.key == "refused" else 202)
        stage.letters.delay = 5.0
        stage.assign()
        stage.pipeline.received([record(0, "refused"), record(1, "fine")])
        await stage.quiet(4.9)
        assert stage.letters.letters == []
        assert set(offsets(stage)) == {0}
        await stage.quiet(1.3)
        assert offsets(stage)[-1] == 2


@in_virtual_time
async def test_dlq_03_a_topic_that_cannot_be_written_for_ten_seconds_makes_one_entry_in_the_end() -> None:
    """A hold while it lasts, nothing committed, Front asked once; others flow; when it works there is one letter."""
    async with Stage() as stage:
        stage.front.script = lambda sent, _n: Answered(422 if sent.key == "refused" else 202)
        stage.letters.script = lambda _n: (
            NotWritten("TOPIC_AUTHORIZATION_FAILED") if stage.front.loop_time() < 10.0 else None
        )
        stage.assign()
        stage.pipeline.received([record(0, "refused"), record(1, "refused"), record(2, "fine")])
        await stage.quiet(9.0)
        assert stage.pipeline.dead_letters.held_since is not None
        assert stage.front.ids == ["0", "2"]
        assert set(offsets(stage)) == {0}
        await stage.quiet(30.0)
        assert stage.pipeline.dead_letters.held_since is None
        assert [letter.source.offset for letter in stage.letters.letters] == [0, 1]
        assert stage.front.ids == ["0", "2", "1"]
        assert offsets(stage)[-1] == 3
        held = [fields for name, _, fields in stage.facts.seen if fields.get("scope") == "dead_letter"]
        assert [fields["reason"] for fields in held] == ["unwritable", "unwritable"]


@in_virtual_time
async def test_dlq_04_every_third_record_is_refused_and_every_other_one_accepted() -> None:
    """Fifteen records: five in the topic, ten at Front, none in both, and all are committed."""
    async with Stage() as stage:
        stage.front.script = lambda sent, _n: Answered(422 if int(sent.key) % 3 == 0 else 202)
        stage.assign()
        stage.pipeline.received([record(offset, str(offset)) for offset in range(15)])
        await stage.quiet()
        assert sorted(letter.source.offset for letter in stage.letters.letters) == [0, 3, 6, 9, 12]
        assert stage.facts.count("settled", "messages", "accepted") == 10
        assert sorted(map(int, stage.front.ids)) == list(range(15))
        assert offsets(stage)[-1] == 15


@in_virtual_time
async def test_dlq_06_an_exception_without_words_is_named_and_a_flood_of_words_is_cut() -> None:
    """A mapper raises without a message; Front answers with a megabyte of two-byte text: both letters are whole UTF-8."""
    flood = b'{"_error": {"title": "' + "é".encode() * 500_000 + b'"}}'
    async with Stage() as stage:
        stage.front.script = lambda _sent, _n: Answered(400, {}, flood)
        stage.assign()
        stage.pipeline.received([record(0, "bad"), record(1, "fine")])
        await stage.quiet()
        mapped, refused = sorted(stage.letters.letters, key=lambda letter: letter.source.offset)
        assert header(mapped, "__connect.errors.exception.message")
        details = header(refused, "front.details")
        assert details is not None
        assert DETAILS_BYTES_MAX - 2 < len(details) <= DETAILS_BYTES_MAX
        assert set(details.decode()) == {"é"}


@pytest.mark.parametrize("key", [None, b"", b"k"])
def test_dlq_11_a_null_key_stays_null_and_an_empty_one_empty(key: bytes | None) -> None:
    """An empty value cannot be read; its letter has it, and its key, as they were."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            stage.assign()
            stage.pipeline.received([replace(record(0), key=key, value=b"")])
            await stage.quiet()
            (letter,) = stage.letters.letters
            assert (letter.key, letter.value) == (key, b"")

    play()


class Breaks(DeadLetterTopic):
    """Its producer turns fatal with ten letters under way, four of which the broker had written."""

    async def write(self, letter: DeadLetter) -> Acknowledged | NotWritten:
        answer = await super().write(letter)
        if len(self.letters) > 4 and self.writes <= 10:
            self.letters.pop()
        return NotWritten("_FATAL") if self.writes <= 10 else answer


@in_virtual_time
async def test_dlq_15_what_was_under_way_when_the_producer_broke_is_written_again() -> None:
    """Ten letters, four of them in the topic and none acknowledged: each settles by itself, and every reader counts ten."""
    sink = Breaks()
    async with Stage(letters=sink) as stage:
        stage.assign()
        stage.pipeline.received([record(offset, "bad") for offset in range(10)])
        await stage.quiet(0.3)
        assert len(sink.letters) == 4
        assert set(offsets(stage)) == {0}
        await stage.quiet(10.0)
        assert len(sink.letters) == 14
        places = {
            tuple(header(letter, f"__connect.errors.{name}") for name in ("topic", "partition", "offset"))
            for letter in sink.letters
        }
        assert len(places) == 10
        assert stage.facts.count("settled", "messages", "dead_lettered") == 10
        assert offsets(stage)[-1] == 10
