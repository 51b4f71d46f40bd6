"""Mapping files checked against the schemas that a registry has now, not only against those that the files name."""

from dataclasses import replace
from pathlib import Path

from connector.config import Loaded, Problems, load
from connector.core.mapping import AvroFormat
from connector.workbench.registry_schemas import NoSchemas, RegistrySchemas
from connector.workbench.unusable import EXIT_UNAVAILABLE, EXIT_USAGE, Unusable


def checked_with_registry(config: Path, loaded: Loaded) -> Loaded | Problems:
    """Read the configuration again with the latest schemas of each topic's subjects; `loaded` is what it says without.

    A topic of which no subject is found gets a warning. Blocks on files and the registry. Raises Unusable when that gives no
    usable answer, or is not configured.
    """
    if loaded.settings.registry is None:
        raise Unusable("--registry: the configuration has no registry", EXIT_USAGE)
    topics = [name for name, topic in loaded.mappings.topics.items() if isinstance(topic.value, AvroFormat)]
    try:
        with RegistrySchemas(loaded.settings.registry) as registry:
            found = {topic: registry.of_topic(topic) for topic in sorted(topics)}
    except NoSchemas as error:
        raise Unusable(str(error), EXIT_UNAVAILABLE) from None
    except ValueError as error:  # a TLS or a password file
        raise Unusable(str(error), EXIT_USAGE) from None
    again = load(config, more_schemas=found)
    if isinstance(again, Problems):
        return again
    unknown = tuple(
        f"the registry has no subject {topic}-value and none {topic}-<record>: {topic} is not checked against it"
        for topic, schemas in found.items()
        if not schemas
    )
    return replace(again, warnings=(*again.warnings, *unknown))
