"""The verb `new`: schemas and operations to a first mapping file. Gives what is to be printed; raises `Unusable`."""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connector.config import Loaded, Problems, load
from connector.config.problems import did_you_mean
from connector.core.operations import OPERATIONS
from connector.workbench.new.draft import Draft, GivenSchema, Wanted, draft, plain_topic, report
from connector.workbench.new.schemas import from_files, from_topic
from connector.workbench.unusable import EXIT_CONFIG, Unusable

_NOTHING = "version: 1\ntopics:\n  nothing: {start: latest, rules: [{name: nothing, skip: true}]}\n"
_SCHEMA_NAME = "mapping.schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments of `new`: `schemas`, or `config` and `topic`. `out`, `sample`: files to write."""

    operations: tuple[str, ...]
    schemas: tuple[Path, ...] = ()
    config: Path | None = None
    topic: str | None = None
    out: Path | None = None
    sample: Path | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """`text` is the file; `said` the guesses and what to do next, for people."""

    draft: Draft
    said: str

    @property
    def text(self) -> str:
        """The mapping file."""
        return self.draft.text


def run(asked: Asked) -> Made:
    """Draft the file, and write it, its schemas and its record where that is asked. Nothing that is there is replaced."""
    for name in asked.operations:
        if name not in OPERATIONS:
            raise Unusable(
                f"--operation: {name!r} is not an operation of Front's: {did_you_mean(name, OPERATIONS)}"
            )
    _refuse_to_replace(asked.out, asked.sample)
    loaded = None if asked.config is None else _settings(asked.config)
    folder = Path() if asked.out is None else asked.out.parent
    schemas, files = _schemas(asked, loaded, folder)
    topic = asked.topic or _topic_of(schemas, asked.schemas)
    line = None if loaded is None else next(iter(loaded.channels.rows), None)
    made = draft(Wanted(topic=topic, schemas=schemas, operations=asked.operations, line=line))
    _write(asked, made, files, folder)
    return Made(made, "\n".join((report(made), "", *_next(asked, topic, folder))))


def _refuse_to_replace(*files: Path | None) -> None:
    """Neither what is there, nor one new file by another."""
    named = [file for file in files if file is not None]
    for index, file in enumerate(named):
        if file.exists():
            raise Unusable(f"{file} is there already: name another file, or remove it")
        if not file.parent.is_dir():
            raise Unusable(f"there is no folder {file.parent}")
        if file.resolve() in [other.resolve() for other in named[:index]]:
            raise Unusable(f"{file} would be written twice: name two files")


def _settings(config: Path) -> Loaded:
    """The configuration; its mapping files may be wrong, or not there yet."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "nothing.yaml").write_text(_NOTHING, encoding="utf-8")
        loaded = load(config, mappings=Path(folder))
    if isinstance(loaded, Problems):
        raise Unusable(str(loaded), EXIT_CONFIG)
    return loaded


def _schemas(
    asked: Asked, loaded: Loaded | None, folder: Path
) -> tuple[tuple[GivenSchema, ...], dict[Path, Any]]:
    """The topic's schemas, and those to write beside the mapping file, by path."""
    if asked.schemas:
        return from_files(asked.schemas, folder), {}
    if loaded is None or asked.topic is None:
        raise Unusable("give --schema FILE, or --config FILE and --topic NAME")
    found = from_topic(asked.topic, loaded.settings)
    if asked.out is None:
        return found, {}
    names = [schema.name for schema in found]
    named = tuple(
        replace(schema, file=f"{schema.name if names.count(schema.name) == 1 else schema.full_name}.avsc")
        for schema in found
    )
    files = {folder / str(schema.file): schema.avro for schema in named}
    _refuse_to_replace(asked.out, asked.sample, *files)
    return named, files


def _topic_of(schemas: Sequence[GivenSchema], files: Sequence[Path]) -> str:
    name = schemas[0].name or files[0].stem
    return name if plain_topic(name) else "topic"


def _write(asked: Asked, made: Draft, files: dict[Path, Any], folder: Path) -> None:
    try:
        for path, avro in files.items():
            path.write_text(json.dumps(_definition(avro), indent=2) + "\n", encoding="utf-8")
        if asked.sample is not None and made.samples:
            record = dict(next(iter(made.samples.values())))
            if asked.schemas or files:  # a path in a record begins where the record lies
                record["schema"] = os.path.relpath(folder / str(record["schema"]), asked.sample.parent)
            asked.sample.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if asked.out is not None:
            asked.out.write_text(made.text, encoding="utf-8")
    except OSError as error:
        raise Unusable(f"cannot write: {error}") from None


def _definition(avro: Any) -> Any:
    """Without the marks of the library that parsed it."""
    match avro:
        case dict():
            return {key: _definition(item) for key, item in avro.items() if not key.startswith("__")}
        case list():
            return [_definition(item) for item in avro]
        case _:
            return avro


def _next(asked: Asked, topic: str, folder: Path) -> list[str]:
    config = "connector.yaml" if asked.config is None else str(asked.config)
    lines = ["Next:"]
    if asked.out is None:
        names = ", from where it names its schemas" if asked.schemas else ""
        lines.append(f"  save the file in {Path.cwd()}{names}; or say where it shall lie with --out FILE")
    if not (folder / _SCHEMA_NAME).exists():
        lines.append(
            f"  front-connector schema mapping > {folder / _SCHEMA_NAME}    # completion in your editor"
        )
    lines.append(f"  front-connector validate --config {config}")
    lines.append(f"  front-connector test --config {config} --topic {topic}")
    if asked.sample is not None:
        lines.append(f"  front-connector render --config {config} --topic {topic} --record {asked.sample}")
    return lines
