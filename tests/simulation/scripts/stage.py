"""What a script is played on.

A script is a plain function that does one thing after another. It is played twice, by the model of the client on simulated
brokers and by the real client on real ones (`simulated.py`; `tests/kafka/real_stage.py`): both must be told the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from tests.simulation.scripts.events import Events

GroupProtocol: TypeAlias = Literal["classic", "consumer"]

SESSION_S = 2.0
HEARTBEAT_S = 0.2
SOCKET_S = 1.5
MAX_POLL_S = 6.0
METADATA_MAX = 4096
COMMIT_MAX = 60_000
"""Bytes of a whole commit; 1 MiB where nobody has changed `message.max.bytes`."""
EPOCH_ENDS = 10
"""Where the first leader's records end in a log that was made by two leaders; it is 30 long."""
PATIENCE_S = 20.0
POLL_S = 0.02

LOST_ANSWER = None
"""The coordinator does as it is asked, and nobody hears of it."""


class Stage(Protocol):
    """One topic, its group, and what a script may do to them. Partitions are numbers; the group has the topic's name."""

    topic: str
    protocol: GroupProtocol
    events: Events

    def client(self, name: str) -> Any:
        """A new client: `connector.adapters.kafka.protocols.Client`, here also with asynchronous commits."""

    def now(self) -> float:
        """Seconds."""

    def pass_time(self, seconds: float) -> None:
        """Nobody polls."""

    def produce(self, partition: int, count: int) -> None:
        """Records at the end."""

    def transaction(self, partition: int, count: int) -> Callable[[bool], None]:
        """Records in a transaction that stays open; call what is returned to commit (True) or abort it."""

    def delete_records(self, partition: int, before: int) -> None:
        """As retention does."""

    def answer_next_commit(self, error: int | None) -> None:
        """The next commit is refused unseen with this error, or its answer is lost; other commits are as always."""

    def cut(self, name: str) -> None:
        """Between this client and the coordinator nothing passes any more."""

    def mend(self, name: str) -> None:
        """It passes again."""

    def held(self, partition: int) -> tuple[int, str | None] | None:
        """Offset and text that the coordinator holds."""

    def applied(self) -> Sequence[tuple[int, int]]:
        """(partition, offset) of every commit that reached the coordinator, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """`two_leaders`: the log is 30 long and was made by two leaders, see `EPOCH_ENDS`."""

    name: str
    play: Callable[[Stage], None]
    partitions: int = 1
    records: int = 0
    two_leaders: bool = False
    protocols: Sequence[GroupProtocol] = ("classic", "consumer")
