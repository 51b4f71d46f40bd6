"""The loopback listener, joined to what it shows: status, the settings as they may be shown, the logs.

Never here: routes and pages (`adapters.admin`).
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from connector.adapters.admin import LOOPBACK, AdminSources, Listener, desk
from connector.adapters.telemetry import Logs
from connector.app.assembly import Parts
from connector.app.control import TopicControl
from connector.config import Loaded
from connector.config.settings import Settings
from connector.core.records import TopicPartition
from connector.core.skipping import Skipped

LETTER_S = 15.0
"""How long whoever settles a record waits for its dead letter, on top of the request that may be in flight."""


def make_desk(loaded: Loaded, parts: Parts, logs: Logs) -> Listener:
    """Not yet started."""
    settings, status = loaded.settings, parts.status
    control = parts.control if isinstance(parts.control, TopicControl) else None
    settle_within_s = settings.front.request_deadline_s + LETTER_S

    async def settle(topic: str, partition: int, offset: int, reason: str) -> Skipped:
        place = TopicPartition(topic, partition)
        return await parts.pipeline.by_hand.settle(place, offset, reason, settle_within_s)

    sources = AdminSources(
        name=settings.name,
        instance=settings.instance,
        build=parts.build,
        settings=shown_settings(settings),
        topics=tuple(sorted(loaded.mappings.topics)),
        snapshot=status.snapshot,
        detail=status.detail,
        recent=lambda: logs.recent.lines,
        levels=logs.levels,
        pauses=control,
        settle=settle,
        dead_letter_topic=settings.dead_letter.topic,
        audit=logs.levels.audit,
        started_wall=time.time(),
        now_wall=time.time,
    )
    return Listener(desk(sources), settings.admin_port, LOOPBACK)


def shown_settings(settings: Settings) -> dict[str, str]:
    """Every setting by its dotted name, as text; secrets are asterisks, and what is not set is left out."""
    dumped = settings.model_dump(mode="json", exclude_none=True)
    dumped["kafka"]["properties"] = settings.kafka.shown_properties()
    return dict(_flat(dumped, ""))


def _flat(section: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            yield (
                f"{prefix}{name}",
                ",".join(str(item) for item in value if not isinstance(item, dict)),
            )
            for number, item in enumerate(value):
                if isinstance(item, dict):
                    yield from _flat(item, f"{prefix}{name}.{number}.")
        elif isinstance(value, bool):
            yield f"{prefix}{name}", "true" if value else "false"
        else:
            yield f"{prefix}{name}", str(value)
