"""What a client says of its connections, in words for people: who refuses whom. Connects to nobody."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from confluent_kafka import KafkaError

What: TypeAlias = Literal["token", "login", "tls", "silent"]
"""No token for OAUTHBEARER; SASL refused; no TLS connection; or nothing that answers as Kafka does."""

LOGIN_REFUSED: Final = (
    "the brokers refuse our login: check the sasl settings in kafka.properties "
    "and kafka.properties_from_files"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the brokers are not to be talked to. `words`: the client's own, without addresses; "" when it is `silent`."""

    what: What
    words: str = ""

    def __str__(self) -> str:
        return {
            "token": f"no token for the login: {self.words}",
            "login": f"the brokers refuse the login: {self.words}",
            "tls": f"no TLS: {self.words}",
            "silent": "the brokers do not answer",
        }[self.what]


def refusal(heard: Sequence[KafkaError]) -> Refusal:
    """The one that says most, of errors that came while nothing was answered."""
    told = [error for error in heard if error.code() != KafkaError._ALL_BROKERS_DOWN]  # noqa: SLF001 - librdkafka's own codes begin with an underscore
    for error in told:
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED):  # noqa: SLF001
            tokenless = _TOKENLESS in error.str() or _NOT_SET_YET in error.str()
            return Refusal("token" if tokenless else "login", words(error))
    in_tls = [error for error in told if _in_tls(error)]
    # It says why in several ways, in no sure order: the longest one says most.
    return Refusal("tls", max(map(words, in_tls), key=len)) if in_tls else Refusal("silent")


REMEMBERED: Final = 20
FRESH_S: Final = 60.0
"""While a login is refused the client says so again at least every half minute."""


class Heard:
    """The latest errors of a client's connections. `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._errors: tuple[tuple[float, KafkaError], ...] = ()

    def hear(self, error: KafkaError) -> None:
        """One more."""
        self._errors = (*self._errors[1 - REMEMBERED :], (self._monotonic(), error))

    def clear(self) -> None:
        """Forget them."""
        self._errors = ()

    @property
    def refusal(self) -> str | None:
        """Who refuses whom, as a clause; None: nobody has lately."""
        since = self._monotonic() - FRESH_S
        why = refusal([error for at, error in self._errors if at >= since])
        match why.what:
            case "silent":
                return None
            case "login":
                return LOGIN_REFUSED
            case _:
                return str(why)


def _in_tls(error: KafkaError) -> bool:
    return error.code() == KafkaError._SSL or any(sign in error.str() for sign in _IN_TLS)  # noqa: SLF001


_IN_TLS: Final = ("SSL_HANDSHAKE", "SSL alert")
"""The state of a connection, as the client names it in brackets; or how the far side ended it (RFC 8446, 6), such as for our
certificate, which it sees when the handshake is over for us.
"""
_TOKENLESS: Final = "Failed to acquire SASL OAUTHBEARER token"
_NOT_SET_YET: Final = "OAuth token not set"
"""The client library's own words, when it has waited for one."""


def words(error: KafkaError) -> str:
    """The client's words without what only it knows what to do with: addresses, numbers of errors, states."""
    said = re.sub(r"^\S+:\S+/\S+: ", "", error.str())
    said = re.sub(r"error:[0-9A-F]+:[\w ]*:[\w ]*:", "", said)
    said = said.partition(", verify that")[0].removeprefix(f"{_TOKENLESS}: ")
    return re.sub(r" after \d+ ms(?=:)| \(after \d+ms in state \w+.*\)$", "", said)
