"""The consumer's world as it sees it: a client, a flag, a crossing to the loop. `runtime.py` has the real ones.

Values are the client library's own types. Nothing here does anything.
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Literal, ParamSpec, Protocol, TypeAlias

from confluent_kafka import Message, TopicPartition
from confluent_kafka.admin._metadata import ClusterMetadata

P = ParamSpec("P")


class Client(Protocol):
    """The calls of `confluent_kafka.Consumer` that are used. Each may wait, and raises KafkaException."""

    def subscribe(
        self,
        topics: list[str],
        on_assign: "OnRebalance",
        on_revoke: "OnRebalance",
        on_lost: "OnRebalance",
    ) -> None: ...
    def poll(self, timeout: float) -> Message | None: ...
    def consume(self, num_messages: int, timeout: float) -> list[Message]: ...
    def commit(
        self, *, offsets: list[TopicPartition], asynchronous: Literal[False]
    ) -> list[TopicPartition]: ...
    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]: ...
    def assignment(self) -> list[TopicPartition]: ...
    def incremental_assign(self, partitions: list[TopicPartition]) -> None: ...
    def incremental_unassign(self, partitions: list[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition) -> None: ...
    def pause(self, partitions: list[TopicPartition]) -> None: ...
    def resume(self, partitions: list[TopicPartition]) -> None: ...
    def offsets_for_times(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]: ...
    def list_topics(self, topic: str | None = None, timeout: float = -1) -> ClusterMetadata: ...
    def set_sasl_credentials(self, username: str, password: str) -> None: ...
    def close(self) -> None: ...


OnRebalance: TypeAlias = Callable[[Any, list[TopicPartition]], None]
"""The client's callback: run inside `poll`, `consume` or `close`, with the client itself."""

Command: TypeAlias = Callable[[Client], None]
"""Something the loop wants done to the client; runs in the polling thread between two polls."""


class Answer(Protocol):
    """What the brokers say to a question about topics, once they have said it."""

    def done(self) -> bool:
        """Whether `result` returns at once."""

    def result(self) -> Mapping[str, str]:
        """The ids (KIP-516) of those that exist. Waits; raises KafkaException when the brokers do not tell."""


TopicIds: TypeAlias = Callable[[Sequence[str]], Answer]
"""Asks the brokers for the ids of topics. Does not wait."""


class Flag(Protocol):
    """`threading.Event`, as far as it is used."""

    def set(self) -> None: ...
    def is_set(self) -> bool: ...
    def wait(self, timeout: float) -> bool: ...


class Crossing(Protocol):
    """See `bridge.Bridge`."""

    def enter(self) -> None: ...
    def tell_loop(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None: ...
    def ask_loop(self, question: Coroutine[Any, Any, None], bound_s: float, consumer: Client) -> bool: ...
    def commands(self) -> Iterator[Command]: ...
    def tell_thread(self, command: Command) -> None: ...
