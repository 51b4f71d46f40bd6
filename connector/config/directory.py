"""What the settings of the channel directory and the mapping files must not contradict."""

from collections.abc import Iterator, Mapping

from connector.config.front import FrontSettings
from connector.config.problems import Problem
from connector.config.yaml_source import Source
from connector.core.mapping import TopicMapping


def agree_on_channels(
    front: FrontSettings, dead_letters: str, topics: Mapping[str, TopicMapping], source: Source
) -> Iterator[Problem]:
    """Problems with where the rows come from. `dead_letters`: the dead-letter topic."""
    if front.channels_topic is not None and front.channels_topic in (dead_letters, *topics):
        other = "the dead-letter topic" if front.channels_topic == dead_letters else "a mapped topic"
        message = f"{front.channels_topic} is {other} already: the channel directory has a topic of its own"
        yield source.problem(("front", "channels_topic"), message)
    waiting = [name for name, topic in topics.items() if topic.waits_for_channels]
    if waiting and front.channels is None and front.channels_topic is None:
        message = (
            f"the topic {min(waiting)} waits for rows of the channel directory (on_unknown_channel), and there is none: "
            "give channels or channels_topic"
        )
        yield source.problem(("front",), message)
