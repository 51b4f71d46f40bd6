"""front-connector: Kafka events into Front's Channel API, in order per key, none lost."""

__version__ = "0.1.0"
