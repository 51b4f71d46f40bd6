"""Kafka: a consumer in a thread of its own, the bridge between it and the event loop, and the dead-letter producer."""

from connector.adapters.kafka.checks import CheckOptions, StartChecks
from connector.adapters.kafka.consumer import KafkaSource
from connector.adapters.kafka.options import SourceOptions
from connector.adapters.kafka.producer import DeadLetterProducer
from connector.adapters.kafka.properties import refused
from connector.adapters.kafka.renewal import Renewal, tried
from connector.adapters.kafka.table import Entry, Table

__all__ = [
    "CheckOptions",
    "DeadLetterProducer",
    "Entry",
    "KafkaSource",
    "Renewal",
    "SourceOptions",
    "StartChecks",
    "Table",
    "refused",
    "tried",
]
