"""Where the channel directory's rows come from while the service runs: a file that changes, a topic that grows."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Container
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connector.adapters import files
from connector.adapters.kafka import Entry
from connector.app import directory as app
from connector.app.directory import DISAGREES, FileRows, TopicRows
from connector.config.channels import read_row
from connector.core.mapping import ChannelDirectory, ChannelRow
from tests.support.world import Facts

HEADER = "key,channel,company,app\n"
FIRST = HEADER + "line-1,cha_1,shop,main\n"
TWO_LEFT = (
    "it has 2 rows, where 5 are in use: with less than half of them it may be half written; "
    "if it is meant, send the process a SIGHUP"
)
NONE_LEFT = TWO_LEFT.replace("2 rows", "0 rows")


def put(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Whole or not at all: who looks between a truncation and its write would see an empty table."""
    made = path.with_suffix(".new")
    made.write_text(text, encoding=encoding)
    made.replace(path)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A content counts when it has stayed for a moment: here a short one."""
    monkeypatch.setattr(files, "STAYS_S", 0.01)
    monkeypatch.setattr(files, "LOOK_EVERY_S", 0.02)


class Followed:
    """A directory that follows a file, and what it told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts = Facts()
        self.directory = ChannelDirectory.of(
            [ChannelRow(key="line-1", channel="cha_1", company="shop", app="main")], ["main"]
        )
        self.came: list[Container[str]] = []
        digest = hashlib.sha256(FIRST.encode()).hexdigest()
        self.rows = FileRows(self.directory, path, digest, self.facts)

    def logged(self, event: str) -> list[dict[str, object]]:
        """The fields of the lines of an event."""
        return [fields for _, args, fields in self.facts.seen if args == (event,)]

    async def unasked(self, holds: Callable[[], bool]) -> None:
        """Nobody signals: the file is looked at as time passes, until this holds."""
        async with asyncio.timeout(10.0):
            while not holds():
                await asyncio.sleep(0.01)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Look at the file again and again until this holds."""
        async with asyncio.timeout(10.0):
            while not holds():
                self.rows.look_now()
                await asyncio.sleep(0.01)


@asynccontextmanager
async def followed(path: Path) -> AsyncIterator[Followed]:
    path.write_text(FIRST)
    scene = Followed(path)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scene.rows.run(scene.came.append))
        yield scene
        running.cancel()


async def test_a_new_version_of_the_file_is_taken_over(tmp_path: Path) -> None:
    """Whoever waits for a row is told which came, and the log how many there are; the rows themselves are nowhere."""
    async with followed(tmp_path / "channels.csv") as scene:
        put(scene.path, FIRST + "line-2,cha_2,shop,main\n")
        await scene.until(lambda: bool(scene.logged("config.reloaded")))
        assert sorted(scene.directory.rows) == ["line-1", "line-2"]
        assert scene.came == [{"line-2"}]
        assert scene.logged("config.reloaded") == [
            {"kind": "channels", "path": str(scene.path), "rows": 2, "changed": 1}
        ]
        assert scene.rows.reloaded is True


async def test_a_version_that_is_swapped_in_by_a_symbolic_link_is_seen(tmp_path: Path) -> None:
    """As the kubelet does it: the path stays, and so do time and size of the file that it led to."""
    for name, channel in (("v1", "cha_1"), ("v2", "cha_2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "channels.csv").write_text(f"{HEADER}line-1,{channel},shop,main\n")
    (tmp_path / "data").symlink_to(tmp_path / "v1")
    scene = Followed(tmp_path / "data" / "channels.csv")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(scene.rows.run(scene.came.append))
        await asyncio.sleep(0.02)
        (tmp_path / "new").symlink_to(tmp_path / "v2")
        (tmp_path / "new").replace(tmp_path / "data")
        await scene.until(lambda: scene.directory.rows["line-1"]["channel"] == "cha_2")
        running.cancel()


async def test_an_invalid_version_is_refused_and_the_former_rows_stay(tmp_path: Path) -> None:
    """The log has lines of the file and no content; a version that is valid ends it."""
    async with followed(tmp_path / "channels.csv") as scene:
        put(scene.path, FIRST + "+3725551234,12,shop,main\n+3725551235,cha_1,bank,mian\n")
        await scene.until(lambda: scene.rows.reloaded is False)
        assert list(scene.directory.rows) == ["line-1"]
        (line,) = scene.logged("config.reload.failed")
        why = "lines 3, 4: `front-connector validate` says what is wrong there"
        assert line == {"kind": "channels", "path": str(scene.path), "why": why}
        put(scene.path, HEADER + "line-9,cha_9,shop,main\n")
        await scene.until(lambda: scene.rows.reloaded is True)
        assert list(scene.directory.rows) == ["line-9"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty: it needs the header key,channel,company,app[,alias]"),
        (b"\xff", "is not UTF-8 text"),
        (b"x" * 200, "is larger than 0 MiB"),
        (None, "it cannot be read: No such file or directory"),
    ],
)
async def test_a_file_that_is_no_table_at_all_is_refused_with_its_reason(
    tmp_path: Path, content: bytes | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while it is away, as between two versions; each reason is told once, not at every look."""
    monkeypatch.setattr(app, "TABLE_BYTES_MAX", 100)
    monkeypatch.setattr("connector.config.channels.TABLE_BYTES_MAX", 100)
    async with followed(tmp_path / "channels.csv") as scene:
        scene.path.unlink() if content is None else scene.path.write_bytes(content)
        await scene.until(lambda: scene.rows.reloaded is False)
        for _ in range(5):
            scene.rows.look_now()
            await asyncio.sleep(0.01)
        assert [line["why"] for line in scene.logged("config.reload.failed")] == [why]
        assert list(scene.directory.rows) == ["line-1"]


async def test_a_version_that_is_being_written_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may look whole, and lack most rows: only a content that has stayed for a moment counts."""
    monkeypatch.setattr(files, "STAYS_S", 0.1)
    async with followed(tmp_path / "channels.csv") as scene:
        for rows in range(5):
            put(scene.path, HEADER + "".join(f"l-{n},cha_{n},shop,main\n" for n in range(rows)))
            scene.rows.look_now()
            await asyncio.sleep(0.03)
        await scene.until(lambda: bool(scene.logged("config.reloaded")))
        assert [line["rows"] for line in scene.logged("config.reloaded")] == [4]


async def test_a_table_that_lost_most_of_its_rows_is_taken_only_if_somebody_asks(tmp_path: Path) -> None:
    """A writer that stopped half way leaves a valid table; the same version is taken after a SIGHUP."""
    async with followed(tmp_path / "channels.csv") as scene:
        rows = [f"l-{n},cha_{n},shop,main\n" for n in range(5)]
        put(scene.path, HEADER + "".join(rows))
        await scene.unasked(lambda: len(scene.directory.rows) == 5)
        for left, why in ((2, TWO_LEFT), (0, NONE_LEFT)):
            put(scene.path, HEADER + "".join(rows[:left]))
            await scene.unasked(lambda: scene.rows.reloaded is False)
            assert scene.logged("config.reload.failed")[-1]["why"] == why
            assert len(scene.directory.rows) == 5
            put(scene.path, HEADER + "".join(rows))
            await scene.unasked(lambda: scene.rows.reloaded is True)
        put(scene.path, HEADER)
        await scene.unasked(lambda: scene.rows.reloaded is False)
        scene.rows.look_now()
        await scene.unasked(lambda: scene.rows.reloaded is True)
        assert scene.rows.count == 0


async def test_a_signal_for_a_version_that_was_taken_allows_nothing_later(tmp_path: Path) -> None:
    """Somebody asked for that one; what comes without being asked for is judged as ever."""
    async with followed(tmp_path / "channels.csv") as scene:
        rows = [f"l-{n},cha_{n},shop,main\n" for n in range(5)]
        put(scene.path, HEADER + "".join(rows))
        scene.rows.look_now()
        await scene.unasked(lambda: scene.rows.count == 5)
        put(scene.path, HEADER + rows[0])
        await scene.unasked(lambda: scene.rows.reloaded is False)
        assert scene.rows.count == 5


async def test_half_of_the_rows_may_go(tmp_path: Path) -> None:
    """And all may be replaced: what counts is how many there are."""
    async with followed(tmp_path / "channels.csv") as scene:
        put(scene.path, FIRST + "line-2,cha_2,shop,main\n")
        await scene.unasked(lambda: scene.rows.count == 2)
        put(scene.path, HEADER + "line-3,cha_3,shop,main\n")
        await scene.unasked(lambda: scene.rows.count == 1)
        assert scene.logged("config.reload.failed") == []


async def test_a_byte_order_mark_is_no_other_version(tmp_path: Path) -> None:
    """Spreadsheets write one; the digest of the start is of the text without it."""
    async with followed(tmp_path / "channels.csv") as scene:
        put(scene.path, FIRST, encoding="utf-8-sig")
        for _ in range(5):
            scene.rows.look_now()
            await asyncio.sleep(0.02)
        assert not scene.facts.seen


async def test_the_version_that_was_read_at_start_is_not_read_twice(tmp_path: Path) -> None:
    """Its digest is known: a table of a million rows is not parsed a second time."""
    async with followed(tmp_path / "channels.csv") as scene:
        for _ in range(5):
            scene.rows.look_now()
            await asyncio.sleep(0.01)
        assert not scene.facts.seen


async def test_many_rows_are_changed_in_steps_between_which_the_loop_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rows of a channel that fall into different steps end up in force all the same."""
    monkeypatch.setattr(app, "AT_ONCE", 2)
    async with followed(tmp_path / "channels.csv") as scene:
        rows = [f"l-{n},cha_{n},shop,main\n" for n in range(5)]
        put(scene.path, HEADER + "".join(rows) + "same,cha_0,shop,main\n")
        await scene.until(lambda: bool(scene.logged("config.reloaded")))
        bank = [line.replace("cha_0,shop", "cha_0,bank") for line in rows]
        put(scene.path, HEADER + "".join(bank) + "same,cha_0,bank,main\n")
        await scene.until(lambda: len(scene.logged("config.reloaded")) == 2)
        assert scene.directory.rows["same"] == scene.directory.rows["l-0"]
        assert scene.directory.rows["same"]["company"] == "bank"
        assert not scene.directory.kept_back


# --- a topic ----------------------------------------------------------------------------------------------------------


class Topic:
    """`TopicRows` that hears of records from here instead of from its client, which is made and never used."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.directory = ChannelDirectory(["main"])
        self.refused = 0
        self.came: list[Container[str]] = []
        self._offset = 0
        properties = {"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "log_level": 0}
        self.rows = TopicRows(self.directory, "channels", properties, self.facts, self._count)

    def _count(self) -> None:
        self.refused += 1

    def wrote(self, *records: tuple[str, str | None]) -> None:
        """The client brings these keys and values in one batch."""
        entries = []
        for key, value in records:
            read = read_row(key.encode(), value and value.encode(), ["main"])  # type: ignore[arg-type]
            entries.append(Entry(0, self._offset, read))
            self._offset += 1
        self.rows._take(self.came.append, entries)

    def is_read(self) -> None:
        """Its end is reached."""
        self.rows._table.waiting_for = None
        self.rows._whole()

    def refusals(self) -> list[tuple[object, object]]:
        """Offset and reason of each refusal in the log."""
        lines = [fields for _, args, fields in self.facts.seen if args == ("channels.row_refused",)]
        return [(fields["offset"], fields["why"]) for fields in lines]


def shop(channel: str, company: str = "shop") -> str:
    return f'{{"channel": "{channel}", "company": "{company}", "app": "main"}}'


def test_a_record_is_a_row_and_a_null_removes_it() -> None:
    """The last one of a line counts; whoever waits hears of those that are set."""
    topic = Topic()
    topic.wrote(("a", shop("cha_1")), ("b", shop("cha_2")), ("a", shop("cha_3")))
    assert {key: row["channel"] for key, row in topic.directory.rows.items()} == {"a": "cha_3", "b": "cha_2"}
    topic.wrote(("a", None), ("never", None))
    assert list(topic.directory.rows) == ["b"]
    assert topic.came == [{"a", "b"}, set()]


def test_a_bad_row_is_refused_by_its_place_and_the_older_one_stays() -> None:
    """Its value is nowhere in the log, as it may be anything."""
    topic = Topic()
    topic.is_read()
    topic.wrote(
        ("a", shop("cha_1")), ("a", '{"channel": "+3725551234", "company": "c", "app": "main"}'), ("b", "{")
    )
    assert list(topic.directory.rows) == ["a"]
    assert topic.refusals() == [(1, "channel must be a channel id (cha_...)"), (2, "its value is not JSON")]
    assert topic.refused == 2
    assert "3725551234" not in str(topic.facts.seen)


def test_rows_that_disagree_are_told_once_and_at_start_only_if_they_still_do() -> None:
    """While the topic is read from its beginning, rows pass by that agree in the end."""
    topic = Topic()
    topic.wrote(("a", shop("cha_1")), ("b", shop("cha_1")))
    topic.wrote(("a", shop("cha_1", "bank")))
    topic.wrote(("c", shop("cha_2")))
    topic.wrote(("d", shop("cha_2", "bank")))
    topic.wrote(("b", shop("cha_1", "bank")))
    assert topic.refusals() == []
    topic.is_read()
    assert topic.refusals() == [(4, DISAGREES)]
    topic.wrote(("e", shop("cha_5")))
    topic.wrote(("d", shop("cha_2", "other")))
    assert topic.refusals() == [(4, DISAGREES), (7, DISAGREES)]
    assert topic.refused == 2


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        (None, "{}", "it has no key: the key is the line's name, as records give it"),
        (b"", "{}", "it has no key: the key is the line's name, as records give it"),
        (b"\xff", "{}", "its key is not UTF-8 text"),
        (b"a", "[]", "its value must be a JSON object with channel, company, app and perhaps alias"),
        (b"a", "{}", "channel is missing"),
        (b"a", '{"channel": 1, "company": "c", "app": "main"}', "channel must be text"),
        (b"a", '{"channel": "cha_1", "company": "", "app": "main"}', "company must not be empty"),
        (
            b"a",
            '{"channel": "cha_1", "company": "c", "app": "main", "alais": "x"}',
            "it has an unknown field (did you mean 'alias'?)",
        ),
        (b"a", '{"channel": "cha_1", "company": "c", "app": "x"}', "its app is not among front.apps: main"),
    ],
)
def test_each_mistake_in_a_row_is_told_without_what_the_row_holds(
    key: bytes | None, value: str, why: str
) -> None:
    """The line, the channel and the names of unknown fields are the record's."""
    assert read_row(key, value.encode(), ["main"]) == why


def test_a_row_may_have_an_alias() -> None:
    """As in a file."""
    value = '{"channel": "cha_1", "company": "c", "app": "main", "alias": "alt:address:x"}'
    assert read_row(b"a", value.encode(), ["main"]) == (
        "a",
        ChannelRow(key="a", channel="cha_1", company="c", app="main", alias="alt:address:x"),
    )
