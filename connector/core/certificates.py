"""When certificates end: as much of X.509 as that takes, so that a date costs no cryptographic library in the image.

Nothing is verified here: whoever uses a certificate does that.
Source: RFC 5280, 4.1 (TBSCertificate) and 4.1.2.5 (Validity); X.690, 8.1 (tags and lengths).
"""

import binascii
import re
from base64 import b64decode
from datetime import UTC, datetime
from typing import Literal, TypeAlias

CertificateName: TypeAlias = Literal[
    "kafka_ca",
    "kafka_certificate",
    "kafka_https_ca",
    "registry_ca",
    "registry_certificate",
    "front_ca",
    "front_certificate",
    "attachments_ca",
]
"""What is configured, by whom it is shown to or checked against. `kafka_https_ca`: where Kafka's tokens come from."""

_PEM = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.*?)-----END", re.DOTALL)
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def ends(pem: bytes) -> tuple[float, ...]:
    """The end of validity (notAfter) of each certificate of a PEM text, Unix seconds; of those that can be read."""
    return tuple(end for block in _PEM.finditer(pem) if (end := _end(block[1])) is not None)


def _end(body: bytes) -> float | None:
    try:
        return _not_after(b64decode(body))
    except (binascii.Error, ValueError, IndexError):
        return None


def _not_after(der: bytes) -> float:
    """Certificate -> tbsCertificate -> version?, serial number, algorithm, issuer, validity -> notBefore, notAfter."""
    tbs = _content(_content(der, 0, _SEQUENCE), 0, _SEQUENCE)
    at = _after(tbs, 0) if tbs[0] == _VERSION else 0
    for _ in range(3):
        at = _after(tbs, at)
    validity = _content(tbs, at, _SEQUENCE)
    at = _after(validity, 0)
    start, end = _span(validity, at)
    text = validity[start:end].decode("ascii")
    if validity[at] == _UTC_TIME:
        # strptime's %y turns over at 69, RFC 5280's at 50.
        text = ("19" if text[0] >= "5" else "20") + text
    elif validity[at] != _GENERALIZED_TIME:
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _content(der: bytes, at: int, tag: int) -> bytes:
    if der[at] != tag:
        raise ValueError("another element")
    start, end = _span(der, at)
    return der[start:end]


def _after(der: bytes, at: int) -> int:
    return _span(der, at)[1]


def _span(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins and ends."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
    if start + length > len(der):
        raise ValueError("cut off")
    return start, start + length
