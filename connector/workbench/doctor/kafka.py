"""The clients that the checks of Kafka share, made with the service's own properties. Joins nothing, commits nothing.

Each question is put in a thread and bounded; what the brokers refuse as a whole becomes a result here.
"""

from collections.abc import Callable, Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata

from connector.adapters.kafka import SourceOptions
from connector.adapters.kafka.renewal import NOT_MADE, error_of
from connector.adapters.workers import Workers
from connector.ports import GaveUp
from connector.workbench.doctor.results import Result, Wrong
from connector.workbench.doctor.silent import Heard

REQUEST_S: Final = 8.0
"""How long one question to the brokers may take, the first connection included."""

Question = Callable[[], Sequence[Result]]


class Kafka:
    """Made once. `heard`: what the client said of its connections; `log`: what the start checks warned of."""

    def __init__(self, options: SourceOptions, workers: Workers) -> None:
        """`options` have been tried. Waits for a token where one is needed."""
        self.options = options
        self.group: str = options.properties["group.id"]
        self.heard: list[KafkaError] = []
        self.log = Heard()
        self._workers = workers
        # Never subscribed: it asks as the group's consumer would, and is no member.
        self.unmade: KafkaError | None = None
        """Why there are no clients: no token was to be had for them."""
        try:
            self.consumer = Consumer({**options.properties, "log_level": 0, "error_cb": self.heard.append})
            self.admin = AdminClient({**options.connection, "log_level": 0})
        except NOT_MADE as failed:
            self.unmade = error_of(failed)
        self.metadata: ClusterMetadata | None = None
        """What the brokers told of themselves, once `brokers` has ended well."""

    async def ask(self, question: Question) -> Sequence[Result]:
        """The question's results, or that there was no answer."""
        try:
            answer = await self._workers.run(question)
        except KafkaException as error:
            return (Wrong(f"Kafka gives no answer to this: {said(error.args[0])}"),)
        return (Wrong(f"the Kafka client {answer.why}"),) if isinstance(answer, GaveUp) else answer

    def close(self) -> None:
        """Let the connections go."""
        if self.unmade is None:
            self.consumer.close()


def said(error: KafkaError) -> str:
    """An error for people: its name and the client's words."""
    return f"{error.str()} ({error.name()})"
