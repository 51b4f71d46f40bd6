"""The channels table: CSV or YAML, every mistake with its line."""

from pathlib import Path

import pytest

from connector.config.channels import read_channels
from connector.core.mapping import ChannelRow
from tests.unit.config_files import folder, problems

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
                "channels.yaml:1:4: a.channel is missing",
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
