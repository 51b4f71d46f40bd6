"""Finds Python mappers: by entry point, or by module and function. Importing one runs its code, at load only."""

import importlib
from importlib.metadata import entry_points

from connector.config.problems import did_you_mean
from connector.core.mapping import API_VERSION, Mapper

GROUP = "front_connector.mappers"
VERSION_NAME = "front_connector_api"
"""By this name a mapper, or its module, says which version of `connector.plugin` it was written for; without it: the first."""


def find_mapper(name: str) -> Mapper | str:
    """The function called `name`, or a sentence that says why there is none."""
    if ":" not in name:
        registered = {point.name: point for point in entry_points(group=GROUP)}
        if name not in registered:
            return f"no entry point {name!r} in the group {GROUP}: {did_you_mean(name, registered)}"
        name = registered[name].value
    module_name, _, function_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code runs when it is imported
        return f"the module {module_name!r} cannot be imported: {type(error).__name__}: {error}"
    found: object = getattr(module, function_name, None)
    if not callable(found):
        names = [
            item for item in vars(module) if not item.startswith("_") and callable(getattr(module, item))
        ]
        return f"the module {module_name!r} has no function {function_name!r}: {did_you_mean(function_name, names)}"
    version: object = getattr(found, VERSION_NAME, getattr(module, VERSION_NAME, API_VERSION))
    if version != API_VERSION or isinstance(version, bool):
        return (
            f"the mapper {name!r} was written for version {version!r} of the mapper interface ({VERSION_NAME}), and this "
            f"connector has version {API_VERSION}: install a release of the mapper for it, or another connector"
        )
    mapper: Mapper = found
    return mapper
