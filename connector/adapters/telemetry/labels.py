"""The values that labels may take: closed sets, and a bound for sets that somebody else chooses."""

from typing import Literal, TypeAlias, get_args

from connector.core.answers import NetworkError
from connector.core.circuit import CircuitState
from connector.core.status import HoldReason, HoldScope, PauseReason, State

CommitResult: TypeAlias = Literal["ok", "error"]
SecretResult: TypeAlias = Literal["accepted", "refused"]
RebalanceEvent: TypeAlias = Literal["assigned", "revoked", "lost"]
RegistryOperation: TypeAlias = Literal["by_id", "by_guid", "by_subject"]

STATES: tuple[State, ...] = get_args(State)
CIRCUIT_STATES: tuple[CircuitState, ...] = get_args(CircuitState)
PAUSE_REASONS: tuple[PauseReason, ...] = get_args(PauseReason)

HOLD_PAIRS: tuple[tuple[HoldScope, HoldReason], ...] = (
    ("app", "unauthorized"),
    ("app", "wrong_base_url"),
    ("channel", "unauthorized"),
    ("channel", "forbidden"),
    ("dead_letter", "unwritable"),
    ("budget", "exceeded"),
    ("partition", "offset_missing"),
    ("partition", "another_topic"),
    ("topic", "topic_missing"),
    ("topic", "unknown_channel"),
)
"""Every pair that can occur; each is exposed from the start, at zero."""

RELOADED = ("channels", "mapping", "secret", "ca")
"""What is read again while the process runs."""

OTHER = "other"

ERROR_TYPES_MAX = 48
CLIENT_CODES_MAX = 32
TIERS_MAX = 8
RULES_MAX = 500

_CODES = (
    "200", "201", "202", "204", "400", "401", "403", "404", "408", "409", "413", "422", "425", "429", "500", "502", "503",
    "504",
)  # fmt: skip
_CLASSES = ("2xx", "3xx", "4xx", "5xx")
STATUSES: tuple[str, ...] = (*_CODES, *_CLASSES, *get_args(NetworkError), OTHER)
"""Closed, so that a far side which invents statuses cannot push out those that alerts look for."""


def status_label(status: str) -> str:
    """An HTTP status or a kind of failure; any other status as its class, which a rule's `5..` finds too."""
    if status in STATUSES:
        return status
    by_class = f"{status[0]}xx" if len(status) == 3 and status.isdecimal() else OTHER
    return by_class if by_class in _CLASSES else OTHER


class BoundedLabel:
    """Passes the first `limit` distinct values of a label and turns later ones into "other".

    For values from outside (a status code, a tier, a client's error code): each new one makes series that
    live as long as the process, so whoever answers us must not be able to make them without end.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        """The value itself while it is known or there is room, else "other"."""
        if value in self._seen:
            return value
        if len(self._seen) >= self._limit:
            return OTHER
        self._seen.add(value)
        return value
