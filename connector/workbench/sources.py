"""Real records for tools: how to reach Kafka with a configuration's settings, without being the connector."""

from collections.abc import Mapping

from connector.adapters.kafka.login import login_properties
from connector.adapters.kafka.msk_iam import MISSING, installed
from connector.adapters.kafka.reading import CannotRead, Last, Reader
from connector.config import Loaded
from connector.config.channels import read_row
from connector.config.settings import Settings
from connector.core.mapping import ChannelRow
from connector.workbench.unusable import EXIT_DENIED, EXIT_UNAVAILABLE, EXIT_USAGE, Unusable

_ALL = Last(2**62)


def reader(settings: Settings) -> Reader:
    """A reader of the configured brokers. Raises ValueError for properties that librdkafka does not take."""
    if settings.kafka.msk_iam is not None and not installed():
        raise ValueError(MISSING)
    return Reader(
        {"client.id": f"front-connector-reader-{settings.instance}", **login_properties(settings.kafka)}
    )


_CODES: Mapping[str, int] = {
    "not_there": EXIT_USAGE,
    "denied": EXIT_DENIED,
    "unavailable": EXIT_UNAVAILABLE,
}


def unusable(why: CannotRead, about: str = "") -> Unusable:
    """What a verb says of records that cannot be read. `about`: the option or setting that asks for them, and a colon."""
    return Unusable(f"{about}{why}", _CODES[why.because])


def fill_channels(loaded: Loaded, source: Reader) -> None:
    """Read the channel directory's topic to its end, if it has one; a file was read with the configuration.

    A record that is no row is passed over, as the service does. Raises `CannotRead`.
    """
    topic = loaded.settings.front.channels_topic
    if topic is None:
        return
    changes: dict[str, ChannelRow | None] = {}
    for record in source.records(source.plan((topic,), _ALL)):
        read = read_row(record.key, record.value, loaded.channels.apps)
        if not isinstance(read, str):
            line, row = read
            changes[line] = row
    loaded.channels.change(changes)
