"""The checks in the order in which they depend on one another, and what each needs. Runs none."""

from dataclasses import dataclass
from functools import partial

from connector.adapters.workers import Workers
from connector.workbench.doctor import (
    attachments,
    brokers,
    channels,
    clock,
    control,
    credential,
    dead_letters,
    disk,
    group,
    limits,
    listeners,
    offsets,
    ports,
    registry,
    rights,
    topics,
)
from connector.workbench.doctor import front as fronts
from connector.workbench.doctor.configuration import Made
from connector.workbench.doctor.examine import Check
from connector.workbench.doctor.front import Front
from connector.workbench.doctor.kafka import Kafka


@dataclass(frozen=True, slots=True)
class Means:
    """What the checks look with. `names`: where names are resolved; `threads`: where calls wait that block."""

    made: Made
    kafka: Kafka
    front: Front
    names: Workers
    threads: Workers


def checks(means: Means, *, ask_front: bool) -> tuple[Check, ...]:
    """All of them. `ask_front`: show Front a token of each app."""
    loaded, names = means.made.loaded, means.names
    settings = loaded.settings
    kafka, front = means.kafka, means.front
    read = ("brokers",) if settings.front.channels_topic is not None else ()
    here = (
        Check("open files", partial(limits.look, settings)),
        Check("disk", partial(disk.look, means.made.fetch.spool)),
        Check("ports", partial(ports.look, settings)),
    )
    of_kafka = (
        Check("brokers", partial(brokers.look, kafka, names)),
        Check("listeners", partial(listeners.look, kafka, names), needs=("brokers",)),
        Check("rights", partial(rights.look, kafka), needs=("brokers", "listeners")),
        Check("topics", partial(topics.look, kafka), needs=("rights",)),
        Check("group", partial(group.look, kafka), needs=("rights",)),
        Check("offsets", partial(offsets.look, kafka), needs=("topics",)),
        Check("dead letters", partial(dead_letters.look, kafka), needs=("topics",)),
        *(
            Check("control", partial(control.look, kafka, topic), needs=("rights",))
            for topic in (settings.control.topic,)
            if topic is not None
        ),
    )
    apps = tuple(settings.front.apps)
    at = tuple(f"front {app}" for app in apps)
    of_front = (
        *(Check(name, partial(fronts.look, front, app, names)) for name, app in zip(at, apps, strict=True)),
        Check("clock", partial(clock.look, front), after=at),
        *(
            Check(
                f"credential {app}",
                partial(credential.look, front, loaded, app, ask=ask_front),
                needs=(name,),
                after=("clock", "channels"),
            )
            for name, app in zip(at, apps, strict=True)
        ),
    )
    return (
        *here,
        *of_kafka,
        Check("registry", partial(registry.look, loaded, names, means.threads)),
        Check("channels", partial(channels.look, loaded, means.threads), needs=read),
        *of_front,
        Check("attachments", partial(attachments.look, means.made.fetch, names)),
    )
