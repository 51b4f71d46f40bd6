"""The schema registry: is it there, does it let us in, and which schemas does it have of the topics?"""

from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit

from connector.adapters.workers import Workers
from connector.config import Loaded
from connector.config.registry import RegistrySettings
from connector.core.mapping import AvroFormat
from connector.ports import GaveUp
from connector.workbench.doctor.reach import connected
from connector.workbench.doctor.results import Fine, Result, Warn, Wrong
from connector.workbench.registry_schemas import NoSchemas, RegistrySchemas


async def look(loaded: Loaded, names: Workers, threads: Workers) -> Sequence[Result]:
    """The latest schemas of each topic's subjects."""
    settings = loaded.settings.registry
    if settings is None:
        return (Fine("none is configured: every topic has its schema in a file"),)
    url = urlsplit(settings.url)
    failed = await connected(names, url.hostname or "", url.port or (443 if url.scheme == "https" else 80))
    if failed is not None:
        return (Wrong(f"{settings.url}: {failed.why}", "check registry.url, and that the registry runs"),)
    topics = [name for name, topic in loaded.mappings.topics.items() if isinstance(topic.value, AvroFormat)]
    try:
        found = await threads.run(partial(_asked, settings, topics))
    except (NoSchemas, ValueError) as why:
        return (Wrong(str(why)),)
    return (Wrong(f"the registry {found.why}"),) if isinstance(found, GaveUp) else found


def _asked(settings: RegistrySettings, topics: Sequence[str]) -> Sequence[Result]:
    with RegistrySchemas(settings) as registry:
        found = {topic: [schema.name for schema in registry.of_topic(topic)] for topic in sorted(topics)}
    return tuple(told(topic, schemas) for topic, schemas in found.items()) or (
        Fine("it answers; no topic needs it"),
    )


def told(topic: str, schemas: Sequence[str]) -> Result:
    """What its subjects are. `schemas`: names of records."""
    if schemas:
        return Fine(f"{topic}: {', '.join(sorted(set(schemas)))}")
    return Warn(
        f"the registry has no subject {topic}-value and none {topic}-<record>",
        "look whether its producers use this registry; they may name subjects by the record alone, or not have begun",
    )
