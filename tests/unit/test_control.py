"""What a record of the control topic means, and how each process obeys it from its start on."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import given
from hypothesis import strategies as st

from connector.adapters.kafka.table import Entry
from connector.app.control import ControlOptions, NoControl, TopicControl
from connector.core.control import (
    ControlSetting,
    Heard,
    NoSetting,
    OfOthers,
    Unreadable,
    fit_to_show,
    name_of,
    read_control,
    written,
)
from connector.ports import StartupRefused
from tests.support.world import Clock, Facts
from tests.unit.config_files import CONFIG, folder, loaded, problems

SAID = {"paused": True, "at": "2026-01-31T12:00:00Z", "by": "pod-1", "reason": "Front moves"}
READ = ControlSetting(True, 1_769_860_800.0, "pod-1", "Front moves")


def value(**changes: object) -> bytes:
    return json.dumps({**SAID, **changes}).encode()


def heard(content: bytes | None, key: bytes | None = b"group") -> Heard:
    return read_control(key, content, "group")


def test_a_setting_is_read_as_it_was_said() -> None:
    """Time in any zone; what a newer version may add is passed over."""
    assert heard(value()) == READ
    assert heard(value(at="2026-01-31T14:00:00+02:00", more=[1])) == READ
    assert heard(value(reason=None)) == ControlSetting(True, READ.at_wall, "pod-1")


@pytest.mark.parametrize("key", [None, b"", b"grou", b"group2", b"GROUP", b"\xff"])
def test_another_groups_record_is_nothing_to_us(key: bytes | None) -> None:
    """Whatever stands in it; no prefix, no other case."""
    assert heard(value(), key) == OfOthers()
    assert heard(None, key) == OfOthers()


def test_a_removed_record_pauses_nobody() -> None:
    """As it would be for who starts when compaction has taken it."""
    assert heard(None) == NoSetting()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is no JSON"),
        (b"\xff", "it is no JSON"),
        (b"[" * 5000, "it is no JSON"),
        (b"[1]", "it is no object with `paused` true or false"),
        (b"null", "it is no object with `paused` true or false"),
        (value(paused=1), "it is no object with `paused` true or false"),
        (value(paused="true"), "it is no object with `paused` true or false"),
        (value(at=5), "`at` is no time such as 2026-01-31T12:00:00Z"),
        (value(at="2026-01-31T12:00:00"), "`at` is no time such as 2026-01-31T12:00:00Z"),
        (value(at="yesterday"), "`at` is no time such as 2026-01-31T12:00:00Z"),
        (value(by=None), "`by` is no name"),
        (value(by=""), "`by` is no name"),
        (value(by="a\nb"), "`by` is no name"),
        (value(reason=1), "`reason` is no text of at most 500 characters without control characters"),
        (value(reason=""), "`reason` is no text of at most 500 characters without control characters"),
        (value(reason="x" * 501), "`reason` is no text of at most 500 characters without control characters"),
        (value(reason="\u202e"), "`reason` is no text of at most 500 characters without control characters"),
        (b" " * 8193, "it has more than 8192 bytes"),
    ],
)
def test_what_cannot_be_read_says_why_and_shows_nothing(content: bytes, why: str) -> None:
    """It changes nothing, so it must not be guessed at."""
    assert heard(content) == Unreadable(why)


@given(
    paused=st.booleans(),
    at=st.floats(0, 4e9).map(lambda at: round(at, 3)),
    by=st.text(min_size=1, max_size=249).filter(lambda text: fit_to_show(text, 249)),
    reason=st.none() | st.text(min_size=1, max_size=500).filter(lambda text: fit_to_show(text, 500)),
)
def test_whatever_is_written_is_read(paused: bool, at: float, by: str, reason: str | None) -> None:
    """Its time to the millisecond; within the bound of a value."""
    read = heard(written(ControlSetting(paused, at, by, reason)))
    assert isinstance(read, ControlSetting)
    assert (read.paused, read.by, read.reason) == (paused, by, reason)
    assert abs(read.at_wall - at) < 0.002


@given(st.binary(max_size=200))
def test_no_bytes_are_a_defect(content: bytes) -> None:
    """Anybody with the right may write there."""
    heard(content)


# --- obeyed -------------------------------------------------------------------------------------------------------


class Obeys:
    """What the pipeline was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")


class Table:
    """A topic of two parts: what it holds when a process starts, and what comes then."""

    def __init__(self, held: list[Entry[Heard]], later: list[list[Entry[Heard]]]) -> None:
        self.waiting_for: str | None = "the control setting is read from topic control"
        self._held, self._later = held, later

    async def follow(self, take: Any, whole: Any) -> None:
        take(self._held)
        self.waiting_for = None
        whole()
        for batch in self._later:
            take(batch)
        raise asyncio.CancelledError


def entry(read: Heard, partition: int = 0) -> Entry[Heard]:
    return Entry(partition, 7, read)


def control(table: Table, policy: Any = "compact") -> tuple[TopicControl, Facts]:
    """On this table; asked for its policy the brokers answer so."""
    facts = Facts()
    client = {"bootstrap.servers": "127.0.0.1:9", "group.id": "group"}
    options = ControlOptions(topic="control", group="group", instance="pod-1", reader=client, producer=client)
    made = TopicControl(options, Clock(lambda: 1.0), facts)
    made._table = table  # type: ignore[assignment]

    async def cleanup_policy() -> str | None:
        if isinstance(policy, list) and isinstance(policy[0], Exception):
            raise policy.pop(0)
        said: str | None = policy[0] if isinstance(policy, list) else policy
        return said

    made._setting.cleanup_policy = cleanup_policy  # type: ignore[method-assign]
    return made, facts


async def obeyed(table: Table) -> tuple[TopicControl, Facts, list[str]]:
    made, facts = control(table)
    obeys = Obeys()
    with pytest.raises(asyncio.CancelledError):
        await made.run(obeys)
    return made, facts, obeys.told


PAUSED, RESUMED = entry(READ), entry(ControlSetting(False, 0.0, "pod-2"))


async def test_of_what_a_topic_holds_at_start_only_the_last_counts() -> None:
    """No pause that is over long ago is obeyed for a moment."""
    made, facts, told = await obeyed(Table([PAUSED, RESUMED, PAUSED, RESUMED], []))
    assert (told, made.paused, facts.count("warning")) == ([], None, 0)
    made, facts, told = await obeyed(Table([RESUMED, PAUSED], []))
    assert (told, made.paused) == (["pause"], READ)
    assert facts.count("warning", "control.paused") == 1


async def test_what_comes_later_is_obeyed_at_once_and_logged_when_it_changes() -> None:
    """A second pause has newer words and is no second line; what is no use changes nothing."""
    again = ControlSetting(True, 5.0, "pod-9", None)
    later = [[PAUSED], [entry(again)], [entry(Unreadable("it is no JSON"))], [entry(OfOthers())], [RESUMED]]
    made, facts, told = await obeyed(Table([], later[:4]))
    assert made.paused == again
    assert set(told) == {"pause"}
    assert facts.count("warning", "control.paused") == 1
    assert facts.count("error", "control.refused") == 1
    made, facts, told = await obeyed(Table([], later))
    assert (made.paused, told[-1], told.count("resume")) == (None, "resume", 1)
    assert facts.count("info", "control.resumed") == 1


async def test_a_removed_setting_is_a_resume() -> None:
    """Live processes do what one does that starts now."""
    made, _, told = await obeyed(Table([PAUSED], [[entry(NoSetting())]]))
    assert (made.paused, told) == (None, ["pause", "resume"])


async def test_other_partitions_are_not_read() -> None:
    """Between partitions there is no order, so nobody could say which word is the last."""
    made, _, told = await obeyed(Table([PAUSED], [[entry(ControlSetting(False, 9.0, "x"), partition=1)]]))
    assert (made.paused, told) == (READ, ["pause"])


@pytest.mark.parametrize("policy", ["delete", "delete,compact", "compact, delete"])
async def test_a_topic_that_forgets_ends_the_start(policy: str) -> None:
    """78, with what to set; a topic that is compacted and deletes by age forgets, too."""
    made, _ = control(Table([], []), policy=policy)
    with pytest.raises(
        StartupRefused,
        match=rf"is not only compacted .cleanup\.policy={policy}.: it would forget",
    ) as raised:
        await made._refuse_what_forgets()
    assert raised.value.exit_code == 78


@pytest.mark.parametrize("instance", ["pod-1", "p" * 400, "a\nb\x7f"])
def test_whatever_a_process_is_called_its_word_can_be_read(instance: str) -> None:
    """A record that nobody can read would be a pause that was acknowledged and that nobody obeys."""
    setting = ControlSetting(True, 0.0, name_of(instance), "why")
    assert read_control(b"g", written(setting), "g") == setting


@pytest.mark.parametrize("policy", ["compact", None])
async def test_a_topic_that_remembers_and_one_that_cannot_be_asked_are_taken(policy: str | None) -> None:
    """The second with a warning."""
    made, facts = control(Table([PAUSED], []), policy=policy)
    await made._refuse_what_forgets()
    assert facts.count("warning", "control.policy_unknown") == (policy is None)


async def test_brokers_that_do_not_answer_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """No record is taken before, as the topic may forget."""
    monkeypatch.setattr("connector.app.control.AGAIN_S", 0.01)
    silent = KafkaException(KafkaError(KafkaError._TRANSPORT))
    made, _ = control(Table([], []), policy=[silent, silent, "compact"])
    assert made.waiting_for == "it is asked whether control.topic control is compacted"
    await made._refuse_what_forgets()
    assert made.waiting_for == "the control setting is read from topic control"


async def test_without_a_topic_nobody_pauses_and_nothing_is_waited_for() -> None:
    """It returns: nothing ever changes."""
    await NoControl().run(Obeys())
    assert (NoControl().paused, NoControl().waiting_for) == (None, None)


# --- configured ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("calls.v1", "calls.v1 is a mapped topic already: the control setting has a topic of its own"),
        ("front.dead-letters", "front.dead-letters is the dead-letter topic already"),
        ("a b", "control.topic"),
        ("''", "control.topic"),
    ],
)
def test_a_topic_that_is_something_else_is_refused(tmp_path: Path, topic: str, said: str) -> None:
    """With the place in the file."""
    found = problems(folder(tmp_path, config=f"{CONFIG}control: {{topic: {topic}}}\n"))
    assert any(said in line for line in found), found


def test_by_default_there_is_none(tmp_path: Path) -> None:
    """And an unknown key is told."""
    assert loaded(folder(tmp_path)).settings.control.topic is None
    (tmp_path / "b").mkdir()
    found = problems(folder(tmp_path / "b", config=f"{CONFIG}control: {{topik: x}}\n"))
    assert any("did you mean" in line or "topic" in line for line in found), found
