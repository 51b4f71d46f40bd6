"""The port behind which an HTTP client carries requests, and what every carrier must do alike.

A carrier knows nothing of Front, tokens or records. It sends the given bytes once and tells what became of
them as an `Answer`; it raises only `CancelledError`, and what would be a defect of ours (a malformed URL or
header). Each client's exceptions become answers in one place, in its own file, by the rules of this page:

- `NotSent` if and only if no byte of the request left this machine: no free connection, no connection, no TLS, a proxy
  that opens no tunnel. What a client raises does not say that surely; where it was raised does.
- `Unknown` for everything later. Nothing is sent twice: a token is good for one attempt, and only the
  pipeline may decide to repeat what may have been carried out. So clients' own retries on lost connections
  are switched off.
- The head of a 2xx is the acceptance, whatever becomes of its body: repeating it would make a duplicate.
  Any other status needs its whole body, which says who is at fault; cut short, it is `Unknown`.

Idle connections: a server may close one in the very moment in which it is reused, and then nobody knows
whether the request was read. RFC 9112 §9.3.1 lets only idempotent requests be repeated on their own, and
POST is not. Hence `keepalive_idle_s` is below what servers usually wait (5 s for the impatient ones); a
connection whose end has been seen is never reused; and what is left of the race is an honest `Unknown`.
Old connections: a busy one is never idle, and would stay with one server for as long as it lives, whatever the name
resolves to by then and however many servers have joined. Hence `keepalive_age_s`.
"""

import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from connector.adapters.front.proxies import Proxies
from connector.core.answers import Answer, Answered, NotSent, Unknown
from connector.core.http_encoding import Content

BODY_MAX_BYTES: Final = 64 * 1024
"""What is kept of an answer's body. A longer one is cut, and its connection closed rather than read on."""


HEAD_MAX_BYTES: Final = 64 * 1024
"""What an answer's head may measure: a 2xx that cannot be read would be sent again. More is not HTTP to us."""


class Carrier(Protocol):
    """An HTTP/1.1 client with a bounded pool of verified connections, for one event loop."""

    async def start(self) -> None:
        """Open the pool; no connection is made yet."""

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: Content) -> Answer:
        """One attempt, ended by `request_deadline_s`. Cancelling closes its connection.

        A redirect is an answer. `url` is absolute and percent-encoded; its path and query travel byte for
        byte (a segment of dots must be encoded too, as every client and proxy resolves it). Header names of the
        answer are lower case, repeated ones joined by a comma; the body is decoded and cut at
        `BODY_MAX_BYTES`.
        """

    async def close(self) -> None:
        """Close all connections; idempotent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierOptions:
    """How to reach the far side. TLS is always verified and at least 1.2; there is no switch for that.

    Nothing is taken from the environment.
    """

    connect_timeout_s: float = 5.0
    """For a free connection, name resolution, TCP and TLS; ends as `NotSent`."""

    request_deadline_s: float = 30.0
    """For the whole attempt, the answer's body included."""

    write_timeout_s: float | None = None
    """How long the far side may take nothing of a body; None: only the deadline ends that."""

    read_timeout_s: float | None = None
    """How long the answer may be silent, before it begins or within it; None: only the deadline ends that."""

    connections_max: int = 256
    """At least the requests in flight, else some spend `connect_timeout_s` waiting for a connection."""

    keepalive_idle_s: float = 4.0
    """An idle connection older than this is not reused."""

    keepalive_age_s: float = 300.0
    """A connection made longer ago than this is not reused."""

    ca_file: Path | None = None
    """PEM file of authorities to trust; None: the system's."""

    ca_system: bool = False
    """Trust the system's authorities beside those of `ca_file`."""

    client_certificate: tuple[Path, Path] | None = None
    """PEM files of our certificate and its unencrypted key, for a far side that asks for one."""

    proxies: Proxies = field(default_factory=Proxies)

    @property
    def tls_files(self) -> tuple[Path, ...]:
        """The files that a TLS context is made of."""
        return tuple(path for path in (self.ca_file, *(self.client_certificate or ())) if path is not None)

    def __post_init__(self) -> None:
        if not 0 < self.connect_timeout_s < self.request_deadline_s:
            # Equal ones would make it a matter of luck whether a slow connect counts as not sent.
            raise ValueError(
                f"connect_timeout_s ({self.connect_timeout_s}) must be above 0 and below"
                f" request_deadline_s ({self.request_deadline_s})"
            )
        if self.connections_max < 1:
            raise ValueError(f"connections_max must be at least 1, not {self.connections_max}")
        for name in ("keepalive_idle_s", "keepalive_age_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")


def tls_context(options: CarrierOptions) -> ssl.SSLContext:
    """A verifying context for TLS >= 1.2. Raises ValueError, naming the file, if one is no use."""
    ca_file = options.ca_file
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        # ssl.SSLError is an OSError: a file without certificates ends here too.
        why = (
            "holds no PEM certificate"
            if isinstance(error, ssl.SSLError)
            else f"cannot be read ({error.strerror})"
        )
        raise ValueError(f"CA file {ca_file} {why}: give a PEM file of certificate authorities") from error
    if ca_file is not None and options.ca_system:
        context.load_default_certs()
    if options.client_certificate is not None:
        certificate, key = options.client_certificate
        try:
            # Without a password it would ask for one on the terminal.
            context.load_cert_chain(certificate, key, password="")
        except OSError as error:
            raise ValueError(
                f"client certificate {certificate} with key {key} cannot be used:"
                " both must be readable PEM files of one pair, the key not encrypted"
            ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def judged_by_proxy(answer: Answer, proxy: str | None) -> Answer:
    """The answer to a plain request through a proxy: 407 is the proxy's own word (RFC 9110 §15.5.8), and Front saw nothing."""
    if proxy is not None and isinstance(answer, Answered) and answer.status == 407:
        return NotSent("connect", "the proxy refused with status 407")
    return answer


def cut_short(status: int, headers: Mapping[str, str], body: bytes, failure: Unknown) -> Answer:
    """The answer when its head arrived and its body did not end well."""
    return Answered(status, headers, body) if 200 <= status < 300 else failure


def cause_of(error: BaseException) -> OSError | None:
    """What lies beneath a client's exception: TLS's or the resolver's own error, else the system's, if any."""
    found: OSError | None = None
    current: BaseException | None = error
    for _ in range(_CHAIN_MAX):
        if current is None:
            break
        if isinstance(current, ssl.SSLError | socket.gaierror):
            return current
        if isinstance(current, OSError) and current.errno is not None and found is None:
            found = current
        # A group: several addresses were tried, and the first one speaks for all.
        inner = current.exceptions[0] if isinstance(current, BaseExceptionGroup) else current.__cause__
        current = inner or current.__context__
    return found


def reason(error: BaseException) -> str:
    """Why, for an operator; never the exception's own text, which may hold the URL and with it a handle."""
    match cause_of(error):
        case ssl.SSLCertVerificationError() as refused:
            return f"certificate not accepted: {refused.verify_message}"
        case ssl.SSLError() as failed:
            return f"TLS failed: {failed.reason or type(failed).__name__}"
        case socket.gaierror() as unresolved:
            return f"name not resolved: {unresolved.strerror}"
        case OSError(errno=int() as number):
            return os.strerror(number)
        case _:
            return type(error).__name__


_CHAIN_MAX: Final = 10
