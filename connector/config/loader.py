"""One path -> everything the service is told, or every problem in it at once. The only reader of configuration files.

Order: the YAML file and the environment, the files that they name, the channels table, the mapping files. A later step
is taken as far as the earlier ones allow, so that one run tells as much as it can.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from connector.config.channels import read_channels
from connector.config.compile import Context, compile_topic
from connector.config.environment import not_json, ours, section_of, set_by, unknown_sections, variable_of
from connector.config.explain import explain
from connector.config.front import FrontSettings
from connector.config.kafka import KafkaSettings
from connector.config.mapping_file import MappingFile
from connector.config.problems import Problem, Problems
from connector.config.registry import RegistrySettings
from connector.config.secrets import with_files
from connector.config.section import Section
from connector.config.settings import MappingSettings, Settings
from connector.config.yaml_source import FILE_BYTES_MAX, Loc, Source, read_yaml
from connector.core.decode import ParsedSchema, parse_schema
from connector.core.expression import Language
from connector.core.mapping import AvroFormat, ChannelDirectory, MappingSet, TopicMapping

TABLE_BYTES_MAX = 64 * 1024 * 1024
"""A platform may have a line for each of a million customers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A valid configuration. `config_hash` is of the settings without secrets (hex). `warnings`: what is hardly meant."""

    settings: Settings
    mappings: MappingSet
    channels: ChannelDirectory
    config_hash: str
    warnings: tuple[str, ...] = ()


def load(path: Path) -> Loaded | Problems:
    """Read the configuration at `path` and all that it names. Blocks on files; raises nothing for what they hold."""
    problems: list[Problem] = []
    source = _read_source(path, problems)
    if source is None:
        return Problems.of(problems)
    settings = _settings(source, problems)
    sections = _valid_alone(source) if settings is None else {n: getattr(settings, n) for n in _WITH_FILES}
    filled = _with_files(sections, source, path, problems)
    digest = hashlib.sha256()
    front, maps = filled.get("front"), filled.get("mappings")
    channels = ChannelDirectory.of((), ())
    topics: dict[str, TopicMapping] = {}
    if isinstance(front, FrontSettings):
        channels = _channels(front, problems, digest)
        if isinstance(maps, MappingSettings):
            context = _Mappings(maps, front.channels, channels, _env(maps, source, problems))
            topics = context.read(source, problems, digest)
    if settings is None:
        return Problems.of(problems)
    settings = settings.model_copy(update=filled)
    problems.extend(_agree(settings, topics, source))
    if problems:
        return Problems.of(problems)
    return Loaded(
        settings=settings,
        mappings=MappingSet(topics, digest.hexdigest()),
        channels=channels,
        config_hash=config_hash(settings),
        warnings=(*_warnings(settings, channels), *_spread(topics)),
    )


_WITH_FILES: Mapping[str, type[Section]] = {
    "kafka": KafkaSettings,
    "registry": RegistrySettings,
    "front": FrontSettings,
    "mappings": MappingSettings,
}
"""The sections that name files."""


def _valid_alone(source: Source) -> dict[str, Section | None]:
    """The sections that can be judged though another one is wrong: valid as the file has them, with no variable inside."""
    assert isinstance(source.data, dict)
    touched = {section_of(name) for name in ours(os.environ)}
    valid: dict[str, Section | None] = {}
    for name, model in _WITH_FILES.items():
        if name in source.data and name not in touched:
            with suppress(ValidationError):  # told already, with all of the settings
                valid[name] = model.model_validate(source.data[name])
    return valid


def _warnings(settings: Settings, channels: ChannelDirectory) -> tuple[str, ...]:
    """What is valid, and yet hardly meant."""
    table, folder = settings.front.channels, settings.mappings.folder
    said = [
        f"{shown_path(folder / name)} is not read: name it .yaml"
        for name in _misnamed(folder, settings.front.channels)
    ]
    if table is not None and not channels.rows:
        said.append(f"{shown_path(table)} has no rows: every record whose rule asks it becomes a dead letter")
    return tuple(said)


def _spread(topics: Mapping[str, TopicMapping]) -> Iterator[str]:
    """Entities whose operations come from several topics, one sentence each. What a Python mapper makes is not known."""
    for entity in ("call", "conversation"):
        found = sorted(name for name, topic in topics.items() if entity in topic.entities)
        if len(found) > 1:
            named = f"{', '.join(found[:-1])} and {found[-1]}"
            yield (
                f"the topics {named} have operations on a {entity}: if it can be the same {entity}, they have no order "
                f"between them and Front may get a later one first; put all events of a {entity} into one topic, keyed by it"
            )


def _misnamed(folder: Path, channels: Path | None) -> list[str]:
    """Files that look like mapping files and are not read."""
    return sorted(path.name for path in folder.glob("*.yml") if path != channels)


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
        problems.extend(
            explain(
                error,
                Settings,
                source,
                lambda loc: variable_of(loc, names),
                lambda loc, said: set_by(loc, said, names),
            )
        )
    except SettingsError as error:
        problems.extend(not_json(str(error), os.environ) or [Problem("environment", str(error))])
    return None


def _with_files(
    sections: Mapping[str, Section | None], source: Source, path: Path, problems: list[Problem]
) -> dict[str, Section | None]:
    def complain(loc: Loc, message: str) -> None:
        variable = variable_of(loc, os.environ)
        if variable is None:
            problems.append(source.problem(loc, message))
        else:
            problems.append(Problem("environment", f"{variable}: {message}"))

    base = path.resolve().parent
    return {
        name: section and with_files(section, base, (name,), complain) for name, section in sections.items()
    }


def _env(maps: MappingSettings, source: Source, problems: list[Problem]) -> Mapping[str, str]:
    for index, name in enumerate(maps.env):
        if name not in os.environ:
            message = f"the environment variable {name} is not set: set it (it may be empty), or take it off the list"
            problems.append(source.problem(("mappings", "env", index), message))
    return {name: os.environ[name] for name in maps.env if name in os.environ}


def _channels(front: FrontSettings, problems: list[Problem], digest: "hashlib._Hash") -> ChannelDirectory:
    apps = front.apps
    path = front.channels
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

    settings: MappingSettings
    table: Path | None
    channels: ChannelDirectory
    env: Mapping[str, str]

    def read(
        self, config: Source, problems: list[Problem], digest: "hashlib._Hash"
    ) -> dict[str, TopicMapping]:
        folder = self.settings.folder
        # The channels table may lie beside the mapping files: a ConfigMap is one flat folder.
        files = sorted(path for path in folder.glob("*.yaml") if path != self.table)
        if not files:
            problems.append(config.problem(("mappings", "folder"), self._nothing_in(folder)))
        language = Language(("channels",), env=self.settings.env)
        topics: dict[str, TopicMapping] = {}
        found_in: dict[str, str] = {}
        for path in files:
            source = _read_source(path, problems)
            if source is None or source.problems:
                continue
            digest.update("\n".join((path.name, *source.lines)).encode())
            self._file(path, source, language, problems, topics, found_in)
        return topics

    def _nothing_in(self, folder: Path) -> str:
        if not folder.is_dir():
            return f"there is no folder {shown_path(folder)}"
        hints = [f"{name} is not read: name it .yaml" for name in _misnamed(folder, self.table)]
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
