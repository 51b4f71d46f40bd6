"""The channel directory changes while it is used: rows come, go and change, and rows of a channel always agree."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from connector.core.mapping import ChannelDirectory, ChannelRow
from connector.core.records import Channel


def row(key: str, channel: str = "cha_1", company: str = "shop", alias: str | None = None) -> ChannelRow:
    return ChannelRow(key=key, channel=channel, company=company, app="main", alias=alias)


class Counted(ChannelDirectory):
    """Counts how often it looks through the new rows of a channel."""

    looks = 0

    def _odd(self, rows: list[ChannelRow], wanted: Mapping[str, ChannelRow | None]) -> list[ChannelRow]:
        self.looks += 1
        return super()._odd(rows, wanted)


def company_of(directory: ChannelDirectory, channel: str) -> str | None:
    """What a rule that names the channel by its id would get."""
    found = directory.resolve(channel, alias_allowed=True)
    return found.company if isinstance(found, Channel) and channel in directory.by_channel else None


def test_what_expressions_see_changes_in_place() -> None:
    """Compiled mappings hold the table itself: a row that is set or removed is seen by all of them."""
    directory = ChannelDirectory.of([row("a")], ["main"])
    seen = directory.table()
    change = directory.change({"b": row("b", "cha_2", alias="alt:address:b"), "a": None, "never": None})
    assert seen == {"b": {"channel": "cha_2", "company": "shop", "app": "main", "alias": "alt:address:b"}}
    assert seen is directory.table()
    assert (list(change.set), list(change.refused)) == (["b"], [])
    assert list(directory.by_channel) == ["cha_2"]


def test_a_channel_is_known_as_long_as_one_of_its_lines_is() -> None:
    """Several platforms' lines may lead to one channel."""
    directory = ChannelDirectory.of([row("sip-1"), row("+372"), row("inbox")], ["main"])
    directory.change({"sip-1": None, "inbox": row("inbox", "cha_2")})
    assert sorted(directory.by_channel) == ["cha_1", "cha_2"]
    directory.change({"+372": None})
    assert list(directory.by_channel) == ["cha_2"]


def test_a_row_that_disagrees_is_kept_back_and_the_older_one_stays() -> None:
    """Also where the key was unknown before: then it stays so."""
    directory = ChannelDirectory.of([row("a"), row("b")], ["main"])
    change = directory.change({"b": row("b", company="bank"), "c": row("c", company="bank")})
    assert (list(change.set), sorted(change.refused)) == ([], ["b", "c"])
    assert (directory.rows["b"]["company"], "c" in directory.rows) == ("shop", False)
    assert sorted(directory.kept_back) == ["b", "c"]


def test_the_rows_of_a_channel_can_be_changed_one_after_the_other() -> None:
    """The first waits for the second; with it both are set, and so is what was kept back beside them."""
    directory = ChannelDirectory.of([row("a"), row("b")], ["main"])
    assert list(directory.change({"a": row("a", company="bank")}).refused) == ["a"]
    change = directory.change({"b": row("b", company="bank")})
    assert (sorted(change.set), list(change.refused)) == (["a", "b"], [])
    assert company_of(directory, "cha_1") == "bank"
    assert not directory.kept_back


def test_a_row_that_is_kept_back_is_set_when_the_others_go() -> None:
    """And forgotten when its own key is removed or written again."""
    directory = ChannelDirectory.of([row("a"), row("b")], ["main"])
    directory.change({"a": row("a", company="bank")})
    assert list(directory.change({"b": None}).set) == ["a"]
    directory.change({"c": row("c", company="other")})
    assert list(directory.kept_back) == ["c"]
    assert list(directory.change({"c": row("c", "cha_2")}).set) == ["c"]
    assert not directory.kept_back


def test_a_row_that_stays_where_it_was_keeps_its_former_channel_in_agreement() -> None:
    """It was to leave for a channel where it disagrees: what the others of its former channel become must agree with it."""
    directory = ChannelDirectory.of([row("a", "cha_9"), row("b", "cha_9"), row("c", "cha_1")], ["main"])
    change = directory.change({"a": row("a", "cha_1", "bank"), "b": row("b", "cha_9", "bank")})
    assert sorted(change.refused) == ["a", "b"]
    assert {directory.rows[key]["company"] for key in "abc"} == {"shop"}


def test_a_long_chain_of_moved_lines_is_looked_at_once_or_twice_a_channel() -> None:
    """Each line moves to the next one's channel, and none can, for the last one stays: no look through all for each of them."""
    last = 500
    lines = [row(f"l-{n}", f"cha_{n}") for n in range(last + 1)]
    moved = {f"l-{n}": row(f"l-{n}", f"cha_{n + 1}", "bank") for n in range(last)}
    directory = Counted.of(lines, ["main"])
    change = directory.change(moved)
    assert set(change.refused) == moved.keys()
    assert dict(directory.rows) == {one.key: one.value() for one in lines}
    assert directory.looks <= 2 * last


def test_many_lines_that_would_leave_one_channel_are_no_more_looks_at_it() -> None:
    """It is looked at again when the first of them stays: then it is known what holds there."""
    fixed = [row(f"fixed-{n}", f"cha_{n}") for n in range(100)]
    shared = [row(f"l-{n}", "cha_shared") for n in range(100)]
    directory = Counted.of([*fixed, *shared], ["main"])
    moved = {f"l-{n}": row(f"l-{n}", f"cha_{n}", "bank") for n in range(100)}
    change = directory.change({**moved, "new": row("new", "cha_shared", "bank")})
    assert set(change.refused) == {*moved, "new"}
    assert directory.looks == 102


def test_the_difference_leads_to_exactly_the_new_rows() -> None:
    """And names only what is not as it was."""
    directory = ChannelDirectory.of([row("same"), row("gone", "cha_2"), row("moved", "cha_3")], ["main"])
    wanted = [row("same"), row("moved", "cha_4"), row("new", "cha_3")]
    changes = directory.difference(wanted)
    assert changes == {"gone": None, "moved": wanted[1], "new": wanted[2]}
    directory.change(changes)
    assert dict(directory.rows) == {one.key: one.value() for one in wanted}


KEYS, CHANNELS, COMPANIES = "abcd", ("cha_1", "cha_2"), ("x", "y")
ROWS = st.builds(row, st.just("a"), st.sampled_from(CHANNELS), st.sampled_from(COMPANIES))
BATCHES = st.lists(st.dictionaries(st.sampled_from(KEYS), st.none() | ROWS, max_size=3), max_size=8)


def keyed(changes: Mapping[str, ChannelRow | None]) -> dict[str, ChannelRow | None]:
    return {key: one and row(key, one.channel, one.company) for key, one in changes.items()}


@given(BATCHES)
def test_rows_in_force_agree_whatever_comes_and_the_newest_are_in_force_once_they_agree(
    batches: list[dict[str, ChannelRow | None]],
) -> None:
    """So what is in force in the end does not depend on the order in which rows that agree were written."""
    directory = ChannelDirectory(["main"])
    newest: dict[str, ChannelRow | None] = {}
    for batch in map(keyed, batches):
        newest |= batch
        directory.change(batch)
        companies: dict[str, set[str]] = {}
        for value in directory.rows.values():
            companies.setdefault(value["channel"], set()).add(value["company"])
        assert all(len(found) == 1 for found in companies.values())
        assert set(directory.by_channel) == companies.keys()
        assert all(company_of(directory, channel) in found for channel, found in companies.items())
    written = [one for one in newest.values() if one is not None]
    wanted: dict[str, set[str]] = {}
    for one in written:
        wanted.setdefault(one.channel, set()).add(one.company)
    if all(len(found) == 1 for found in wanted.values()):
        assert dict(directory.rows) == {one.key: one.value() for one in written}
        assert not directory.kept_back
