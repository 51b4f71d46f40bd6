"""Every way to log in at a broker, and credentials that change while the service runs: nothing lost, nothing sent twice."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connector.simulator.server import Simulator
from tests.kafka.conftest import Connector, Site, Topic
from tests.support.certificates import make_certificates
from tests.support.java import Missing
from tests.support.kafka import find_jars
from tests.support.secured import AUDIENCE, ISSUER, USER, SecuredCluster
from tests.support.service import eventually
from tests.support.token_endpoint import CLIENT_ID, TokenEndpoint

pytestmark = [pytest.mark.kafka(java=True), pytest.mark.registry, pytest.mark.timeout(180)]

ONCE = "tried on a connection of its own: "


@dataclass(frozen=True, slots=True)
class Estate:
    """A broker that asks everybody, and what else a connector needs."""

    cluster: SecuredCluster
    site: Site

    @property
    def ca(self) -> str:
        """Who signed the brokers' first certificates."""
        return str(self.cluster.certificates.ca)

    def connector(
        self,
        topic: Topic,
        servers: str,
        properties: Mapping[str, Any],
        files: Mapping[str, Path],
        **more: object,
    ) -> Connector:
        """One that logs in so."""
        kafka: dict[str, Any] = {
            "bootstrap_servers": servers,
            "properties": {"security.protocol": "SASL_SSL", "ssl.ca.location": self.ca, **properties},
            "properties_from_files": {name: str(path) for name, path in files.items()},
            "rebuild_jitter_s": 0,
            **more,
        }
        return self.site.connector(topic, settings={"kafka": kafka})


@pytest.fixture(scope="module")
def estate(registry: str, front: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """One for the module's tests."""
    jars = find_jars()
    assert not isinstance(jars, Missing), "the test lacks the marker `kafka(java=True)`"
    with SecuredCluster(jars, tmp_path_factory.mktemp("secured")) as cluster:
        cluster.set_scram_password("pw-first")
        site = Site(cluster, registry, front, tmp_path_factory.mktemp("estate"))
        yield Estate(cluster, site)
        site.close()


def flowing(site: Site, topic: Topic, until: Callable[[], bool], within_s: float = 60) -> list[str]:
    """Write a message every tenth of a second until this holds, and five more; their ids."""
    sent: list[str] = []

    def sent_and_done() -> bool:
        sent.append(site.message(topic, partition=len(sent) % 2))
        time.sleep(0.1)
        return until()

    eventually(sent_and_done, within_s, "what records are sent until")
    return sent + [site.message(topic, partition=number % 2) for number in range(5)]


def once(site: Site, connector: Connector, topic: Topic, sent: list[str], repeats: int = 0) -> None:
    """Each was accepted, and Front saw one request of it, but for so many; the group has recorded all, and ends in order."""
    site.wait_accepted(*sent, within_s=60)
    site.wait_committed(connector, topic, within_s=30)
    assert connector.terminate() == 0
    seen = {message: len(site.requests(message)) for message in sent}
    assert min(seen.values()) == 1
    assert sum(seen.values()) - len(sent) <= repeats, seen


def hears(connector: Connector, event: str, **fields: str) -> Callable[[], bool]:
    """Whether the log has a new line of an event since now, with these fields. Asks for a look at the files."""
    seen = len(connector.events(event))
    connector.hang_up()
    return lambda: any(line.items() >= fields.items() for line in connector.events(event)[seen:])


def reason(connector: Connector) -> str:
    """What /readyz says of the state."""
    return json.dumps(connector.ready()[1]["checks"])


def test_plain_in_tls_carries_records_and_dead_letters(estate: Estate, tmp_path: Path) -> None:
    """The consumer, the admin clients and the producer of dead letters all log in."""
    topic, password = estate.site.topic(partitions=2), tmp_path / "password"
    password.write_text("plain\n")
    properties = {"sasl.mechanism": "PLAIN", "sasl.username": USER}
    connector = estate.connector(topic, estate.cluster.scram, properties, {"sasl.password": password})
    connector.begin_and_join()
    place = estate.site.send(topic, b"no avro")
    assert estate.site.letters.of(place).value() == b"no avro"
    once(estate.site, connector, topic, [estate.site.message(topic)])
    assert not [line for line in connector.events("config.warning") if "kafka" in line["why"]]


def test_a_scram_password_changes_while_records_flow(estate: Estate, tmp_path: Path) -> None:
    """At the brokers first: refused, told, ready all the time. Then a wrong one in the file, then the right one."""
    site, cluster = estate.site, estate.cluster
    topic, password = site.topic(partitions=2), tmp_path / "password"
    password.write_text("pw-first\n")
    properties = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": USER}
    connector = estate.connector(topic, cluster.scram, properties, {"sasl.password": password})
    connector.begin_and_join()
    sent = [site.message(topic)]
    site.wait_accepted(*sent)
    cluster.set_scram_password("pw-second")
    # Every three seconds the broker wants to see the credentials again: that cuts the connections.
    sent += flowing(site, topic, lambda: "the brokers refuse our login" in reason(connector))
    password.write_text("pw-third\n")
    sent += flowing(site, topic, hears(connector, "config.reload.failed", kind="secret", path=str(password)))
    assert connector.ready()[0] == 200
    assert f"new credentials are not of use: {ONCE}the brokers refuse the login" in reason(connector)
    assert connector.metric("front_connector_config_last_reload_successful", kind="secret") == 0
    password.write_text("pw-second\n")
    sent += flowing(site, topic, hears(connector, "config.reloaded", kind="secret", path=str(password)))
    site.wait_accepted(*sent, within_s=60)
    assert connector.metric("front_connector_config_last_reload_successful", kind="secret") == 1
    assert not connector.events("kafka.client_renewed"), "a client that lives takes a password up"
    # Between the last commit and the moment in which the brokers cut the connections, nothing could be recorded any more.
    once(site, connector, topic, sent, repeats=10)
    assert "pw-" not in connector.log.read_text()


def test_a_client_certificate_and_its_authority_change_while_records_flow(
    estate: Estate, tmp_path: Path
) -> None:
    """A new client of the same static member; the old one stays while what is new is no use, or not accepted."""
    site, cluster = estate.site, estate.cluster
    second = tmp_path / "second"
    second.mkdir()
    old, new = cluster.certificates, make_certificates(second)
    topic = site.topic(partitions=2)
    ca, certificate, key = (tmp_path / name for name in ("ca.pem", "client.pem", "client.key"))

    def write(authorities: bytes, shown: Path, with_key: Path) -> None:
        ca.write_bytes(authorities)
        certificate.write_bytes(shown.read_bytes())
        key.write_bytes(with_key.read_bytes())

    write(old.ca.read_bytes(), old.client, old.client_key)
    properties = {
        "security.protocol": "SSL",
        "ssl.ca.location": str(ca),
        "ssl.certificate.location": str(certificate),
        "ssl.key.location": str(key),
    }
    connector = estate.connector(
        topic, cluster.mutual, properties, {}, group_instance_id="one", session_timeout_s=30.0
    )
    connector.begin_and_join()
    both = old.ca.read_bytes() + new.ca.read_bytes()
    cluster.use_certificates(old, old.ca, new.ca)
    write(both, new.client, new.client_key)
    sent = flowing(site, topic, hears(connector, "kafka.client_renewed"))
    eventually(lambda: connector.ready()[0] == 200, 30, "readiness")
    # From now on the brokers know the new authority only.
    cluster.use_certificates(new, new.ca)
    key.write_bytes(old.client_key.read_bytes())
    sent += flowing(site, topic, hears(connector, "config.reload.failed", kind="secret", path=str(key)))
    assert "key values mismatch" in connector.events("config.reload.failed")[-1]["why"]
    write(new.ca.read_bytes(), new.expired, new.server_key)
    sent += flowing(site, topic, hears(connector, "config.reload.failed", path=str(certificate)))
    assert f"{ONCE}no TLS: " in connector.events("config.reload.failed")[-1]["why"]
    assert connector.metric("front_connector_config_last_reload_successful", kind="ca") == 0
    write(new.ca.read_bytes(), new.client, new.client_key)
    sent += flowing(site, topic, hears(connector, "kafka.client_renewed"))
    eventually(lambda: connector.ready()[0] == 200, 30, "readiness")
    assert connector.metric("front_connector_config_last_reload_successful", kind="ca") == 1
    assert connector.metric("front_connector_config_last_reload_successful", kind="secret") == 1
    once(site, connector, topic, sent)
    assert len(connector.events("kafka.client_renewed")) == 2


def test_oauth_tokens_come_from_an_endpoint_and_its_secret_changes(estate: Estate, tmp_path: Path) -> None:
    """OIDC: the client fetches tokens by itself; another secret needs another client."""
    site, cluster = estate.site, estate.cluster
    topic, secret = site.topic(partitions=2), tmp_path / "client-secret"
    secret.write_text("pw-first\n")
    with TokenEndpoint(cluster.signing_key, cluster.certificates) as endpoint:
        endpoint.secret = "pw-first"
        properties = {
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": CLIENT_ID,
            "sasl.oauthbearer.token.endpoint.url": endpoint.url,
            "https.ca.location": estate.ca,
        }
        files = {"sasl.oauthbearer.client.secret": secret}
        connector = estate.connector(topic, cluster.oauth, properties, files)
        connector.begin_and_join()
        endpoint.secret = "pw-second"
        secret.write_text("pw-second\n")
        sent = flowing(site, topic, hears(connector, "kafka.client_renewed"))
        once(site, connector, topic, sent)
    assert endpoint.given >= 2


SIGNER = """
import json, os, time, jwt
from pathlib import Path

class MSKAuthTokenProvider:
    @staticmethod
    def generate_auth_token(region):
        given = json.loads(Path(os.environ["STAND_IN"]).read_text())
        with Path(given["calls"]).open("a") as calls:
            calls.write(region + "\\n")
        ends = int(time.time()) + 10
        claims = given["claims"] | {"iat": ends - 20, "exp": ends}
        return jwt.encode(claims, given["key"], algorithm="RS256", headers={"kid": "one"}), ends * 1000
"""


def test_msk_iam_gives_every_client_tokens_and_new_ones_in_time(estate: Estate, tmp_path: Path) -> None:
    """With a stand-in for AWS' signer, whose tokens this broker believes: ten seconds each, and records flow on."""
    site, cluster = estate.site, estate.cluster
    topic, calls = site.topic(partitions=2), tmp_path / "calls"
    package = tmp_path / "path" / "aws_msk_iam_sasl_signer"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(SIGNER)
    key = cluster.signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": USER, "scope": "kafka"}
    (tmp_path / "given.json").write_text(json.dumps({"calls": str(calls), "key": key, "claims": claims}))
    connector = estate.connector(topic, cluster.oauth, {}, {}, msk_iam={"region": "eu-central-1"})
    connector.environment.update(PYTHONPATH=str(package.parent), STAND_IN=str(tmp_path / "given.json"))
    connector.begin_and_join()
    place = site.send(topic, b"no avro")
    assert site.letters.of(place).value() == b"no avro"
    first = len(calls.read_text().splitlines())
    assert first >= 4, "consumer, producer, and the admin clients of the start and of topic ids"
    sent = flowing(site, topic, lambda: len(calls.read_text().splitlines()) >= 2 * first)
    once(site, connector, topic, sent)


def test_msk_iam_shows_the_broker_what_aws_signed(estate: Estate, tmp_path: Path) -> None:
    """The real signer, with credentials that are nobody's: no broker but Amazon's can judge the token, and this one refuses."""
    topic = estate.site.topic()
    connector = estate.connector(topic, estate.cluster.oauth, {}, {}, msk_iam={"region": "eu-central-1"})
    connector.environment.update(
        AWS_ACCESS_KEY_ID="AKIAFAKE", AWS_SECRET_ACCESS_KEY="fake", AWS_EC2_METADATA_DISABLED="true"
    )
    connector.begin()
    eventually(lambda: "the brokers refuse our login" in reason(connector), 60, "the refusal")
    assert connector.terminate() == 0
