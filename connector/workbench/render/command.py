"""The verb `render`: one record from a file, from standard input or from Kafka, and what it becomes. Sends nothing.

Gives what is to be printed; raises `Unusable` for arguments that cannot be followed.
"""

import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connector.adapters.kafka.reading import At, CannotRead, Reader, Window
from connector.config import Loaded
from connector.config.problems import did_you_mean
from connector.core.dead_letter import Failure
from connector.core.decode import SchemaNeeded
from connector.core.mapping import Input, Plan, TopicMapping
from connector.core.prepare import decoded
from connector.core.records import Record
from connector.resources import schemas_dir
from connector.workbench.bounded import BoundedCalls
from connector.workbench.registry_schemas import NoSchemas, RegistrySchemas
from connector.workbench.render.curl import as_curl, too_long
from connector.workbench.render.shown import explained, rendered
from connector.workbench.samples import BadSample, Beside, Shelf, from_file
from connector.workbench.sources import fill_channels, reader, unusable
from connector.workbench.testing.trial import Trial, try_record
from connector.workbench.unusable import EXIT_UNAVAILABLE, Unusable

_AT_OFFSET = re.compile(r"(\d+):(\d+)")
_AT_TIME = re.compile(r"(\d+)@(.+)")
_HOW = "--from-kafka takes partition:offset or partition@time, such as 0:1234 or 0@2026-01-31T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments of `render`. Exactly one of `record` (a path, "-": standard input) and `from_kafka` is given."""

    topic: str
    record: Path | None = None
    schema: str | None = None
    index: int = 0
    from_kafka: str | None = None
    curl: bool = False
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """`shown`: what the record becomes, as JSON values. `commands`: with --curl and requests, text for a shell, else None."""

    shown: dict[str, object]
    commands: str | None


def run(loaded: Loaded, asked: Asked) -> Rendered:
    """Read the record, map it, and show the result as is asked."""
    topic = loaded.mappings.topics.get(asked.topic)
    if topic is None:
        known = did_you_mean(asked.topic, loaded.mappings.topics)
        raise Unusable(f"--topic: no mapping file has the topic {asked.topic!r}: {known}")
    if (asked.record is None) == (asked.from_kafka is None):
        raise Unusable("give one of --record and --from-kafka")
    taken = (
        _from_kafka(loaded, topic, asked) if asked.record is None else _from_file(asked.record, topic, asked)
    )
    _read_channels(loaded)
    with BoundedCalls(loaded.settings.mappings.mapper_timeout_s) as calls:
        trial = try_record(topic, taken, time.time(), calls)
    shown = rendered(trial.result)
    if asked.explain:
        shown["tried"] = explained(trial.tried)
    return Rendered(shown, "\n\n".join(_commands(loaded, trial)) if asked.curl and _sends(trial) else None)


def _sends(trial: Trial) -> bool:
    return isinstance(trial.result, Plan)


def _commands(loaded: Loaded, trial: Trial) -> Iterator[str]:
    assert isinstance(trial.result, Plan), "only requests become commands"
    for request in trial.result.requests:
        note = ""
        if too_long(request):
            note = f"# {len(request.http.content)} bytes are more than Linux takes as one argument\n"
        yield note + as_curl(request, loaded.settings.front.apps[request.channel.app].base_url)


def _read_channels(loaded: Loaded) -> None:
    if loaded.settings.front.channels_topic is None:
        return
    try:
        with reader(loaded.settings) as records:
            fill_channels(loaded, records)
    except CannotRead as error:
        raise unusable(error, "front.channels_topic: ") from None
    except ValueError as error:
        raise Unusable(f"front.channels_topic: {error}") from None


def _from_file(path: Path, topic: TopicMapping, asked: Asked) -> Input | Failure:
    stdin = str(path) == "-"
    name = "standard input" if stdin else str(path)
    try:
        content = sys.stdin.buffer.read() if stdin else path.read_bytes()
    except OSError as error:
        raise Unusable(f"--record: cannot read {name}: {error.strerror or error}") from None
    beside = (asked.schema, asked.index, Beside())
    inside = Path() if stdin else path.parent
    shelf = Shelf(shipped=schemas_dir(), file_base=inside, own=topic.schemas)
    # By content, not by name: what is no container is JSON, as from standard input.
    sample = from_file(content, "record.json", topic, shelf, beside)
    if isinstance(sample, BadSample):
        raise Unusable(f"{name}: {sample.why}")
    return sample


def _from_kafka(loaded: Loaded, topic: TopicMapping, asked: Asked) -> Input | Failure:
    assert asked.from_kafka is not None, "one of the two is given"
    try:
        with reader(loaded.settings) as records:
            record = _found(records, topic.topic, asked.from_kafka)
        with RegistrySchemas(loaded.settings.registry) as schemas:
            while True:
                taken = decoded(record, topic, schemas.known)
                if not isinstance(taken, SchemaNeeded):
                    return taken
                schemas.fetch(taken.ref)
    except CannotRead as error:
        raise unusable(error, "--from-kafka: ") from None
    except NoSchemas as error:
        raise Unusable(f"--from-kafka: {error}", EXIT_UNAVAILABLE) from None
    except ValueError as error:
        raise Unusable(f"--from-kafka: {error}") from None


def _found(records: Reader, topic: str, where: str) -> Record:
    at_offset, at_time = _AT_OFFSET.fullmatch(where), _AT_TIME.fullmatch(where)
    if at_offset is not None:
        partition, offset = (int(number) for number in at_offset.groups())
        spans = records.plan((topic,), At(partition, offset))
    elif at_time is not None:
        partition = int(at_time[1])
        every = records.plan((topic,), Window(_milliseconds(at_time[2])))
        spans = tuple(span for span in every if span.partition == partition)
    else:
        raise Unusable(_HOW)
    record = next(iter(records.records(spans)), None)
    if record is None:
        raise Unusable(f"--from-kafka: there is no record at {where} in {topic}")
    return record


def _milliseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unusable(_HOW) from None
    if moment.tzinfo is None:
        raise Unusable(f"--from-kafka: {text} has no zone: a time is written as 2026-01-31T00:00:00Z")
    return round(moment.timestamp() * 1000)
