"""The channels table: CSV or YAML, every mistake with its line."""

from pathlib import Path

import pytest

from connector.config.channels import read_channels
from connector.core.mapping import ChannelRow
from tests.unit.config_files import CONFIG, MAPPING, folder, loaded, problems

ROWS = (
    ChannelRow(key="line-1", channel="cha_1", company="shop", app="main"),
    ChannelRow(key="chat-1", channel="cha_2", company="shop", app="main", alias="alt:address:x"),
)


def read(text: str, name: str = "channels.csv") -> object:
    return read_channels(Path(name), text, name, ["main", "second"])


def test_csv_and_yaml_say_the_same() -> None:
    """Column order, blank lines and spaces do not matter; an empty alias is none."""
    csv = (
        "channel, key, app, company, alias\ncha_1,line-1,main,shop,\n\ncha_2,chat-1,main,shop,alt:address:x\n"
    )
    yaml = (
        "line-1: {channel: cha_1, company: shop, app: main}\n"
        "chat-1: {channel: cha_2, company: shop, app: main, alias: 'alt:address:x'}\n"
    )
    assert read(csv) == read(yaml, "channels.yaml") == ROWS


def test_only_a_line_break_ends_a_line() -> None:
    """A key may hold what only editors take for one; lines are counted as they count in the file, quoted breaks too."""
    rows = read('key,channel,company,app\r\n"a\u2028b",cha_1,shop,main\r\n"c\nd\x85",cha_2,shop,main\r\n')
    assert isinstance(rows, tuple)
    assert [row.key for row in rows] == ["a\u2028b", "c\nd"]
    text = 'key,channel,company,app\n"a\u2028b",cha_1,shop,main\n\n"c\nd",cha_2,shop,main\ne,,shop,main\n"f\ng",,shop,main\n'
    found = read(text)
    assert isinstance(found, list)
    assert [problem.line for problem in found] == [6, 7]


def test_the_alias_column_may_be_missing() -> None:
    """Most tables have none."""
    assert read("key,channel,company,app\nline-1,cha_1,shop,main\n") == ROWS[:1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "channels.csv: is empty: it needs the header key,channel,company,app[,alias]"),
        ("key;channel;company;app\n", "channels.csv:1: columns are separated by commas, not by semicolons"),
        ("key,channel,app\n", "channels.csv:1: the column company is missing in the header"),
        (
            "key,chanel,company,app\n",
            "channels.csv:1: the column 'chanel' is not known: did you mean 'channel'?",
        ),
        ("key,key,channel,company,app\n", "channels.csv:1: a column is in the header twice"),
        ("key,channel,company,app\na,cha_1,shop\n", "channels.csv:2: has 3 columns, the header 4"),
        ("key,channel,company,app\n\na,,,main\n", "channels.csv:3: channel and company must not be empty"),
        (
            "key,channel,company,app\na,cha_1,shop,main\na,cha_2,shop,main\n",
            "channels.csv:3: the key 'a' is in line 2 already",
        ),
        (
            "key,channel,company,app\na,cha_1,shop,mian\n",
            "channels.csv:2: the app 'mian' is not among front.apps: did you mean 'main'?",
        ),
        (
            "key,channel,company,app\na,1234,shop,main\n",
            "channels.csv:2: channel must be a channel id (cha_...), not '1234'",
        ),
        (
            "key,channel,company,app\na,cha_1,shop,main\nb,cha_1,bank,main\n",
            "channels.csv:3: the channel cha_1 has another company, app or alias in line 2",
        ),
        ('key,channel,company,app\n"a,cha_1\n', "channels.csv:2: is not CSV: unexpected end of data"),
    ],
)
def test_each_mistake_in_a_csv_names_its_line(text: str, said: str) -> None:
    """Lines are counted as an editor shows them."""
    found = read(text)
    assert isinstance(found, list)
    assert [str(problem) for problem in found] == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a: {chanel: cha_1, company: shop, app: main}\n",
            [
                "channels.yaml:1:4: a.channel is missing (Front's id of the channel: cha_…)",
                "channels.yaml:1:5: a.chanel is not known here: did you mean 'channel'?",
            ],
        ),
        (
            "a: {channel: 12, company: shop, app: main}\n",
            ["channels.yaml:1:14: a.channel must be text: put it in quotes"],
        ),
        ("a: {}\na: {}\n", ["channels.yaml:2:1: the key 'a' is here twice; first in line 1"]),
        (
            "a:\n  channel: cha_1\n  company: shop\n  app: x\n",
            ["channels.yaml:1: the app 'x' is not among front.apps: choose from main, second"],
        ),
        ("- a\n", ["channels.yaml:1:1: this must be a map"]),
    ],
)
def test_each_mistake_in_a_yaml_table_names_its_place(text: str, said: list[str]) -> None:
    """The same rules as for CSV."""
    found = read(text, "channels.yaml")
    assert isinstance(found, list)
    assert sorted(str(problem) for problem in found) == said


def test_another_kind_of_file_is_refused() -> None:
    """The ending says how to read it."""
    assert [str(problem) for problem in read("x", "channels.xlsx") or ()] == [  # type: ignore[attr-defined]
        "channels.xlsx: a channels table ends in .csv or .yaml"
    ]


def test_a_table_is_checked_with_the_configuration(tmp_path: Path) -> None:
    """Its problems are told beside all others."""
    assert problems(folder(tmp_path, channels="key,channel,company\n")) == [
        "channels.csv:1: the column app is missing in the header"
    ]


# --- where the rows come from, and what a topic does without one ------------------------------------------------------

TOPIC_CONFIG = CONFIG.replace("channels: channels.csv", "channels_topic: channels")
WAITING = MAPPING.replace("    start: earliest\n", "    start: earliest\n    on_unknown_channel: wait\n")


def test_a_directory_in_a_topic_is_empty_when_files_are_checked(tmp_path: Path) -> None:
    """So a channel id that is written out cannot be looked up yet: with several apps its row says whose it is, later."""
    config = TOPIC_CONFIG.replace("    main:", "    other: {uid: app-2, secret: hush}\n    main:")
    mapping = WAITING.replace("'${channels[value.line_id]}'", "cha_7")
    found = loaded(folder(tmp_path, config=config, calls=mapping))
    assert not found.channels.rows
    assert found.mappings.topics["calls.v1"].waits_for_channels
    in_file = config.replace("channels_topic: channels", "channels: channels.csv")
    (problem,) = problems(folder(tmp_path, config=in_file, calls=mapping))
    assert "gives a channel id that is not in the channels table" in problem


def test_a_file_and_a_topic_together_are_refused(tmp_path: Path) -> None:
    """Which of them counts would be a guess."""
    both = TOPIC_CONFIG.replace("channels_topic", "channels: channels.csv\n  channels_topic")
    assert problems(folder(tmp_path, config=both)) == [
        "connector.yaml:6:3: front: give only one of channels and channels_topic: which one counts must not be a guess"
    ]


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        (
            "front.dead-letters",
            "front.dead-letters is the dead-letter topic already: the channel directory has a topic",
        ),
        ("calls.v1", "calls.v1 is a mapped topic already: the channel directory has a topic"),
    ],
)
def test_the_directory_has_a_topic_of_its_own(tmp_path: Path, topic: str, said: str) -> None:
    """Its records are rows, and those of another topic are not."""
    config = TOPIC_CONFIG.replace("channels_topic: channels", f"channels_topic: {topic}")
    (problem,) = problems(folder(tmp_path, config=config))
    assert problem.startswith("connector.yaml:8:19: ")
    assert said in problem


def test_records_cannot_wait_for_rows_that_nobody_writes(tmp_path: Path) -> None:
    """Without a directory they would wait for ever."""
    config = CONFIG.replace("  channels: channels.csv\n", "")
    (problem,) = problems(folder(tmp_path, config=config, calls=WAITING))
    assert problem == (
        "connector.yaml:6:3: the topic calls.v1 waits for rows of the channel directory (on_unknown_channel), and there is "
        "none: give channels or channels_topic"
    )


def test_a_mapper_cannot_wait_for_a_row(tmp_path: Path) -> None:
    """Nobody knows which line it looked for."""
    mapping = "version: 1\ntopics:\n  a:\n    start: earliest\n    mapper: json:loads\n    on_unknown_channel: wait\n"
    (problem,) = problems(folder(tmp_path, calls=mapping))
    assert problem.endswith(
        "on_unknown_channel: wait belongs to rules: which line a mapper looks for is not known"
    )


def test_another_word_for_what_an_unknown_line_becomes_is_refused(tmp_path: Path) -> None:
    """There are two."""
    (problem,) = problems(folder(tmp_path, calls=WAITING.replace("wait", "hold")))
    assert "on_unknown_channel has a value that is not known: choose from dead_letter, wait" in problem
