"""A folder of mapping files that is watched: what is written to it, and what came of it. Never here: tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from connector.adapters.files import LOOK_EVERY_S, STAYS_S
from connector.app.reload import MappingReload
from connector.core.mapping import MappingSet
from connector.ports import GaveUp
from tests.support.world import Facts
from tests.unit.config_files import CONFIG, MAPPING, folder, loaded

T = TypeVar("T")

CHANGED = MAPPING.replace("value.text", "value.note")
BROKEN = MAPPING.replace("value.text}", "valu.text}")
TESTED = (
    CHANGED
    + """\
    tests:
      - name: a note
        record: {value: {line_id: line-1, call_id: c-1, note: Hi}}
        expect: {operation: add-call-summary, body: {content: %s}}
"""
)
SEEN_TWICE_S = LOOK_EVERY_S + STAYS_S + 1.0
"""After so long a change has been seen twice."""


@dataclass
class Calls:
    """Runs calls at once; `script(n)` may answer the n-th in its place."""

    script: Callable[[int], GaveUp | None] = lambda _n: None
    made: int = 0

    async def run(self, call: Callable[[], T]) -> T | GaveUp:
        self.made += 1
        answer = self.script(self.made)
        return call() if answer is None else answer


@dataclass
class Watched:
    """A folder, its watcher, and what came of it."""

    file: Path
    facts: Facts
    reload: MappingReload
    calls: Calls
    swapped: list[MappingSet]

    def write(self, text: str, name: str = "calls") -> None:
        """Another content of a mapping file."""
        (self.file.parent / "mappings" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def told(self) -> list[tuple[str, str]]:
        """Events with their level."""
        return [(level, str(args[0])) for level, args, _ in self.facts.seen]

    def why(self) -> str:
        """Of the newest event, without the folder's path."""
        return str(self.facts.seen[-1][2]["why"]).replace(f"{self.file.parent}/", "")


@asynccontextmanager
async def watched(path: Path, **mappings: str) -> AsyncIterator[Watched]:
    """A service whose mapping files are watched."""
    file = folder(
        path, config=CONFIG.replace("folder: mappings", "folder: mappings, reload: watch"), **mappings
    )
    start, facts, calls = loaded(file), Facts(), Calls()
    swapped: list[MappingSet] = []

    def swap(new: MappingSet) -> int:
        swapped.append(new)
        return 3

    stage = Watched(file, facts, MappingReload(start, swap, calls, facts), calls, swapped)
    task = asyncio.create_task(stage.reload.run())
    yield stage
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


SCHEMA = (
    '{"type": "record", "name": "Call", "fields": ['
    '{"name": "line_id", "type": "string"}, {"name": "call_id", "type": "string"}, {"name": "text", "type": "string"}, '
    '{"name": "%s", "type": "string"}]}'
)
RAW = MAPPING.replace("    rules:", "    value: {format: avro_raw, schema: call.avsc}\n    rules:")
