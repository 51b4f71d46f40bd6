"""The mapping folder: its files in order, each shape compiled, its tests beside it. What is wrong is told all at once.

Read at start, and again when the files change (`app/reload.py`). Never here: what a file may say (`mapping/file.py`).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from connector.config.explain import explain
from connector.config.mapping.avro_files import find_schema_files, read_schema_file
from connector.config.mapping.by_url import files_by_url
from connector.config.mapping.compile import Context, compile_topic
from connector.config.mapping.dedented import dedented
from connector.config.mapping.file import MappingFile
from connector.config.mapping.lets import Names, add_lets, doubtful
from connector.config.mapping.order_signature import order_signature
from connector.config.mapping.tests import SUFFIX, TestsFile, WrittenTest, unknown_topics, written_tests
from connector.config.mapping.written_keys import unknown_keys
from connector.config.problems import Problem, did_you_mean
from connector.config.reading import read_source, shown_path
from connector.config.settings import MappingSettings
from connector.config.yaml_source import Source
from connector.core.decode import ParsedSchema
from connector.core.expression import Language
from connector.core.files import FilePart
from connector.core.mapping import ChannelDirectory, MappingSet, TopicMapping


def misnamed(folder: Path, channels: Path | None) -> list[str]:
    """Files that look like mapping files and are not read."""
    return sorted(path.name for path in folder.glob("*.yml") if path != channels)


@dataclass(frozen=True, slots=True)
class MappingFolder:
    """Reads the mapping folder, once."""

    settings: MappingSettings
    table: Path | None
    channels: ChannelDirectory
    env: Mapping[str, str]
    channels_come_later: bool = False
    """From a topic."""
    file_part: FilePart = "attachments[]"
    more_schemas: Mapping[str, Sequence[ParsedSchema]] = field(default_factory=dict)
    """By topic: schemas to check expressions against, beside those that the files name."""
    tests: list[WrittenTest] = field(default_factory=list, init=False)
    """Filled by `read`, as the next three."""
    schema_files: list[Path] = field(default_factory=list, init=False)
    """Those that could not be read are among them."""
    by_url: list[Problem] = field(default_factory=list, init=False)
    """Where files are named by URL, as warnings for a configuration that fetches none."""
    warnings: list[Problem] = field(default_factory=list, init=False)
    """What mapping files hardly mean."""

    def read(self, config: Source, problems: list[Problem]) -> MappingSet:
        """Every topic that is right; the problems of the others are added. `config`: the file that names the folder."""
        folder = self.settings.folder
        # The channels table may lie beside the mapping files: a ConfigMap is one flat folder.
        found = sorted(path for path in folder.glob("*.yaml") if path != self.table)
        files = [path for path in found if not path.name.endswith(SUFFIX)]
        problems.extend(_without_mapping(found, files))
        if not files:
            problems.append(config.problem(("mappings", "folder"), self._nothing_in(folder)))
        language = Language(("channels",), env=self.settings.env)
        digest = hashlib.sha256()
        topics: dict[str, TopicMapping] = {}
        found_in: dict[str, str] = {}
        for path in files:
            source = read_source(path, problems)
            if source is None or source.problems:
                continue
            digest.update("\n".join((path.name, *source.lines)).encode())
            self._file(path, source, language, problems, topics, found_in)
        for path in sorted(set(self.schema_files)):
            with suppress(OSError):  # told already, with the place that names it
                digest.update(path.read_bytes())
        return MappingSet(topics, digest.hexdigest())

    def _nothing_in(self, folder: Path) -> str:
        if not folder.is_dir():
            return f"there is no folder {shown_path(folder)}"
        hints = [f"{name} is not read: name it .yaml" for name in misnamed(folder, self.table)]
        return f"no *.yaml in {shown_path(folder)}" + (f" ({'; '.join(hints)})" if hints else "")

    def _file(
        self,
        path: Path,
        source: Source,
        language: Language,
        problems: list[Problem],
        topics: dict[str, TopicMapping],
        found_in: dict[str, str],
    ) -> None:
        if found := dedented(source):
            problems.extend(found)
            return
        try:
            shape = MappingFile.model_validate(source.data)
        except ValidationError as error:
            problems.extend(explain(error, MappingFile, source))
            return

        self.by_url.extend(files_by_url(source, shape))
        names, found = add_lets(Names(language), shape.let, source, ())
        problems.extend(found)
        context = Context(
            names=names,
            channels=self.channels,
            channels_come_later=self.channels_come_later,
            file_part=self.file_part,
            env=self.env,
            read_schema=partial(self._read_schema, path.parent),
            find_schemas=partial(self._find_schemas, path.parent),
            more_schemas=self.more_schemas,
        )
        for topic, topic_shape in shape.topics.items():
            if topic in found_in:
                message = f"the topic {topic} is in {found_in[topic]} already: a topic belongs in one file"
                problems.append(source.problem(("topics", topic), message, at_key=True))
                continue
            found_in[topic] = source.file
            compiled = compile_topic(topic, topic_shape, source, context)
            if isinstance(compiled, TopicMapping):
                signature = order_signature(topic_shape, shape.let)
                topics[topic] = replace(compiled, order_signature=signature)
            else:
                problems.extend(compiled)
        self.warnings.extend(context.notes.warnings)
        if self.table is not None:
            keys = self.channels.rows.keys()
            self.warnings.extend(unknown_keys(source, language, keys, shown_path(self.table)))
        self.warnings.extend(doubtful(shape.let, names, context.notes.read, source, ()))
        self._tests(path, source, shape, problems)

    def _read_schema(self, folder: Path, name: str) -> ParsedSchema | str:
        self.schema_files.append(folder / name)
        return read_schema_file(folder / name)

    def _find_schemas(self, folder: Path, name: str) -> list[ParsedSchema] | str:
        files = find_schema_files(name, folder)
        if isinstance(files, str):
            return files
        self.schema_files.extend(files)
        read = [read_schema_file(file) for file in files]
        wrong = next((why for why in read if isinstance(why, str)), None)
        return wrong or [schema for schema in read if not isinstance(schema, str)]

    def _tests(self, path: Path, source: Source, shape: MappingFile, problems: list[Problem]) -> None:
        """The tests in a mapping file, and those of the file beside it."""
        words = {
            name: {rule.name: rule.skip for rule in topic.rules or () if isinstance(rule.skip, str)}
            for name, topic in shape.topics.items()
        }
        inside = {name: topic.tests for name, topic in shape.topics.items()}
        self.tests.extend(written_tests(inside, source, path, path, words))
        beside = path.with_name(path.stem + SUFFIX)
        found = read_source(beside, problems) if beside.is_file() else None
        if found is None or found.problems:
            return
        try:
            tests = TestsFile.model_validate(found.data)
        except ValidationError as error:
            problems.extend(explain(error, TestsFile, found))
            return
        problems.extend(unknown_topics(tests.tests, shape.topics, found, path.name))
        self.tests.extend(written_tests(tests, found, beside, path, words))


def _without_mapping(found: list[Path], files: list[Path]) -> Iterator[Problem]:
    """Files of tests that belong to no mapping file."""
    stems = {path.stem for path in files}
    for path in found:
        stem = path.name.removesuffix(SUFFIX)
        if path not in files and stem not in stems:
            message = f"there is no {stem}.yaml beside it, which it would test: {did_you_mean(stem, stems)}"
            yield Problem(shown_path(path), message)
