"""TLS, and a failed exchange in words: the one place where aiohttp's exceptions become answers."""

import os
import socket
import ssl
from pathlib import Path
from typing import Final

import aiohttp

from connector.core.files import HostFailed

FAILURES: Final = (TimeoutError, aiohttp.ClientError)
"""What the network can bring."""


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A verifying context for TLS >= 1.2. Raises ValueError, naming the file, if `ca_file` is no use."""
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        no_certificate = isinstance(error, ssl.SSLError)
        why = "holds no PEM certificate" if no_certificate else f"cannot be read ({error.strerror})"
        raise ValueError(f"CA file {ca_file} {why}: give a PEM file of certificate authorities") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def failed(shown: str, error: BaseException) -> HostFailed:
    """What became of an exchange with a host; most specific first. No exception's own text, which may hold the URL."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return HostFailed("timeout", f"{shown}: no connection in time")
        case aiohttp.ClientHttpProxyError():
            return HostFailed("connect", f"{shown}: the proxy refused with status {error.status}")
        case aiohttp.ClientProxyConnectionError():
            return HostFailed("connect", f"{shown}: the proxy cannot be reached ({_reason(error.os_error)})")
        case aiohttp.ClientConnectorCertificateError():
            return HostFailed("tls", f"{shown}: {_reason(error.certificate_error)}")
        case aiohttp.ClientConnectorSSLError() | aiohttp.ClientSSLError():
            return HostFailed("tls", f"{shown}: {_reason(error.os_error)}")
        case aiohttp.ClientConnectorError():
            return HostFailed("connect", f"{shown}: {_reason(error.os_error)}")
        case TimeoutError():
            return HostFailed("timeout", f"{shown} fell silent")
        case aiohttp.ClientPayloadError():
            return HostFailed("protocol", f"{shown} cut its answer short")
        case aiohttp.ClientResponseError():
            return HostFailed("protocol", f"{shown}: the answer is not HTTP")
        case _:
            return HostFailed("protocol", f"{shown}: the connection was lost")


def _reason(error: BaseException) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"certificate not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason or type(error).__name__}"
        case socket.gaierror():
            return f"name not resolved: {error.strerror}"
        case OSError(errno=int() as number):
            return os.strerror(number)
        case _:
            return type(error).__name__
