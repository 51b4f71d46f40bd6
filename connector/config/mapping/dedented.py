"""Keys of a topic that stand one level too high, beside the topics or beside `topics:`: a YAML file is easily dedented.

Without this, `rules` is a topic of that name, and everything that is said of the file misleads.
"""

from collections.abc import Iterator

from connector.config.mapping.file import MappingFile, TopicShape
from connector.config.problems import Problem
from connector.config.yaml_source import Source


def dedented(source: Source) -> list[Problem]:
    """A problem for each; if there are any, no other check of the file's shape says anything useful."""
    return list(_dedented(source))


def _dedented(source: Source) -> Iterator[Problem]:
    data = source.data if isinstance(source.data, dict) else {}
    of_topics = {field.alias or name for name, field in TopicShape.model_fields.items()}
    for name in data:
        if name in of_topics and name not in MappingFile.model_fields:
            yield source.problem(
                (name,), f"`{name}` is a key of a topic: indent it, below its topic", at_key=True
            )
    topics = data.get("topics")
    last: str | None = None
    for name, value in topics.items() if isinstance(topics, dict) else ():
        if name not in of_topics or (
            isinstance(value, dict) and "start" in value
        ):  # a topic may have such a name
            last = name
            continue
        mark = source.marks.get(("topics", last, "start")) if last is not None else None
        keys = source.keys.get(("topics", last, "start"), mark) if last is not None else None
        where = "below its topic" if last is None else f"below the topic {last}"
        column = "" if keys is None else f" by {keys.column - 1} spaces, as `start` in line {keys.line}"
        message = (
            f"`{name}` is a key of a topic, and stands here beside the topics: indent it{column}, {where}"
        )
        yield source.problem(("topics", name), message, at_key=True)
