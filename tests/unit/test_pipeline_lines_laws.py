"""Records of unknown lines under any schedule of rows that come and go, of schemas and of new mappings. Virtual time."""

import asyncio
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.config import Loaded
from connector.pipeline import aside
from connector.ports import RegistryUnavailable
from tests.support.virtual_time import run
from tests.support.world import SCHEMA, TP, Stage, record
from tests.unit.test_pipeline_lines import scene, write
from tests.unit.test_pipeline_lines_order import BY_RULES_LET, WHEN


@dataclass(frozen=True)
class Drawn:
    """A record with its two lines, and what happens before the next one comes."""

    first: str
    second: str
    room: str
    schema: int
    rows: dict[str, bool]
    """Lines whose row is written (True) or removed."""
    swap: bool
    steps: int


LINES = ("x", "y", "z")
DRAWN = st.lists(
    st.builds(
        Drawn,
        st.sampled_from(LINES),
        st.sampled_from(LINES),
        st.sampled_from("rs"),
        st.sampled_from([1, 1, 2]),
        st.dictionaries(st.sampled_from(LINES), st.booleans(), max_size=2),
        st.sampled_from([False, False, False, True]),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=15,
)


@cache
def of(text: str) -> Loaded:
    """Read once, as examples are many."""
    with TemporaryDirectory() as path:
        return scene(Path(path), text)


@given(st.sampled_from([WHEN, BY_RULES_LET]), DRAWN)
@settings(max_examples=100, deadline=None)
def test_any_schedule_of_rows_loses_nothing_and_keeps_the_order_of_a_common_key(
    text: str, records: list[Drawn]
) -> None:
    """One record a step, so that rows come and go, and mappings change, in the middle of every release."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aside, "AT_ONCE", 1)
        run(_play(of(text), records, ordered=text == WHEN))


async def _play(known: Loaded, records: list[Drawn], *, ordered: bool) -> None:
    async with Stage(maps=known.mappings) as stage:
        stage.schemas.script = lambda _ref, n: SCHEMA if n > 2 else RegistryUnavailable("down")
        stage.assign()
        part = stage.pipeline.partitions[TP]
        write(stage, known, **dict.fromkeys(LINES))
        for offset, drawn in enumerate(records):
            headers = (("room", drawn.room.encode()), ("second", drawn.second.encode()))
            taken = record(offset, "a", channel=drawn.first, schema=drawn.schema)
            stage.pipeline.received([replace(taken, headers=headers)])
            write(stage, known, **{line: "cha_1" if there else None for line, there in drawn.rows.items()})
            if drawn.swap:
                stage.pipeline.swap(replace(known.mappings, hash=f"{offset}"))
            for _ in range(drawn.steps):
                await asyncio.sleep(0)
            waiting = [key for wait in part.lines.values() for key in wait.keys]
            assert len(waiting) == len(set(waiting))
            assert {part.aside[key].needs for key in waiting} == set(part.lines)
        write(stage, known, **dict.fromkeys(LINES, "cha_1"))
        await stage.quiet(60.0)
        assert (part.ledger.unsettled, len(part.inbox), len(part.aside), len(part.lines)) == (0, 0, 0, 0)
        sent = [int(number) for number in stage.front.ids]
        assert sorted(sent) == list(range(len(records)))
        for room in "rs" if ordered else "":
            of_room = [number for number in sent if records[number].room == room]
            assert of_room == sorted(of_room)
