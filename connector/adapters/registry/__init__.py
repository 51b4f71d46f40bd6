"""The Schema Registry: where the schemas of records come from."""

from connector.adapters.registry.client import BasicAuth, BearerAuth, RegistryObserver, RegistryOptions
from connector.adapters.registry.settings import registry_options
from connector.adapters.registry.source import Registry

__all__ = ["BasicAuth", "BearerAuth", "Registry", "RegistryObserver", "RegistryOptions", "registry_options"]
