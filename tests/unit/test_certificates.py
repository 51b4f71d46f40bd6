"""When certificates end: the reader against another library's, and what is configured against what is shown."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.adapters.certificates import LOOK_EVERY_S, OURS_AT_MOST, Certificates
from connector.app.certificates import certificates
from connector.core.certificates import CertificateName, ends
from tests.unit.config_files import CONFIG, folder, loaded

KEY = ed25519.Ed25519PrivateKey.generate()
START = dt.datetime(1950, 1, 1, tzinfo=dt.UTC)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64).filter(
    lambda name: len(name.encode()) <= 64
)
moments = st.datetimes(dt.datetime(1960, 1, 1), dt.datetime(9999, 12, 31)).map(  # noqa: DTZ001 - of UTC, next line
    lambda moment: moment.replace(tzinfo=dt.UTC, microsecond=0)
)


def _pem(*until: dt.datetime, name: str = "test", key: object = KEY) -> bytes:
    """Certificates that end at these times, signed by themselves."""
    assert isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return b"".join(
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(moment)
        .sign(key, digest)
        .public_bytes(serialization.Encoding.PEM)
        for moment in until
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(moments, min_size=1, max_size=4), names)
def test_the_end_of_any_certificate_is_read_as_another_library_reads_it(
    until: list[dt.datetime], name: str
) -> None:
    """UTCTime up to 2049 and GeneralizedTime from 2050 (RFC 5280), and names of every length."""
    pem = _pem(*until, name=name)
    expected = [one.not_valid_after_utc.timestamp() for one in x509.load_pem_x509_certificates(pem)]
    assert list(ends(pem)) == expected == [moment.timestamp() for moment in until]


def test_the_authorities_of_this_machine_are_all_read() -> None:
    """What other people's tools have made: every certificate of the distribution's collection, if there is one."""
    collection = ssl.get_default_verify_paths().cafile
    if collection is None or not Path(collection).exists():
        pytest.skip("no collection of authorities on this machine")
    pem = Path(collection).read_bytes()
    found = ends(pem)
    assert len(found) == pem.count(b"-----BEGIN CERTIFICATE-----")
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.load_verify_locations(collection)
    assert set(found) == {ssl.cert_time_to_seconds(one["notAfter"]) for one in theirs.get_ca_certs()}  # type: ignore[arg-type]


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_certificate_is_left_out_and_never_an_error(data: st.DataObject) -> None:
    """A file may be half written while it is read, or hold anything."""
    pem = bytearray(_pem(dt.datetime(2040, 1, 1, tzinfo=dt.UTC)))
    for _ in range(data.draw(st.integers(1, 8))):
        pem[data.draw(st.integers(0, len(pem) - 1))] = data.draw(st.integers(0, 255))
    assert len(ends(bytes(pem[: data.draw(st.integers(0, len(pem)))]))) <= 1


def _at(year: int) -> dt.datetime:
    return dt.datetime(year, 1, 1, tzinfo=dt.UTC)


class Wall:
    """A clock that is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_file_shows_the_first_end_and_a_renewal_within_a_minute(tmp_path: Path) -> None:
    """Of old and new authority side by side the old one; once it is gone the new one, without a restart."""
    file, clock = tmp_path / "ca.pem", Wall()
    file.write_bytes(_pem(_at(2031), _at(2030)))
    shown = Certificates({"front_ca": file}, clock)
    assert shown.ends() == (("front_ca", _at(2030).timestamp()),)
    file.write_bytes(_pem(_at(2031)))
    clock.now = LOOK_EVERY_S - 1
    assert shown.ends() == (("front_ca", _at(2030).timestamp()),)
    clock.now = LOOK_EVERY_S
    assert shown.ends() == (("front_ca", _at(2031).timestamp()),)


def test_what_cannot_be_read_and_public_collections_are_left_out(tmp_path: Path) -> None:
    """No series is honest: a missing file is told by whoever needs it, and nobody here renews a public authority."""
    many = tmp_path / "many.pem"
    many.write_bytes(_pem(*[_at(2030)] * (OURS_AT_MOST + 1)))
    key = tmp_path / "key.pem"
    key.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    sources: dict[CertificateName, Path | str] = {
        "registry_ca": tmp_path / "nothing",
        "kafka_ca": tmp_path,
        "front_ca": many,
        "front_certificate": key,
        "kafka_certificate": _pem(_at(2033)).decode(),
    }
    assert Certificates(sources, Wall()).ends() == (("kafka_certificate", _at(2033).timestamp()),)


def test_every_configured_certificate_has_its_name(tmp_path: Path) -> None:
    """Kafka's by librdkafka's properties, the registry's, Front's and the authorities for attachments."""
    key = ec.generate_private_key(ec.SECP256R1())
    _write_key(tmp_path / "key.pem", key)
    names = sorted(
        f"{whose}_{what}" for whose in ("kafka", "registry", "front") for what in ("ca", "certificate")
    )
    names.append("attachments_ca")
    for number, name in enumerate(names):
        (tmp_path / f"{name}.pem").write_bytes(_pem(_at(2030 + number), key=key))
    text = CONFIG.replace(
        "  group_id: front\n",
        f"""  group_id: front
  properties:
    security.protocol: SSL
    ssl.ca.location: {tmp_path}/kafka_ca.pem
    ssl.certificate.location: {tmp_path}/kafka_certificate.pem
    ssl.key.location: {tmp_path}/key.pem
""",
    )
    text = text.replace(
        """registry: {url: "http://localhost:8081"}""",
        """registry:
  {url: "https://localhost:8081", ca_file: registry_ca.pem, cert_file: registry_certificate.pem, key_file: key.pem}
attachments: {ca_file: attachments_ca.pem}""",
    )
    text = text.replace(
        "  channels: channels.csv\n",
        "  channels: channels.csv\n  ca_file: front_ca.pem\n  cert_file: front_certificate.pem\n  key_file: key.pem\n",
    )
    settings = loaded(folder(tmp_path, config=text)).settings
    shown = dict(certificates(settings, Wall()).ends())
    assert shown == {name: _at(2030 + number).timestamp() for number, name in enumerate(names)}


def test_a_certificate_among_kafkas_properties_is_read_from_its_file(tmp_path: Path) -> None:
    """`properties_from_files`: what is renewed there is seen; and a text among the properties is read as it stands."""
    (tmp_path / "ca").write_bytes(_pem(_at(2030)))
    inline = _pem(_at(2031)).decode().replace("\n", "\n        ")
    text = CONFIG.replace(
        "  group_id: front\n",
        f"""  group_id: front
  properties:
    security.protocol: SSL
    https.ca.pem: |
        {inline}
  properties_from_files: {{ssl.ca.pem: ca}}
""",
    )
    clock = Wall()
    shown = certificates(loaded(folder(tmp_path, config=text)).settings, clock)
    assert dict(shown.ends()) == {"kafka_ca": _at(2030).timestamp(), "kafka_https_ca": _at(2031).timestamp()}
    (tmp_path / "ca").write_bytes(_pem(_at(2032)))
    clock.now = LOOK_EVERY_S
    assert dict(shown.ends())["kafka_ca"] == _at(2032).timestamp()


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private)
