"""One path -> everything the service is told, or every problem in it at once. The only reader of configuration files.

Order: the YAML file and the environment, the files that they name, the channels table, the mapping files. A later step
is taken as far as the earlier ones allow, so that one run tells as much as it can.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError
from pydantic_settings import SettingsError

from connector.config.attachments import AttachmentSettings
from connector.config.channels import TABLE_BYTES_MAX, read_channels
from connector.config.control import agree_on_control
from connector.config.directory import agree_on_channels
from connector.config.environment import not_json, ours, section_of, set_by, unknown_sections, variable_of
from connector.config.explain import explain
from connector.config.front import FrontSettings
from connector.config.kafka import KafkaSettings
from connector.config.mapping.folder import MappingFolder, misnamed
from connector.config.mapping.tests import WrittenTest
from connector.config.problems import Problem, Problems
from connector.config.reading import read_source, read_text, shown_path
from connector.config.registry import RegistrySettings
from connector.config.secrets import with_files
from connector.config.section import Section
from connector.config.settings import MappingSettings, Settings
from connector.config.tracing import TracingSettings
from connector.config.yaml_source import Loc, Source, read_yaml
from connector.core.decode import ParsedSchema
from connector.core.mapping import AvroFormat, ChannelDirectory, MappingSet, TopicMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A valid configuration. `config_hash` is of the settings without secrets (hex). `warnings`: what is hardly meant.

    `tests`: what the mapping files and the files beside them claim; reading does not run them.
    """

    settings: Settings
    mappings: MappingSet
    channels: ChannelDirectory
    config_hash: str
    warnings: tuple[str, ...] = ()
    channels_digest: str | None = None
    """SHA-256 (hex) of the file that `channels` was made of."""
    tests: tuple[WrittenTest, ...] = ()


def load(
    path: Path,
    mappings: Path | None = None,
    more_schemas: Mapping[str, Sequence[ParsedSchema]] = MappingProxyType({}),
) -> Loaded | Problems:
    """Read the configuration at `path` and all that it names. Blocks on files; raises nothing for what they hold.

    `mappings`: a folder of mapping files to read in place of the configured one, such as another version of it.
    `more_schemas`: by topic, schemas of its values beside those that its mapping file names, to check expressions against.
    """
    problems: list[Problem] = []
    source = read_source(path, problems)
    if source is None:
        return Problems.of(problems)
    settings = _settings(source, problems)
    sections = _valid_alone(source) if settings is None else {n: getattr(settings, n) for n in _WITH_FILES}
    filled = _with_files(sections, source, path, problems)
    if mappings is not None:
        filled |= _in_folder(mappings, filled)
    front, maps = filled.get("front"), filled.get("mappings")
    channels, channels_digest = ChannelDirectory(()), None
    folder = None
    if isinstance(front, FrontSettings):
        channels, channels_digest = _channels(front, problems)
        if isinstance(maps, MappingSettings):
            folder = _folder(front, maps, channels, source, problems, more_schemas)
            read = folder.read(source, problems)
    if settings is None:
        return Problems.of(problems)
    assert folder is not None, "valid settings have both sections"
    settings = settings.model_copy(update=filled)
    problems.extend(_agree(settings, read.topics, source))
    if problems:
        return Problems.of(problems)
    return Loaded(
        settings=settings,
        mappings=read,
        channels=channels,
        channels_digest=channels_digest,
        config_hash=config_hash(settings),
        warnings=_all_warnings(settings, channels, read, folder),
        tests=tuple(folder.tests),
    )


def load_mappings(loaded: Loaded) -> tuple[Loaded | Problems, tuple[Path, ...]]:
    """Read the mapping folder anew, under the settings and the channels in use. Also the schema files that it names.

    Blocks on files. Neither the configuration nor what else it names is read again.
    """
    problems: list[Problem] = []
    settings, channels = loaded.settings, loaded.channels
    nowhere = read_yaml("", "configuration")
    folder = _folder(settings.front, settings.mappings, channels, nowhere, problems)
    read = folder.read(nowhere, problems)
    problems.extend(_agree(settings, read.topics, nowhere))
    files = tuple(folder.schema_files)
    if problems:
        return Problems.of(problems), files
    warnings = _all_warnings(settings, channels, read, folder)
    return replace(loaded, mappings=read, warnings=warnings, tests=tuple(folder.tests)), files


def _folder(
    front: FrontSettings,
    maps: MappingSettings,
    channels: ChannelDirectory,
    source: Source,
    problems: list[Problem],
    more_schemas: Mapping[str, Sequence[ParsedSchema]] = MappingProxyType({}),
) -> MappingFolder:
    """The mapping folder, not read yet. `source`: the file that names it."""
    return MappingFolder(
        maps,
        front.channels,
        channels,
        _env(maps, source, problems),
        channels_come_later=front.channels_topic is not None,
        file_part=front.attachment_part,
        more_schemas=more_schemas,
    )


def _in_folder(folder: Path, filled: Mapping[str, Section | None]) -> dict[str, Section | None]:
    """The sections with another mapping folder, and with its channels table if it has one, as the configured folder has."""
    front, maps = filled.get("front"), filled.get("mappings")
    if not isinstance(maps, MappingSettings):
        return {}
    moved: dict[str, Section | None] = {"mappings": maps.model_copy(update={"folder": folder})}
    table = front.channels if isinstance(front, FrontSettings) else None
    if table is not None and table.parent == maps.folder and (folder / table.name).is_file():
        assert front is not None
        moved["front"] = front.model_copy(update={"channels": folder / table.name})
    return moved


_WITH_FILES: Mapping[str, type[Section]] = {
    "kafka": KafkaSettings,
    "registry": RegistrySettings,
    "front": FrontSettings,
    "mappings": MappingSettings,
    "attachments": AttachmentSettings,
    "tracing": TracingSettings,
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


def _all_warnings(
    settings: Settings, channels: ChannelDirectory, mappings: MappingSet, folder: MappingFolder
) -> tuple[str, ...]:
    """What is valid, and yet hardly meant: by the settings, by the topics together, and in the mapping files by their lines."""
    found = [*folder.warnings, *(() if settings.attachments.hosts else folder.by_url[:1])]
    in_files = Problems.of(found).problems if found else ()
    return (*_warnings(settings, channels), *_spread(mappings.topics), *map(str, in_files))


def _warnings(settings: Settings, channels: ChannelDirectory) -> tuple[str, ...]:
    table, folder = settings.front.channels, settings.mappings.folder
    said = [
        f"{shown_path(folder / name)} is not read: name it .yaml"
        for name in misnamed(folder, settings.front.channels)
    ]
    if table is not None and not channels.rows:
        said.append(f"{shown_path(table)} has no rows: every record whose rule asks it becomes a dead letter")
    said += settings.kafka.warnings
    if settings.registry is not None:
        said += settings.registry.warnings
    said += settings.tracing.warnings
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


def config_hash(settings: Settings) -> str:
    """Changes when any setting but a secret does."""
    shown = settings.model_dump(
        mode="json", exclude={"instance": True, "kafka": {"properties", "group_instance_id"}}
    )
    shown["kafka"]["properties"] = settings.kafka.shown_properties()
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


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


def _channels(front: FrontSettings, problems: list[Problem]) -> tuple[ChannelDirectory, str | None]:
    """The directory, and the digest of the file that it was made of."""
    apps = front.apps
    path = front.channels
    text = (
        None
        if path is None or not path.is_file()
        else read_text(path, shown_path(path), problems, TABLE_BYTES_MAX)
    )
    if path is None or text is None:
        return ChannelDirectory(apps), None
    rows = read_channels(path, text, shown_path(path), apps)
    if isinstance(rows, list):
        problems.extend(rows)
        return ChannelDirectory(apps), None
    return ChannelDirectory.of(rows, apps), hashlib.sha256(text.encode()).hexdigest()


def _framed(topic: TopicMapping) -> bool:
    """Whether some of its schemas come from a registry."""
    return any(isinstance(how, AvroFormat) for how in (topic.value, topic.key))


def _agree(settings: Settings, topics: Mapping[str, TopicMapping], source: Source) -> list[Problem]:
    """What the settings and the mapping files must not contradict."""
    problems = []
    if settings.dead_letter.topic in topics:
        message = f"{settings.dead_letter.topic} is a mapped topic: dead letters would be read again"
        problems.append(source.problem(("dead_letter", "topic"), message))
    framed = [name for name, topic in topics.items() if _framed(topic)]
    if framed and settings.registry is None:
        message = f"registry is missing: the topic {min(framed)} is read with schemas from a registry"
        problems.append(source.problem((), message))
    problems += agree_on_channels(settings.front, settings.dead_letter.topic, topics, source)
    used: dict[str | None, str] = dict.fromkeys(topics, "a mapped topic")
    used |= {
        settings.dead_letter.topic: "the dead-letter topic",
        settings.front.channels_topic: "the channel directory",
    }
    return [*problems, *agree_on_control(settings.control, used, source)]
