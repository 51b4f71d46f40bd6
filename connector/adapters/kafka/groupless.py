"""Consumers that join no group: for whoever reads a topic by itself. Never here: the consumer of the mapped topics."""

from collections.abc import Mapping
from typing import Any, Final

GROUPLESS: Final[Mapping[str, Any]] = {
    # Partitions are assigned by hand and nothing is committed.
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "allow.auto.create.topics": False,
    # What retention or a cut has removed is not there to be read: reading begins anew at what there is.
    "auto.offset.reset": "earliest",
}
"""Properties of every such client, whatever a user has set. It needs a `group.id` all the same: librdkafka insists on one."""
