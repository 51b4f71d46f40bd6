"""The `control` section: where the operators' wish lies that every process of the group obeys."""

from collections.abc import Iterator, Mapping

from pydantic import Field

from connector.config.kafka import TopicName
from connector.config.problems import Problem
from connector.config.section import Section
from connector.config.yaml_source import Source


class ControlSettings(Section):
    """Pausing the whole group."""

    topic: TopicName | None = Field(
        default=None,
        description="A compacted topic, which must exist, through which pause and resume reach every process of the group; "
        "without it they are refused.",
    )


def agree_on_control(
    control: ControlSettings, others: Mapping[str | None, str], source: Source
) -> Iterator[Problem]:
    """Its topic is nothing else. `others`: what the topics are that have a use already."""
    if control.topic is not None and control.topic in others:
        message = (
            f"{control.topic} is {others[control.topic]} already: the control setting has a topic of its own"
        )
        yield source.problem(("control", "topic"), message)
