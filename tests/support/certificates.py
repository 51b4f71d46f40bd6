"""A certificate authority for tests: made when asked for, in the given folder, valid for loopback only."""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: an authority, a server's certificate signed by it and a client's, each with its key.

    `expired` is a server's certificate that ended yesterday, for `server_key`.
    """

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path
    expired: Path

    def server_context(self, *, ask_client: bool = False, expired: bool = False) -> ssl.SSLContext:
        """For a server on 127.0.0.1; `ask_client`: refuses clients without a certificate of the authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.expired if expired else self.server, self.server_key)
        if ask_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        return context


def make_certificates(folder: Path) -> Certificates:
    """Write fresh keys and certificates into `folder`, valid for an hour around now."""
    made = Certificates(
        *(
            folder / f"{name}.pem"
            for name in ("ca", "server", "server_key", "client", "client_key", "expired")
        )
    )
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("test authority", authority_key, None, authority_key)
    made.ca.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    for name, path, key_path in (
        ("127.0.0.1", made.server, made.server_key),
        ("test client", made.client, made.client_key),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        signed = _certificate(name, key, authority, authority_key)
        path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        if path is made.server:
            ended = _certificate(name, key, authority, authority_key, days=-1)
            made.expired.write_bytes(ended.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return made


def make_authority(path: Path, *, days: int) -> Path:
    """Write an authority's certificate that ends in so many days, for who only looks at its end."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _certificate("test authority", key, None, key, days=days)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return path


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: int = 0,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_public = issuer_key.public_key()
    now = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=30))
        .not_valid_after(now + dt.timedelta(minutes=30))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_public), critical=False)
    )
    if issuer is not None:
        loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
