"""The channel directory: what a rule's `channel:` may give, and what is said of everything else, never with its value."""

import pytest

from connector.core.mapping import ChannelDirectory, ChannelRow
from connector.core.records import Channel

ROWS = (
    ChannelRow(key="line", channel="cha_1", company="shop", app="main"),
    ChannelRow(key="chat", channel="cha_2", company="club", app="other", alias="alt:address:chat@shop"),
)
TABLE = ChannelDirectory.of(ROWS, apps=("other", "main"))
ALONE = ChannelDirectory.of(ROWS, apps=("main",))
NONE = ChannelDirectory.of((), apps=())


def test_expressions_see_the_table_by_key() -> None:
    """A row without an alias has no such field."""
    assert TABLE.table() == {
        "line": {"channel": "cha_1", "company": "shop", "app": "main"},
        "chat": {
            "channel": "cha_2",
            "company": "club",
            "app": "other",
            "alias": "alt:address:chat@shop",
        },
    }


@pytest.mark.parametrize("value", ["cha_2", TABLE.table()["chat"]])
def test_a_row_or_its_channels_id_is_the_channel(value: object) -> None:
    """With the alias in the path where the operation takes one, and the real id for the token always."""
    assert TABLE.resolve(value, alias_allowed=False) == Channel("cha_2", "cha_2", "club", "other")
    assert TABLE.resolve(value, alias_allowed=True) == Channel(
        "alt:address:chat@shop", "cha_2", "club", "other"
    )


@pytest.mark.parametrize("value", ["cha_1", TABLE.table()["line"], {**TABLE.table()["line"], "alias": None}])
def test_without_an_alias_the_real_id_stands_in_the_path(value: object) -> None:
    """Whether the operation would take one or not."""
    for alias_allowed in (True, False):
        assert TABLE.resolve(value, alias_allowed=alias_allowed) == Channel("cha_1", "cha_1", "shop", "main")


def test_a_channel_that_is_in_no_row_belongs_to_the_only_app() -> None:
    """Its company is the default one; a second app would make it a guess."""
    for alias_allowed in (True, False):
        found = ALONE.resolve("cha_9", alias_allowed=alias_allowed)
        assert found == Channel("cha_9", "cha_9", "default", "main")


ROW = {"channel": "cha_1", "company": "shop", "app": "main"}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (
            7,
            "is a number, but must be a row of the channels table (`${channels[...]}`) or a channel id (cha_...)",
        ),
        ("hush", "gives a text that is no channel id (cha_...)"),
        (
            "line",
            "gives a text that is no channel id (cha_...)"
            " (it is a key of the table: write `${channels[...]}`)",
        ),
        (
            "cha_9",
            "gives a channel id that is not in the channels table, and 2 apps are configured, "
            "so its app is unknown: add the channel to the table",
        ),
        (
            {"company": 7},
            "gives a map without the text channel and company and app: a row has channel, company and app",
        ),
        ({**ROW, "app": None}, "gives a map without the text app: a row has channel, company and app"),
        ({**ROW, "company": 7}, "gives a map without the text company: a row has channel, company and app"),
        ({**ROW, "channel": 7}, "gives a map without the text channel: a row has channel, company and app"),
        ({**ROW, "alias": 7}, "gives a map whose alias is a number, not a text"),
        ({**ROW, "channel": "hush"}, "gives a map whose channel is no channel id (cha_...)"),
        ({**ROW, "app": "hush"}, "gives a map whose app is not configured; front.apps has main, other"),
    ],
)
def test_what_means_no_channel_is_told_why(value: object, why: str) -> None:
    """What it is, what it must be, and what to do."""
    assert TABLE.resolve(value, alias_allowed=True) == why


def test_without_apps_that_is_said() -> None:
    """A table may be read before any app is configured."""
    why = "gives a map whose app is not configured; front.apps has none"
    assert NONE.resolve(ROW, alias_allowed=True) == why
