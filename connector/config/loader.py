"""One path -> everything the service is told, or every problem in it at once. The only reader of configuration files.

Order: the YAML file and the environment, the files that they name, the channels table, the mapping files. A later step
is taken as far as the earlier ones allow, so that one run tells as much as it can.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from connector.config.channels import read_channels
from connector.config.compile import Context, compile_topic
from connector.config.environment import unknown_sections, variable_of
from connector.config.explain import explain
from connector.config.mapping_file import MappingFile
from connector.config.problems import Problem, Problems
from connector.config.secrets import with_files
from connector.config.settings import Settings
from connector.config.yaml_source import FILE_BYTES_MAX, Loc, Source, read_yaml
from connector.core.decode import ParsedSchema, parse_schema
from connector.core.expression import Language
from connector.core.mapping import AvroFormat, ChannelDirectory, MappingSet, TopicMapping

TABLE_BYTES_MAX = 64 * 1024 * 1024
"""A platform may have a line for each of a million customers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A valid configuration. `config_hash` is of the settings without secrets (hex)."""

    settings: Settings
    mappings: MappingSet
    channels: ChannelDirectory
    config_hash: str


def load(path: Path) -> Loaded | Problems:
    """Read the configuration at `path` and all that it names. Blocks on files; raises nothing for what they hold."""
    problems: list[Problem] = []
    source = _read_source(path, problems)
    settings = None if source is None else _settings(source, problems)
    if settings is None or source is None:
        return Problems.of(problems)
    settings = _with_files(settings, source, path, problems)
    digest = hashlib.sha256()
    channels = _channels(settings, problems, digest)
    context = _Mappings(settings, channels, _env(settings, source, problems))
    topics = context.read(source, problems, digest)
    problems.extend(_agree(settings, topics, source))
    if problems:
        return Problems.of(problems)
    mappings = MappingSet(topics, digest.hexdigest())
    return Loaded(settings=settings, mappings=mappings, channels=channels, config_hash=config_hash(settings))


def config_hash(settings: Settings) -> str:
    """Changes when any setting but a secret does."""
    shown = settings.model_dump(mode="json", exclude={"instance": True, "kafka": {"properties"}})
    shown["kafka"]["properties"] = settings.kafka.shown_properties()
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def shown_path(path: Path) -> str:
    """How problems call a file: from the working directory if it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _read_text(path: Path, file: str, problems: list[Problem], most: int) -> str | None:
    try:
        with path.open("rb") as opened:
            content = opened.read(most + 1)
        if len(content) <= most:
            return content.decode("utf-8-sig")
        problems.append(Problem(file, f"is larger than {most // 1024**2} MiB"))
    except OSError as error:
        problems.append(Problem(file, f"cannot be read: {error.strerror or type(error).__name__}"))
    except UnicodeDecodeError:
        problems.append(Problem(file, "is not UTF-8 text"))
    return None


def _read_source(path: Path, problems: list[Problem]) -> Source | None:
    """A YAML file whose top is a map. Its problems are added; None when nothing in it can be judged."""
    file = shown_path(path)
    text = _read_text(path, file, problems, FILE_BYTES_MAX)
    if text is None:
        return None
    source = read_yaml(text, file)
    problems.extend(source.problems)
    if source.data is None and not source.problems:
        problems.append(Problem(file, "is empty"))
    elif source.data is not None and not isinstance(source.data, dict):
        problems.append(Problem(file, "must be a map (`name: value` lines)", 1, 1))
    return source if isinstance(source.data, dict) else None


def _settings(source: Source, problems: list[Problem]) -> Settings | None:
    names = list(os.environ)
    problems.extend(unknown_sections(names))
    assert isinstance(source.data, dict)
    # An unknown top-level key reaches pydantic as a keyword argument; it is found there like any other.
    try:
        return Settings(**source.data)
    except ValidationError as error:
        problems.extend(explain(error, Settings, source, lambda loc: variable_of(loc, names)))
    except SettingsError as error:
        problems.append(Problem("environment", f"{error}: JSON or a simple value was expected"))
    return None


def _with_files(settings: Settings, source: Source, path: Path, problems: list[Problem]) -> Settings:
    def complain(loc: Loc, message: str) -> None:
        variable = variable_of(loc, os.environ)
        if variable is None:
            problems.append(source.problem(loc, message))
        else:
            problems.append(Problem("environment", f"{variable}: {message}"))

    return with_files(settings, path.resolve().parent, complain)


def _env(settings: Settings, source: Source, problems: list[Problem]) -> Mapping[str, str]:
    for index, name in enumerate(settings.mappings.env):
        if name not in os.environ:
            message = f"the environment variable {name} is not set: set it (it may be empty), or take it off the list"
            problems.append(source.problem(("mappings", "env", index), message))
    return {name: os.environ[name] for name in settings.mappings.env if name in os.environ}


def _channels(settings: Settings, problems: list[Problem], digest: "hashlib._Hash") -> ChannelDirectory:
    apps = settings.front.apps
    path = settings.front.channels
    text = (
        None
        if path is None or not path.is_file()
        else _read_text(path, shown_path(path), problems, TABLE_BYTES_MAX)
    )
    if path is None or text is None:
        return ChannelDirectory.of((), apps)
    digest.update(text.encode())
    rows = read_channels(path, text, shown_path(path), apps)
    if isinstance(rows, list):
        problems.extend(rows)
        return ChannelDirectory.of((), apps)
    return ChannelDirectory.of(rows, apps)


@dataclass(frozen=True, slots=True)
class _Mappings:
    """Reads the mapping folder."""

    settings: Settings
    channels: ChannelDirectory
    env: Mapping[str, str]

    def read(
        self, config: Source, problems: list[Problem], digest: "hashlib._Hash"
    ) -> dict[str, TopicMapping]:
        folder = self.settings.mappings.folder
        # The channels table may lie beside the mapping files: a ConfigMap is one flat folder.
        files = sorted(path for path in folder.glob("*.yaml") if path != self.settings.front.channels)
        if not files:
            message = (
                f"no *.yaml in {shown_path(folder)}"
                if folder.is_dir()
                else f"there is no folder {shown_path(folder)}"
            )
            problems.append(config.problem(("mappings", "folder"), message))
        language = Language(("channels",))
        topics: dict[str, TopicMapping] = {}
        found_in: dict[str, str] = {}
        for path in files:
            source = _read_source(path, problems)
            if source is None or source.problems:
                continue
            digest.update("\n".join((path.name, *source.lines)).encode())
            self._file(path, source, language, problems, topics, found_in)
        return topics

    def _file(
        self,
        path: Path,
        source: Source,
        language: Language,
        problems: list[Problem],
        topics: dict[str, TopicMapping],
        found_in: dict[str, str],
    ) -> None:
        try:
            shape = MappingFile.model_validate(source.data)
        except ValidationError as error:
            problems.extend(explain(error, MappingFile, source))
            return

        def read_schema(name: str) -> ParsedSchema | str:
            return _read_schema(path.parent / name)

        context = Context(language=language, channels=self.channels, env=self.env, read_schema=read_schema)
        for topic, topic_shape in shape.topics.items():
            if topic in found_in:
                message = f"the topic {topic} is in {found_in[topic]} already: a topic belongs in one file"
                problems.append(source.problem(("topics", topic), message, at_key=True))
                continue
            found_in[topic] = source.file
            compiled = compile_topic(topic, topic_shape, source, context)
            if isinstance(compiled, TopicMapping):
                topics[topic] = compiled
            else:
                problems.extend(compiled)


def _read_schema(path: Path) -> ParsedSchema | str:
    try:
        definition = json.loads(path.read_bytes())
    except OSError as error:
        return f"cannot read {shown_path(path)}: {error.strerror or type(error).__name__}"
    except ValueError:
        return f"{shown_path(path)} is not JSON"
    parsed = parse_schema(definition, None)
    return parsed if isinstance(parsed, ParsedSchema) else f"{shown_path(path)} is not a valid Avro schema"


def _agree(settings: Settings, topics: Mapping[str, TopicMapping], source: Source) -> list[Problem]:
    """What the settings and the mapping files must not contradict."""
    problems = []
    if settings.dead_letter.topic in topics:
        message = f"{settings.dead_letter.topic} is a mapped topic: dead letters would be read again"
        problems.append(source.problem(("dead_letter", "topic"), message))
    framed = [name for name, topic in topics.items() if AvroFormat() in (topic.value, topic.key)]
    if framed and settings.registry is None:
        message = f"registry is missing: the topic {min(framed)} is read with schemas from a registry"
        problems.append(source.problem((), message))
    return problems
