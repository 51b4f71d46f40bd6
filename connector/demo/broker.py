"""A Kafka broker inside this process, for the demo and for tests: librdkafka's mock cluster.

What lives here: its start and end, topics, and the faults it can be told to make. Nothing durable: records
are in memory, and beyond 5 MiB a partition the oldest are dropped without a word, so keep a demo under 4 MB a
partition.

The confluent-kafka wheel bundles librdkafka, whose C API for this cluster the Python client does not show; it
is called through `ctypes`, on the very library that the client has loaded. Where that library is not found (a
client built against the system's librdkafka, a platform not known here), the client's setting
`test.mock.num.brokers` starts the same cluster with fewer controls.

Source: `rdkafka_mock.h` of librdkafka 2.x, marked experimental there; hence every function is looked for
before it is used.
"""

import ctypes
import re
import sys
from collections.abc import Sequence
from ctypes import POINTER, c_char_p, c_int, c_int16, c_int32, c_size_t, c_void_p
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import confluent_kafka
from confluent_kafka.admin import AdminClient

PLAIN_PARTITIONS: Final = 4
"""Partitions of every topic in the plain form: librdkafka's default for topics that it makes by itself."""

_PRODUCER: Final = 0  # rd_kafka_type_t RD_KAFKA_PRODUCER

# A group of the new protocol (KIP-848) settles within a heartbeat; a demo should not wait the default 3 s.
_HEARTBEAT_MS: Final = 100

# Restype and argument types. Without them ctypes takes pointers for 32-bit numbers and cuts them.
_REQUIRED: Final = {
    "rd_kafka_conf_new": (c_void_p, ()),
    "rd_kafka_conf_destroy": (None, (c_void_p,)),
    "rd_kafka_conf_set": (c_int, (c_void_p, c_char_p, c_char_p, c_char_p, c_size_t)),
    "rd_kafka_new": (c_void_p, (c_int, c_void_p, c_char_p, c_size_t)),
    "rd_kafka_destroy": (None, (c_void_p,)),
    "rd_kafka_err2str": (c_char_p, (c_int,)),
    "rd_kafka_mock_cluster_new": (c_void_p, (c_void_p, c_int)),
    "rd_kafka_mock_cluster_destroy": (None, (c_void_p,)),
    "rd_kafka_mock_cluster_bootstraps": (c_char_p, (c_void_p,)),
    "rd_kafka_mock_topic_create": (c_int, (c_void_p, c_char_p, c_int, c_int)),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, (c_void_p, c_int32)),
    "rd_kafka_mock_push_request_errors_array": (None, (c_void_p, c_int16, c_size_t, POINTER(c_int))),
    "rd_kafka_mock_clear_request_errors": (None, (c_void_p, c_int16)),
    "rd_kafka_mock_broker_set_down": (c_int, (c_void_p, c_int32)),
    "rd_kafka_mock_broker_set_up": (c_int, (c_void_p, c_int32)),
}
_OPTIONAL: Final = {
    "rd_kafka_mock_set_group_consumer_heartbeat_interval_ms": (None, (c_void_p, c_int)),
}


class EmbeddedBrokerError(RuntimeError):
    """The embedded broker cannot start, or cannot do what was asked on this platform."""


class EmbeddedBroker:
    """One or more brokers on ports of 127.0.0.1 that the system chooses. A context manager; usable once.

    Other processes on this machine may connect. It serves no TLS, no authentication and no topic
    administration by clients.
    """

    def __init__(self, brokers: int = 1) -> None:
        """Starts nothing yet; `brokers` count from 1 in `broker_down` and `broker_up`."""
        assert brokers >= 1
        self._count = brokers
        self._control: _Control | None = None
        self._owner: AdminClient | None = None
        self._bootstrap: str | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port`, several divided by commas: the `bootstrap.servers` of its clients."""
        assert self._bootstrap is not None, "the embedded broker has not been entered"
        return self._bootstrap

    @property
    def controllable(self) -> bool:
        """Whether topics get the partitions asked for, and faults can be made. False in the plain form."""
        return self._control is not None

    def __enter__(self) -> Self:
        """Start it, in milliseconds. Raises EmbeddedBrokerError where the client can make no broker."""
        library = _library()
        if library is None:
            self._owner, self._bootstrap = _plain(self._count)
        else:
            self._control = _Control(library, self._count)
            self._bootstrap = self._control.bootstrap
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._control is not None:
            self._control.close()
        self._control = self._owner = None

    def create_topic(self, name: str, partitions: int = 1) -> int:
        """Create a topic and return how many partitions it got: in the plain form always `PLAIN_PARTITIONS`.

        Raises EmbeddedBrokerError when the name is taken or not valid.
        """
        if self._control is not None:
            self._control.create_topic(name, partitions)
            return partitions
        assert self._owner is not None, "the embedded broker has not been entered"
        # Asking for a topic's metadata makes it.
        return len(self._owner.list_topics(name, timeout=5).topics[name].partitions)

    def push_errors(self, api_key: int, codes: Sequence[int]) -> None:
        """Answer the next requests of one kind with these error codes, one each, then go on as before.

        `api_key`: Kafka's number of the request (0 Produce, 1 Fetch, 8 OffsetCommit); `codes`: Kafka's error
        codes.
        """
        self._controlled("push_errors").push_errors(api_key, codes)

    def clear_errors(self, api_key: int) -> None:
        """Forget the pushed errors that no request has met yet."""
        self._controlled("clear_errors").clear_errors(api_key)

    def broker_down(self, broker: int = 1) -> None:
        """Close a broker's connections and refuse new ones; its records stay."""
        self._controlled("broker_down").set_up(broker, up=False)

    def broker_up(self, broker: int = 1) -> None:
        """Let a broker that is down accept connections again."""
        self._controlled("broker_up").set_up(broker, up=True)

    def _controlled(self, verb: str) -> "_Control":
        if self._control is None:
            raise EmbeddedBrokerError(
                f"{verb} needs the librdkafka that the confluent-kafka wheel bundles, "
                f"which was not found on {sys.platform}: "
                "install confluent-kafka from its wheel (not from source), or use a real Kafka"
            )
        return self._control


class _Control:
    """The C functions of one cluster, with Python's types."""

    def __init__(self, library: ctypes.CDLL, brokers: int) -> None:
        self._c = library
        error = ctypes.create_string_buffer(512)
        conf = library.rd_kafka_conf_new()
        # The cluster lives on a client's threads; this client does nothing else, and would warn of that.
        library.rd_kafka_conf_set(conf, b"log_level", b"0", error, len(error))
        self._client = library.rd_kafka_new(_PRODUCER, conf, error, len(error))
        if not self._client:
            # A client that starts owns its settings; one that fails to leaves them to us.
            library.rd_kafka_conf_destroy(conf)
            raise EmbeddedBrokerError(f"the embedded broker did not start: {error.value.decode()}")
        self._cluster = library.rd_kafka_mock_cluster_new(self._client, brokers)
        if not self._cluster:
            library.rd_kafka_destroy(self._client)
            raise EmbeddedBrokerError(
                "the embedded broker did not start: are ports of 127.0.0.1 free to listen on?"
            )
        self.bootstrap: str = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        if hasattr(library, "rd_kafka_mock_set_group_consumer_heartbeat_interval_ms"):
            library.rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(self._cluster, _HEARTBEAT_MS)

    def close(self) -> None:
        self._c.rd_kafka_mock_cluster_destroy(self._cluster)
        self._c.rd_kafka_destroy(self._client)

    def create_topic(self, name: str, partitions: int) -> None:
        code = self._c.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        self._check(code, f"topic {name!r} was not created")

    def push_errors(self, api_key: int, codes: Sequence[int]) -> None:
        array = (c_int * len(codes))(*codes)
        self._c.rd_kafka_mock_push_request_errors_array(self._cluster, api_key, len(codes), array)

    def clear_errors(self, api_key: int) -> None:
        self._c.rd_kafka_mock_clear_request_errors(self._cluster, api_key)

    def set_up(self, broker: int, *, up: bool) -> None:
        verb = self._c.rd_kafka_mock_broker_set_up if up else self._c.rd_kafka_mock_broker_set_down
        self._check(verb(self._cluster, broker), f"broker {broker} was not set {'up' if up else 'down'}")

    def _check(self, code: int, what: str) -> None:
        if code != 0:
            raise EmbeddedBrokerError(f"{what}: {self._c.rd_kafka_err2str(code).decode()}")


def _library() -> ctypes.CDLL | None:
    """The librdkafka that the client uses, its functions declared; None where something is missing."""
    path = _library_path()
    if path is None:
        return None
    try:
        library = ctypes.CDLL(str(path))
        for name, (result, arguments) in _REQUIRED.items():
            _declare(library, name, result, arguments)
    except (OSError, AttributeError):
        return None
    for name, (result, arguments) in _OPTIONAL.items():
        if hasattr(library, name):
            _declare(library, name, result, arguments)
    return library


def _declare(library: ctypes.CDLL, name: str, result: object, arguments: tuple[object, ...]) -> None:
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments


def _library_path() -> Path | None:
    """Where the loaded librdkafka lies, or None."""
    if sys.platform == "linux":
        maps = Path("/proc/self/maps").read_text("utf-8")
        found = re.search(r"(/\S.*librdkafka[^/\n]*\.so[^/\n]*)$", maps, re.MULTILINE)
        return Path(found[1]) if found else None
    # delocate, which repairs wheels for macOS, puts libraries here.
    bundled = Path(confluent_kafka.__file__).parent / ".dylibs"
    return next(iter(sorted(bundled.glob("librdkafka*.dylib"))), None)


def _plain(brokers: int) -> tuple[AdminClient, str]:
    """The cluster by the client's own setting, and its address. It lives as long as the returned client."""
    owner = AdminClient({"test.mock.num.brokers": brokers, "log_level": 0})
    known = owner.list_topics(timeout=5).brokers.values()
    if not known:
        raise EmbeddedBrokerError(
            "this confluent-kafka has no embedded broker: install it from its wheel, or name a real Kafka"
        )
    return owner, ",".join(f"{broker.host}:{broker.port}" for broker in known)
