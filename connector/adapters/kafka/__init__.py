"""Kafka: a consumer in a thread of its own, the bridge between it and the event loop, and the dead-letter producer."""

from connector.adapters.kafka.checks import CheckOptions, StartChecks
from connector.adapters.kafka.consumer import KafkaSource, SourceOptions
from connector.adapters.kafka.producer import DeadLetterProducer
from connector.adapters.kafka.properties import refused
from connector.adapters.kafka.table import Entry, Table

__all__ = [
    "CheckOptions",
    "DeadLetterProducer",
    "Entry",
    "KafkaSource",
    "SourceOptions",
    "StartChecks",
    "Table",
    "refused",
]
