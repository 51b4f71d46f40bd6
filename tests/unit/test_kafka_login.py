"""How the connector logs in at the brokers: which settings go together, and in which words the others are refused."""

from pathlib import Path

import pytest

from tests.unit.config_files import CONFIG, folder, loaded, problems

SCRAM = "security.protocol: SASL_SSL, sasl.mechanism: SCRAM-SHA-512, sasl.username: u"
OIDC = (
    "security.protocol: SASL_SSL, sasl.mechanism: OAUTHBEARER, sasl.oauthbearer.method: oidc, "
    "sasl.oauthbearer.client.id: me, sasl.oauthbearer.token.endpoint.url: https://idp.example.com/token"
)
PASSWORD = "sasl.password: secret"
CLIENT_SECRET = "sasl.oauthbearer.client.secret: secret"


def config(properties: str, files: str = "", more: str = "", servers: str = "kafka:9093") -> str:
    """A configuration whose `kafka` section says this."""
    lines = [f"properties: {{{properties}}}", f"properties_from_files: {{{files}}}", *filter(None, [more])]
    said = "".join(f"  {line}\n" for line in lines)
    text = CONFIG.replace("  group_id: front\n", f"  group_id: front\n{said}")
    return text.replace("localhost:9092", servers)


GOOD = [
    (SCRAM, PASSWORD, ""),
    (
        "security.protocol: sasl_ssl, sasl.mechanisms: PLAIN",
        "sasl.username: secret, sasl.password: secret",
        "",
    ),
    (OIDC, CLIENT_SECRET, ""),
    ("security.protocol: SSL, ssl.certificate.location: secret, ssl.key.location: secret", "", ""),
    ("security.protocol: SSL, ssl.keystore.location: secret", "ssl.keystore.password: secret", ""),
    ("security.protocol: SSL, ssl.ca.location: probe", "", ""),
    ("", "", "msk_iam: {region: eu-central-1}"),
    (
        "security.protocol: SASL_SSL, sasl.mechanism: OAUTHBEARER, sasl.oauthbearer.method: oidc, "
        "sasl.oauthbearer.metadata.authentication.type: azure_imds",
        "",
        "",
    ),
]


@pytest.mark.parametrize(("properties", "files", "more"), GOOD)
def test_every_mechanism_is_taken_without_a_warning(
    tmp_path: Path, properties: str, files: str, more: str
) -> None:
    """Each as docs/security.md describes it."""
    (tmp_path / "secret").write_text("hush\n")
    assert loaded(folder(tmp_path, config=config(properties, files, more))).warnings == ()


BAD = [
    ("security.protocol: SASL_SLL", "", "security.protocol must be one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL: "
     "did you mean SASL_SSL?"),
    ("sasl.username: u", "", "sasl.username is not used with security.protocol PLAINTEXT: set security.protocol SASL_SSL"),
    ("security.protocol: SSL", PASSWORD, "sasl.password is not used with security.protocol SSL: "
     "remove it if a client certificate is the login, or set security.protocol SASL_SSL"),
    ("security.protocol: SASL_SSL", "", "sasl.mechanism is missing: one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER"),
    ("security.protocol: SASL_SSL, sasl.mechanism: SCRAM-SHA512", "", "sasl.mechanism must be one of PLAIN, SCRAM-SHA-256, "
     "SCRAM-SHA-512, OAUTHBEARER: did you mean SCRAM-SHA-512?"),
    ("security.protocol: SASL_SSL, sasl.mechanism: GSSAPI", "", "sasl.mechanism GSSAPI (Kerberos) is not in this build of "
     "librdkafka, which knows PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER: use one of them"),
    ("security.protocol: SASL_SSL, sasl.mechanism: PLAIN", PASSWORD, "sasl.mechanism PLAIN needs sasl.username"),
    (SCRAM, "", "sasl.mechanism SCRAM-SHA-512 needs sasl.password in kafka.properties_from_files"),
    (f"{SCRAM}, sasl.password: hush", "", "sasl.password is a secret: put it into a file, and name that file in "
     "kafka.properties_from_files"),
    ("security.protocol: SSL, ssl.key.password: hush", "", "ssl.key.password is a secret: put it into a file, and name that "
     "file in kafka.properties_from_files"),
    (SCRAM.replace("SASL_SSL", "SASL_PLAINTEXT"), PASSWORD, "security.protocol SASL_PLAINTEXT would send our login "
     "unencrypted to another machine: use SASL_SSL, or set kafka.allow_insecure: true if that is meant"),
    ("ssl.ca.location: secret", "", "ssl.ca.location is not used with security.protocol PLAINTEXT: set security.protocol SSL"),
    ("security.protocol: SSL, ssl.certificate.location: secret", "", "a client certificate (ssl.certificate.location) and its "
     "key (ssl.key.location) go together"),
    ("security.protocol: SSL, ssl.endpoint.identification.algorithm: none", "", "ssl.endpoint.identification.algorithm none "
     "would let anyone between pass for the brokers: leave it out, or set kafka.allow_insecure: true if that is meant"),
    ("security.protocol: SSL, enable.ssl.certificate.verification: false", "", "enable.ssl.certificate.verification false "
     "would let anyone between pass for the brokers: leave it out, or set kafka.allow_insecure: true if that is meant"),
    (OIDC, "", "sasl.oauthbearer.method oidc needs sasl.oauthbearer.client.secret in kafka.properties_from_files"),
    (OIDC.replace("sasl.oauthbearer.method: oidc, ", ""), CLIENT_SECRET, "sasl.mechanism OAUTHBEARER needs "
     "sasl.oauthbearer.method oidc, which fetches tokens from sasl.oauthbearer.token.endpoint.url; or kafka.msk_iam in its "
     "place"),
    (OIDC.replace("https:", "http:"), CLIENT_SECRET, "sasl.oauthbearer.token.endpoint.url must begin with https: the client's "
     "secret would be sent readable (kafka.allow_insecure: true if that is meant)"),
]  # fmt: skip


@pytest.mark.parametrize(("properties", "files", "said"), BAD)
def test_what_cannot_work_or_lies_open_is_refused(
    tmp_path: Path, properties: str, files: str, said: str
) -> None:
    """Before anything is started, with what to do."""
    (tmp_path / "secret").write_text("hush\n")
    [problem] = problems(folder(tmp_path, config=config(properties, files)))
    assert problem.partition(": kafka: ")[2] == said


def test_a_problem_stands_at_the_setting_that_it_names(tmp_path: Path) -> None:
    """Not at the beginning of the section."""
    (tmp_path / "secret").write_text("hush\n")
    said = config("security.protocol: SSL", PASSWORD)
    [problem] = problems(folder(tmp_path, config=said))
    line = next(number for number, text in enumerate(said.splitlines(), 1) if "sasl.password" in text)
    column = said.splitlines()[line - 1].index("sasl.password") + 1
    assert problem.startswith(f"connector.yaml:{line}:{column}: kafka: sasl.password is not used")


def test_msk_iam_says_how_to_log_in_by_itself(tmp_path: Path) -> None:
    """Nothing of SASL beside it, and no protocol without TLS."""
    iam = "msk_iam: {region: eu-central-1}"
    [problem] = problems(folder(tmp_path, config=config("sasl.mechanism: OAUTHBEARER", more=iam)))
    assert problem.endswith(
        "kafka: sasl.mechanism cannot be set beside kafka.msk_iam, which says how to log in"
    )
    [problem] = problems(folder(tmp_path, config=config("security.protocol: SSL", more=iam)))
    assert problem.endswith("kafka: kafka.msk_iam needs security.protocol SASL_SSL, or none at all, not SSL")


def test_what_is_allowed_by_hand_is_warned_of_at_each_start(tmp_path: Path) -> None:
    """Not to another machine only: there nobody listens between."""
    (tmp_path / "secret").write_text("hush\n")
    bare = SCRAM.replace("SASL_SSL", "SASL_PLAINTEXT")
    allowed = "allow_insecure: true"
    (warning,) = loaded(folder(tmp_path, config=config(bare, PASSWORD, allowed))).warnings
    assert warning == (
        "kafka: kafka:9093 is not this machine, and security.protocol SASL_PLAINTEXT sends our login unencrypted: "
        "use SASL_SSL"
    )
    for servers in ("localhost:9092", "127.0.0.1:9092,[::1]:9092"):
        assert loaded(folder(tmp_path, config=config(bare, PASSWORD, servers=servers))).warnings == ()
    (warning,) = loaded(folder(tmp_path, config=config(""))).warnings
    assert warning.endswith("anyone between can read and change records; use SASL_SSL or SSL")
    off = "security.protocol: SSL, enable.ssl.certificate.verification: false"
    (warning,) = loaded(folder(tmp_path, config=config(off, more=allowed))).warnings
    assert (
        warning == "kafka: enable.ssl.certificate.verification false: anyone between can pass for the brokers"
    )


def test_a_broker_without_a_port_is_warned_of(tmp_path: Path) -> None:
    """librdkafka takes 9092 then, which is seldom the port of TLS."""
    text = config("security.protocol: SSL", servers="SSL://kafka-1, kafka-2:9093, 10.0.0.1")
    assert loaded(folder(tmp_path, config=text)).warnings == (
        "kafka.bootstrap_servers: SSL://kafka-1 has no port: 9092 is asked; write the port too",
        "kafka.bootstrap_servers: 10.0.0.1 has no port: 9092 is asked; write the port too",
    )


def test_files_that_librdkafka_reads_are_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    """As every path; one that cannot be read is told before the client says it in OpenSSL's words."""
    (tmp_path / "ca.pem").write_text("x")
    text = config("security.protocol: SSL, ssl.ca.location: ca.pem")
    kafka = loaded(folder(tmp_path, config=text)).settings.kafka
    assert kafka.client_properties()["ssl.ca.location"] == str(tmp_path / "ca.pem")
    assert kafka.login_files == {"ssl.ca.location": tmp_path / "ca.pem"}
    [problem] = problems(folder(tmp_path, config=text.replace("ca.pem", "none.pem")))
    assert problem.endswith(": cannot read none.pem: No such file or directory")
