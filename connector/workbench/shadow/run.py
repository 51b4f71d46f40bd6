"""Two versions of the mappings over the same real records: each is prepared twice, and compared. Sends and commits nothing.

Every record is taken as if it had just been written: `max_age_s` leaves none out, or old records would hide differences.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from connector.adapters.kafka.reading import Reader, Selection
from connector.config import Loaded, Problems, load
from connector.config.problems import did_you_mean
from connector.core.prepare import MapperNeeded, Prepared
from connector.core.records import Record
from connector.ports import GaveUp
from connector.workbench.bounded import BoundedCalls
from connector.workbench.letters import source_record
from connector.workbench.registry_schemas import RegistrySchemas
from connector.workbench.shadow.compare import compare
from connector.workbench.shadow.report import Report, Tally, Version
from connector.workbench.sources import fill_channels

SAMPLES_EACH = 3
"""Records that are shown of each group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which records. `topics` empty: all that either version maps. `dead_letters`: those in the dead-letter topic.

    `described`: the choice in words, for the report.
    """

    selection: Selection
    described: str
    topics: tuple[str, ...] = ()
    dead_letters: bool = False
    samples_each: int = SAMPLES_EACH


@dataclass(frozen=True, slots=True)
class Sides:
    """The two versions: the one in force, and the one that is proposed. Kafka and registry are the second one's."""

    old: Loaded
    new: Loaded
    old_name: str
    new_name: str

    def unknown(self, topics: tuple[str, ...]) -> str | None:
        """A sentence about the first of these topics that neither version maps."""
        mapped = self.old.mappings.topics.keys() | self.new.mappings.topics.keys()
        wrong = next((topic for topic in topics if topic not in mapped), None)
        return (
            wrong
            and f"no mapping file of either version has the topic {wrong!r}: {did_you_mean(wrong, mapped)}"
        )


def load_against(config: Path, against: Path) -> Loaded | Problems:
    """The other version: a configuration file, or a folder of mapping files to go with `config`'s other settings."""
    return load(config, mappings=against) if against.is_dir() else load(against)


def shadow(
    sides: Sides,
    options: Options,
    source: Reader,
    schemas: RegistrySchemas,
    calls: BoundedCalls,
    watch: Callable[[int, int], None],
) -> Report:
    """Compare. `watch` gets how many offsets were read, of how many, every now and then. `calls`: of Python mappers.

    Raises `CannotRead`, `NoSchemas`, and `RestartNeeded` when too many calls of mappers hang.
    """
    tally, passed_over = Tally(options.samples_each), 0
    for side in (sides.old, sides.new):
        fill_channels(side, source)
    mapped = sides.old.mappings.topics.keys() | sides.new.mappings.topics.keys()
    wanted = options.topics or tuple(sorted(mapped))
    if options.dead_letters:
        wanted = (sides.new.settings.dead_letter.topic,)
    spans = source.plan(wanted, options.selection)
    total = sum(span.end - span.begin for span in spans)
    for found in _watched(source.records(spans), total, watch):
        record = source_record(found) if options.dead_letters else found
        if record is None:
            passed_over += 1
        elif not options.topics or record.topic in options.topics:
            old, new = (_prepared(one, record, schemas, calls) for one in (sides.old, sides.new))
            tally.add(record, compare(old, new))
    return tally.report(
        Version(sides.old_name, sides.old.mappings.hash),
        Version(sides.new_name, sides.new.mappings.hash),
        options.described,
        passed_over,
    )


def _prepared(side: Loaded, record: Record, schemas: RegistrySchemas, calls: BoundedCalls) -> Prepared | None:
    topic = side.mappings.topics.get(record.topic)
    if topic is None:
        return None
    begun = schemas.begun(record, topic, (record.timestamp_ms or 0) / 1000)
    if not isinstance(begun, MapperNeeded):
        return begun
    called = calls.run(begun.call)
    return begun.gave_up(called.why) if isinstance(called, GaveUp) else called


_WATCH_EVERY = 200


def _watched(records: Iterator[Record], total: int, watch: Callable[[int, int], None]) -> Iterator[Record]:
    number = 0
    watch(0, total)
    for number, record in enumerate(records, 1):
        yield record
        if number % _WATCH_EVERY == 0:
            watch(number, total)
    watch(total, total)
