"""Settings of the carriers of requests: what is refused, and with which words."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connector.adapters.front.carrier import CarrierOptions, tls_context
from tests.support.carriers import CARRIERS, Make
from tests.support.certificates import Certificates, make_certificates


@pytest.mark.parametrize("make", CARRIERS)
def test_a_ca_file_without_certificates_is_refused_by_name(make: Make, tmp_path: Path) -> None:
    """Found at construction, with what to do."""
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    with pytest.raises(
        ValueError,
        match=f"^CA file {empty} holds no PEM certificate: give a PEM file of certificate authorities$",
    ):
        make(CarrierOptions(ca_file=empty))
    with pytest.raises(ValueError, match=r"absent\.pem cannot be read \(No such file or directory\)"):
        make(CarrierOptions(ca_file=tmp_path / "absent.pem"))


def test_options_that_contradict_are_refused() -> None:
    """A connect time-out at or above the deadline would make `NotSent` a matter of luck."""
    with pytest.raises(
        ValueError, match=r"^connect_timeout_s \(30\) must be above 0 and below request_deadline_s \(30\)$"
    ):
        CarrierOptions(connect_timeout_s=30, request_deadline_s=30)
    with pytest.raises(ValueError, match=r"^connections_max must be at least 1, not 0$"):
        CarrierOptions(connections_max=0)
    with pytest.raises(ValueError, match=r"^keepalive_idle_s must be above 0, not 0$"):
        CarrierOptions(keepalive_idle_s=0)
    with pytest.raises(ValueError, match=r"^keepalive_age_s must be above 0, not -1$"):
        CarrierOptions(keepalive_age_s=-1)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("make", CARRIERS)
def test_a_client_certificate_that_is_no_use_is_refused_by_name(
    make: Make, certificates: Certificates
) -> None:
    """Not there, of another key, or no PEM: one sentence, with what to do."""
    absent = certificates.ca.parent / "absent.pem"
    for certificate, key in (
        (absent, certificates.client_key),
        (certificates.client, certificates.server_key),
        (certificates.client_key, certificates.client_key),
    ):
        with pytest.raises(
            ValueError,
            match=f"^client certificate {certificate} with key {key} cannot be used:"
            " both must be readable PEM files of one pair, the key not encrypted$",
        ):
            make(CarrierOptions(client_certificate=(certificate, key)))


def test_an_encrypted_key_is_refused_and_asks_nobody(certificates: Certificates, tmp_path: Path) -> None:
    """OpenSSL would ask for its password on the terminal, and a service would hang."""
    key = ec.generate_private_key(ec.SECP256R1())
    locked = tmp_path / "key.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hush"),
        )
    )
    with pytest.raises(ValueError, match=r"the key not encrypted$"):
        tls_context(CarrierOptions(client_certificate=(certificates.client, locked)))


def test_an_authority_of_one_s_own_counts_alone_or_beside_the_system_s(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ca_system`: both. OpenSSL looks for the system's where this variable says."""
    system = make_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(system.ca))
    for options, authorities in (
        (CarrierOptions(), [system]),
        (CarrierOptions(ca_file=certificates.ca), [certificates]),
        (CarrierOptions(ca_file=certificates.ca, ca_system=True), [certificates, system]),
    ):
        trusted = {
            ssl.DER_cert_to_PEM_cert(found) for found in tls_context(options).get_ca_certs(binary_form=True)
        }
        assert {authority.ca.read_text() for authority in authorities} <= trusted
        if options.ca_file is not None:
            assert (system.ca.read_text() in trusted) is options.ca_system
