"""Mapping files that change while the service runs (`mappings.reload: watch`): looked at, read, tested, and swapped or refused.

A look compares contents, not times or links: the kubelet swaps a folder by a symbolic link, and a watch on a file goes blind.
What changed is taken once two looks, five seconds apart, find the same: a folder may be half written. Reading, compiling and
the files' own tests run in a thread; the swap is one assignment between two records. Whatever is wrong with new files, the old
run on.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from connector.adapters.files import LOOK_EVERY_S, STAYS_S, content_digest
from connector.config import Loaded, load_mappings
from connector.config.reading import shown_path
from connector.core.decode import ParsedSchema
from connector.core.mapping import AvroFormat, MappingSet, RawAvroFormat, TopicMapping
from connector.ports import EventLog, GaveUp, MapperCalls, RestartNeeded
from connector.workbench.testing.run import TestResult, run_tests

READ_WITHIN_S: Final = 120.0
WHEN_STUCK: Final = "no mapping file is read again before a restart; see what the modules do that they import"
PROBLEMS_SHOWN: Final = 20

Reading: TypeAlias = Mapping[Path, bytes]
"""The digest of each file's content."""


@dataclass(frozen=True, slots=True)
class Refused:
    """New files that are not taken: problems with their places, or sentences."""

    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Anew:
    """What a reading of the folder gave, and the schema files that were read beside it."""

    result: Loaded | Refused
    schema_files: tuple[Path, ...]


class MappingReload:
    """Watches the folder of `loaded`. `swap` takes the new mappings, and says how many partitions wait before that.

    `calls` runs what reads files, for READ_WITHIN_S at most.
    """

    def __init__(
        self, loaded: Loaded, swap: Callable[[MappingSet], int], calls: MapperCalls, log: EventLog
    ) -> None:
        self.successful = True
        """Whether the files, when last judged, were of use."""
        self.taken_wall: float | None = None
        """When the mappings in use replaced others; None: they are those of the start."""
        self._loaded = loaded
        self._swap = swap
        self._calls = calls
        self._log = log
        self._folder = loaded.settings.mappings.folder
        self._schema_files: tuple[Path, ...] = ()
        self._seen: Reading | None = None
        self._seen_at = 0.0
        """When `_seen` was found first, on the loop's clock."""
        self._judged: Reading | None = None
        """What runs, or was refused. None at first: the files may have changed since the start read them."""
        self._refused = False
        """Whether the newest judgement refused the files: other rows may pass their tests."""
        self._rows_changed = False
        self._told: str | None = None
        """Why the files were refused, as the log has it."""
        self._asked = asyncio.Event()

    def look_now(self) -> None:
        """Do not wait for the next look; and judge again even what was refused or has not changed (SIGHUP)."""
        self._judged = self._told = None
        self._asked.set()

    def rows_changed(self) -> None:
        """Rows of the channel directory have changed: files that were refused are judged again at the next look.

        One edit may bring a row and a test that needs it, and each is found by a look of its own. Rows of a topic may change at
        any moment: no look is hurried for them.
        """
        self._rows_changed = True

    async def run(self) -> None:
        """Look for ever."""
        pause = LOOK_EVERY_S
        try:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), pause)
                self._asked.clear()
                pause = await self._look()
        except RestartNeeded as stuck:
            self._refuse((str(stuck),))

    async def _look(self) -> float:
        """One look; seconds until the next."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await self._reading()
        if isinstance(found, Refused):
            self._judged = self._seen = None  # so that files which can be read again are judged again
            self._refuse(found.why)
            return LOOK_EVERY_S
        if found != self._seen:
            self._seen, self._seen_at, self._told = found, loop.time(), None
        if found == self._judged and not (self._refused and self._rows_changed):
            return LOOK_EVERY_S
        missing = self._seen_at + STAYS_S - began  # a signal may have hurried this look
        return missing if missing > 0.0 else await self._judge(found)

    async def _reading(self) -> "Reading | Refused":
        found = await self._calls.run(partial(_reading, self._loaded, self._schema_files))
        return Refused((f"looking at the files {found.why}",)) if isinstance(found, GaveUp) else found

    async def _judge(self, found: Reading) -> float:
        self._rows_changed = False  # a row that comes from now on may be missed by what is tested now
        anew = await self._calls.run(partial(_read_and_test, self._loaded))
        if isinstance(anew, GaveUp):
            self._judged, self._refused = found, False  # rows do not end what hangs
            self._refuse((f"reading and testing the files {anew.why}",))
            return LOOK_EVERY_S
        self._schema_files = anew.schema_files
        if await self._reading() != found:
            return STAYS_S  # files changed or came meanwhile; or others were named: schema files, watched from now on
        self._judged = found
        self._refused = isinstance(anew.result, Refused)
        match anew.result:
            case Refused(why):
                self._refuse(why)
            case Loaded() as loaded:
                self._take(loaded)
        return LOOK_EVERY_S

    def _take(self, new: Loaded) -> None:
        current = self._loaded.mappings
        if new.mappings.hash == current.hash:
            if not self.successful:  # what was refused was taken back
                self._reloaded(new, 0)
            return
        why = restart_needed(current, new.mappings)
        if why is not None:
            self.successful, self._told = False, None
            self._log.warning("config.restart_required", kind="mapping", path=str(self._folder), why=why)
            return
        waiting = self._swap(new.mappings)
        self._loaded, self.taken_wall = new, time.time()
        self._reloaded(new, waiting)

    def _reloaded(self, new: Loaded, waiting: int) -> None:
        self.successful, self._told = True, None
        self._log.info(
            "config.reloaded",
            kind="mapping",
            path=str(self._folder),
            mappings_hash=new.mappings.hash,
            partitions=waiting,
        )
        for warning in new.warnings:
            self._log.warning("config.warning", why=warning)

    def _refuse(self, why: tuple[str, ...]) -> None:
        self.successful = False
        shown = why[:PROBLEMS_SHOWN]
        more = len(why) - len(shown)
        told = "\n".join((*shown, f"and {more} more: see `front-connector validate`") if more else shown)
        if told == self._told:
            return
        self._told = told
        self._log.error("config.reload.failed", kind="mapping", path=str(self._folder), why=told)


def _reading(loaded: Loaded, schema_files: Iterable[Path]) -> Reading | Refused:
    """Every file that counts, as it is now. One that cannot be read counts as empty: what is wrong is told by the judgement."""
    folder, table = loaded.settings.mappings.folder, loaded.settings.front.channels
    try:
        paths = {*folder.glob("*.yaml"), *schema_files} - {table}
    except OSError as error:  # a volume whose server is away
        return Refused((f"the folder cannot be read: {error.strerror or type(error).__name__}",))
    return {path: content_digest(path) for path in paths}


def _read_and_test(loaded: Loaded) -> Anew:
    try:
        new, schema_files = load_mappings(loaded)
        if not isinstance(new, Loaded):
            return Anew(Refused(tuple(map(str, new.problems))), schema_files)
        if new.mappings.hash == loaded.mappings.hash:
            return Anew(new, schema_files)
        failed = tuple(_told(result) for result in run_tests(new).results if result.status != "ok")
    except Exception as error:  # noqa: BLE001 - foreign modules are imported, and a defect here must not end what runs
        return Anew(Refused((f"reading and testing the files raised {type(error).__name__}",)), ())
    return Anew(Refused(failed) if failed else new, schema_files)


def _told(result: TestResult) -> str:
    """A test that does not pass, without what it compared: that may be a copy of somebody's record."""
    test = result.test
    return f"{shown_path(test.path)}:{test.line}: {test.topic}: {test.name!r} does not pass; `front-connector test` shows why"


def restart_needed(old: MappingSet, new: MappingSet) -> str | None:
    """Why `new` cannot be swapped in for `old` while the service runs, as a sentence; None if it can."""
    said = list(_differences(old.topics, new.topics))
    return f"{'; '.join(said)}: only a restart can change that" if said else None


def _differences(old: Mapping[str, TopicMapping], new: Mapping[str, TopicMapping]) -> Iterator[str]:
    for words, names in (("not there before", new.keys() - old), ("not there any more", old.keys() - new)):
        if names:
            yield f"the topic {', '.join(sorted(names))} is {words}"
    for name in sorted(old.keys() & new):
        pair = old[name], new[name]
        parts: dict[str, list[object]] = {
            "start": [topic.start for topic in pair],
            "on_missing_offset": [topic.on_missing_offset for topic in pair],
            "value": [_how(topic.value) for topic in pair],
            "key": [_how(topic.key) for topic in pair],
        }
        changed = [part for part, values in parts.items() if values[0] != values[1]]
        if changed:
            yield f"{' and '.join(changed)} of the topic {name} changed"


def _how(read: object) -> object:
    """A format with its schemas, which do not compare by what they hold."""
    match read:
        case AvroFormat(reader):
            return "avro", _schema(reader)
        case RawAvroFormat(schema, reader):
            return "avro_raw", _schema(schema), _schema(reader)
        case _:
            return read


def _schema(schema: ParsedSchema | None) -> object:
    return schema and schema.avro
