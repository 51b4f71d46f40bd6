"""What a package of mappers imports: the one part of the connector whose names and meanings outside code may rely on.

    from connector.plugin import MapperInput, MapperRequest

A mapper is a function `MapperInput -> iterable of MapperRequest` (`Mapper`), registered as an entry point of the group
`front_connector.mappers`. It may say `front_connector_api = 1` (in its module, or on the function): the version of this
interface that it was written for. A connector of another version then refuses it at start. docs/mapping.md has the whole story.
"""

from connector.core.mapping import API_VERSION, Mapper, MapperInput, MapperRequest

__all__ = ["API_VERSION", "Mapper", "MapperInput", "MapperRequest"]
