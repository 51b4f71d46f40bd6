"""Settings: where they come from, what is refused, and in which words."""

from pathlib import Path

import pytest

from connector.config.owned_properties import OWNED
from tests.unit.config_files import CONFIG, MAPPING, folder, loaded, problems


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("FRONT_CONNECTOR_"):
            monkeypatch.delenv(name)


def with_line(line: str, section: str = "") -> str:
    """The valid configuration with a line more, at the top level or in a section."""
    if not section:
        return f"{CONFIG}{line}\n"
    return CONFIG.replace(f"{section}:\n", f"{section}:\n  {line}\n")


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    """Everything else has a default."""
    settings = loaded(folder(tmp_path)).settings
    assert settings.front.apps["main"].base_url == "https://api2.frontapp.com"
    assert settings.limits.in_flight == 64
    assert settings.limits.partition_bytes == 16 * 1024 * 1024
    assert settings.front.token_life_s == settings.front.request_deadline_s == 15.0


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sections are joined by two underscores; what is not named stays as in the file."""
    monkeypatch.setenv("FRONT_CONNECTOR_KAFKA__GROUP_ID", "other")
    monkeypatch.setenv("FRONT_CONNECTOR_LIMITS__DRAIN_S", "12.5")
    monkeypatch.setenv("FRONT_CONNECTOR_FRONT__APPS__MAIN__SECRET", "louder")
    settings = loaded(folder(tmp_path)).settings
    assert (settings.kafka.group_id, settings.kafka.bootstrap_servers) == ("other", "localhost:9092")
    assert settings.limits.drain_s == 12.5
    secret = settings.front.apps["main"].secret
    assert secret is not None
    assert secret.get_secret_value() == "louder"


def test_the_environment_alone_can_hold_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file may leave out what variables say."""
    monkeypatch.setenv("FRONT_CONNECTOR_DEAD_LETTER__TOPIC", "dlq")
    file = folder(tmp_path, config=CONFIG.replace("dead_letter: {topic: front.dead-letters}\n", ""))
    assert loaded(file).settings.dead_letter.topic == "dlq"


def test_a_secret_file_loses_one_newline(tmp_path: Path) -> None:
    """Because an editor adds one."""
    (tmp_path / "secret").write_text("hush\n")
    file = folder(tmp_path, config=CONFIG.replace("secret: hush", "secret_file: secret"))
    app = loaded(file).settings.front.apps["main"]
    assert app.secret is not None
    assert app.secret.get_secret_value() == "hush"
    assert app.secret_file == tmp_path / "secret"


def test_unusable_secret_files_are_told(tmp_path: Path) -> None:
    """Missing, empty, not text, more than a line, too large: each with its path, all at once, as when they change later."""
    contents = {
        "empty": b"\n",
        "binary": b"\xff\xfe",
        "lines": b"a\nb\n",
        "tab": b"a\tb",
        "huge": b"x" * 65_537,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    apps = "".join(f"    {name}: {{token_file: {name}}}\n" for name in ("gone", *contents))
    config = CONFIG.replace("    main: {uid: app-1, secret: hush}\n", f"    main: {{token: x}}\n{apps}")
    rest = "it must hold the secret as one line of text"
    assert problems(folder(tmp_path, config=config)) == [
        "connector.yaml:8:24: cannot read gone: No such file or directory",
        f"connector.yaml:9:25: secret file empty is empty: {rest}",
        f"connector.yaml:10:26: secret file binary is not UTF-8 text: {rest}",
        f"connector.yaml:11:25: secret file lines holds a line break or another control character: {rest}",
        f"connector.yaml:12:23: secret file tab holds a line break or another control character: {rest}",
        f"connector.yaml:13:24: secret file huge is larger than 65536 bytes: {rest}",
    ]


def test_only_pem_settings_have_several_lines(tmp_path: Path) -> None:
    """A key for librdkafka has them; a password has not."""
    (tmp_path / "key").write_text("-----BEGIN\nabc\n-----END\n")
    config = CONFIG.replace(
        "  group_id: front\n",
        "  group_id: front\n  properties: {security.protocol: SSL, ssl.certificate.pem: x}\n"
        "  properties_from_files: {ssl.key.pem: key}\n",
    )
    kafka = loaded(folder(tmp_path, config=config)).settings.kafka
    assert kafka.client_properties()["ssl.key.pem"] == "-----BEGIN\nabc\n-----END"
    password = config.replace("ssl.key.pem", "ssl.key.password").replace("certificate.pem", "cipher.suites")
    assert problems(folder(tmp_path, config=password)) == [
        "connector.yaml:5:45: secret file key holds a line break or another control character: "
        "it must hold the secret as one line of text"
    ]
    (tmp_path / "key").write_text("\n")
    assert problems(folder(tmp_path, config=config)) == [
        "connector.yaml:5:40: secret file key is empty: it must hold a text"
    ]


def test_files_named_in_settings_must_be_readable(tmp_path: Path) -> None:
    """Certificates and the channels table are looked for at start, relative to the configuration."""
    config = with_line("ca_file: ca.pem", "front").replace("channels.csv", "lines.csv")
    assert problems(folder(tmp_path, config=config)) == [
        "connector.yaml:6:12: cannot read ca.pem: No such file or directory",
        "connector.yaml:9:13: cannot read lines.csv: No such file or directory",
    ]


def test_librdkafka_settings_pass_through_as_text(tmp_path: Path) -> None:
    """Any name that is not ours, values as librdkafka writes them, secrets from files."""
    (tmp_path / "pw").write_text("broker-pw\n")
    config = CONFIG.replace(
        "  group_id: front\n",
        "  group_id: front\n  properties: {socket.keepalive.enable: true, fetch.wait.max.ms: 100, ssl.ca.pem: x, "
        "security.protocol: SASL_SSL, sasl.mechanism: PLAIN, sasl.username: u}\n"
        "  properties_from_files: {sasl.password: pw}\n",
    )
    kafka = loaded(folder(tmp_path, config=config)).settings.kafka
    assert kafka.client_properties() == {
        "socket.keepalive.enable": "true",
        "fetch.wait.max.ms": "100",
        "ssl.ca.pem": "x",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "u",
        "sasl.password": "broker-pw",
    }
    assert kafka.shown_properties()["ssl.ca.pem"] == "**********"


@pytest.mark.parametrize("name", [*OWNED, "topic.acks", "my_cb"])
def test_settings_that_are_ours_are_refused_with_a_reason(tmp_path: Path, name: str) -> None:
    """Each row of the table is enforced, under librdkafka's old topic prefix too."""
    config = CONFIG.replace("  group_id: front\n", f"  group_id: front\n  properties: {{{name}: x}}\n")
    [problem] = problems(folder(tmp_path, config=config))
    start = f"connector.yaml:4:16: kafka.properties.{name}: {name} cannot be set: "
    assert problem.startswith(start)
    assert len(problem) > len(start) + 20


def test_secrets_are_shown_nowhere(tmp_path: Path) -> None:
    """Neither in the settings' text nor in the hash's source; the hash of another secret is the same."""
    first = loaded(folder(tmp_path))
    second = loaded(folder(tmp_path, config=CONFIG.replace("hush", "other")))
    assert "hush" not in repr(first)
    assert first.config_hash == second.config_hash
    third = loaded(folder(tmp_path, config=CONFIG.replace("group_id: front", "group_id: back")))
    assert third.config_hash != first.config_hash


def test_a_secret_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    """An error about a value never repeats the value."""
    config = CONFIG.replace("secret: hush", "secret: [hush]").replace("uid: app-1", "uid: [hush]")
    assert not any("hush" in problem for problem in problems(folder(tmp_path, config=config)))


REFUSED = [
    ("kafka", "grup_id: x", "kafka.grup_id is not known here: did you mean 'group_id'?"),
    ("kafka", "session_timeout_s: 0", "kafka.session_timeout_s must be above 0"),
    ("kafka", "session_timeout_s: -5", "kafka.session_timeout_s must be above 0"),
    ("kafka", "session_timeout_s: .inf", "kafka.session_timeout_s must be a finite number"),
    (
        "kafka",
        "group_protocol: clasic",
        "kafka.group_protocol has a value that is not known: did you mean 'classic'?",
    ),
    (
        "kafka",
        "group_protocol: consumer",
        "kafka: group_protocol consumer needs session_timeout_s: no larger than the brokers' "
        "group.consumer.session.timeout.ms",
    ),
    (
        "kafka",
        "max_poll_interval_s: 30",
        "kafka: session_timeout_s must not be above max_poll_interval_s: librdkafka refuses it",
    ),
    ("front", "request_deadline_s: 0", "front.request_deadline_s must be above 0"),
    ("front", "token_life_s: 31", "front.token_life_s must be 30 or less"),
    (
        "front",
        "token_life_s: 10",
        "front: token_life_s must not be below request_deadline_s: a token must outlive its request",
    ),
    (
        "front",
        "connect_timeout_s: 16",
        "front: connect_timeout_s must be below request_deadline_s, else a slow",
    ),
    ("front", "carrier: urllib", "front.carrier has a value that is not known: choose from aiohttp, httpx"),
    ("front", "statuses: {429: retry}", "front: statuses: 429 says how long to wait, and is always obeyed"),
    (
        "front",
        "statuses: {503: retrry}",
        "front.statuses.503 has a value that is not known: did you mean 'retry'?",
    ),
    ("front", "statuses: {99: retry}", "front.statuses.99 must be 100 or more"),
    ("front", "retry: {attempts: 0}", "front.retry.attempts must be 1 or more"),
    ("front", "retry: {base_s: 9, cap_s: 1}", "front.retry: base_s must not be above cap_s"),
    (
        "front",
        "rate_limit: {channel_per_second: -1}",
        "front.rate_limit.channel_per_second must be 0 or more",
    ),
    (
        "front",
        "proxy: proxy:3128",
        "front.proxy: must be an http or https URL, such as http://proxy:3128, or the word environment",
    ),
    (
        "front",
        "proxy: http://me:pw@proxy",
        "front.proxy: must not hold a user or password (URLs are logged): use proxy_username and proxy_password_file",
    ),
    ("", "limits: {in_flight: many}", "limits.in_flight must be a whole number"),
    ("", "limits: {in_flight: 0}", "limits.in_flight must be 1 or more"),
    ("", "limits: {calls_remembered: -1}", "limits.calls_remembered must be 0 or more"),
    (
        "",
        "limits: {revoke_drain_s: 150}",
        "limits.revoke_drain_s must be below half of kafka.max_poll_interval_s, else a rebalance ends the membership",
    ),
    (
        "",
        "limits: {commit_interval_s: 11}",
        "limits.commit_interval_s must be at most a third of kafka.session_timeout_s less front.request_deadline_s: "
        "several commits must fit into a session, so that what was accepted is recorded in time",
    ),
    ("", "telemetry: {port: 70000}", "telemetry.port must be 65535 or less"),
    ("", "telemetry: {log_level: 5}", "telemetry.log_level has a value that is not known: choose from"),
    ("", "metrics: {}", "metrics is not known here: "),
    ("", "name: 'a b'", "name must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"),
    ("", "limits: 5", "limits must be a map"),
]


@pytest.mark.parametrize(("section", "line", "said"), REFUSED, ids=[row[1] for row in REFUSED])
def test_nonsense_is_refused_in_a_sentence(tmp_path: Path, section: str, line: str, said: str) -> None:
    """One problem, with its place in the file."""
    [problem] = problems(folder(tmp_path, config=with_line(line, section)))
    place, _, message = problem.partition(": ")
    assert place.startswith("connector.yaml:")
    assert message.startswith(said)


APPS = [
    ("{uid: app-1}", "front.apps.main: give secret or secret_file or token or token_file"),
    (
        "{uid: app-1, secret: a, secret_file: b}",
        "front.apps.main: give only one of secret and secret_file: which one counts must not be a guess",
    ),
    ("{secret: a}", "front.apps.main: uid and secret (or secret_file) go together; a token has no uid"),
    (
        "{uid: app-1, token: a}",
        "front.apps.main: uid and secret (or secret_file) go together; a token has no uid",
    ),
    ("{uid: 12, secret: a}", "front.apps.main.uid must be text: put it in quotes"),
    (
        "{uid: app-1, secret: a, base_url: 'http://front.example'}",
        "front.apps.main: base_url must be https: over http anyone between can read the token "
        "(allow_insecure: true if that is meant)",
    ),
    (
        "{uid: app-1, secret: a, base_url: front.example}",
        "front.apps.main.base_url: must be a URL such as https://api2.frontapp.com",
    ),
    (
        "{uid: app-1, secret: a, base_url: 'https://x:y@front.example'}",
        "front.apps.main.base_url: must not hold a user or password",
    ),
]


@pytest.mark.parametrize(("app", "said"), APPS)
def test_an_app_needs_one_way_to_sign_and_a_safe_address(tmp_path: Path, app: str, said: str) -> None:
    """Secrets are never sent readable by accident."""
    config = CONFIG.replace("{uid: app-1, secret: hush}", app)
    [problem] = problems(folder(tmp_path, config=config))
    assert problem.partition(": ")[2] == said


@pytest.mark.parametrize(
    "app",
    [
        "{uid: app-1, secret: a, base_url: 'http://127.0.0.1:9200/'}",
        "{uid: app-1, secret: a, base_url: 'http://[::1]:9200'}",
        "{uid: app-1, secret: a, base_url: 'http://localhost:9200'}",
        "{uid: app-1, secret: a, base_url: 'http://front:9200', allow_insecure: true}",
        "{token: a}",
    ],
)
def test_loopback_and_what_is_allowed_may_be_http(tmp_path: Path, app: str) -> None:
    """The simulator on this machine needs no certificate."""
    url = loaded(folder(tmp_path, config=CONFIG.replace("{uid: app-1, secret: hush}", app)))
    assert not url.settings.front.apps["main"].base_url.endswith("/")


REGISTRY = [
    ('{url: "localhost:8081"}', "registry.url: must be an http or https URL, such as https://registry:8081"),
    (
        '{url: "http://me:pw@localhost"}',
        "registry.url: must not hold a user or password (URLs are logged): use username and password_file, or token_file",
    ),
    ('{url: "http://r", username: me}', "registry: username and password (or password_file) go together"),
    ('{url: "http://r", cert_file: c.pem}', "registry: cert_file and key_file go together"),
    (
        '{url: "http://r", ca_file: c.pem}',
        "registry: ca_file and cert_file need a URL that begins with https",
    ),
    (
        '{url: "https://r", username: me, password: pw, token: t}',
        "registry: give username and password, or token (or token_file), not both",
    ),
    (
        '{url: "https://r", token: t, token_file: t}',
        "registry: give only one of token and token_file: which one counts must not be a guess",
    ),
]


@pytest.mark.parametrize(("registry", "said"), REGISTRY)
def test_a_registry_that_cannot_work_is_refused(tmp_path: Path, registry: str, said: str) -> None:
    """Half a login is a mistake, and a password in a URL a leak."""
    config = CONFIG.replace('{url: "http://localhost:8081"}', registry)
    [problem] = problems(folder(tmp_path, config=config))
    assert problem.partition(": ")[2] == said


def test_a_topic_that_needs_a_registry_misses_it(tmp_path: Path) -> None:
    """Without one, framed Avro could never be read."""
    config = CONFIG.replace('registry: {url: "http://localhost:8081"}\n', "")
    assert problems(folder(tmp_path, config=config)) == [
        "connector.yaml:1:1: registry is missing: the topic calls.v1 is read with schemas from a registry"
    ]


def test_dead_letters_never_go_to_a_mapped_topic(tmp_path: Path) -> None:
    """They would be read, fail, and be written again for ever."""
    file = folder(tmp_path, calls=MAPPING.replace("calls.v1", "front.dead-letters"))
    assert problems(file) == [
        "connector.yaml:10:22: front.dead-letters is a mapped topic: dead letters would be read again"
    ]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("", "connector.yaml: is empty"),
        ("- a\n", "connector.yaml:1:1: must be a map (`name: value` lines)"),
        ("kafka: [\n", "connector.yaml:2:1: not YAML: "),
    ],
)
def test_a_file_that_is_no_configuration_is_told(tmp_path: Path, config: str, said: str) -> None:
    """Empty, a list, or not YAML."""
    [problem] = problems(folder(tmp_path, config=config))
    assert problem.startswith(said)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """The path is named."""
    assert problems(tmp_path / "nope.yaml") == ["nope.yaml: cannot be read: No such file or directory"]


def test_several_mistakes_are_told_at_once_sorted_by_line(tmp_path: Path) -> None:
    """One run is enough to mend everything."""
    config = CONFIG.replace("group_id: front", "group_idd: front").replace("dead_letter", "deadletter")
    assert problems(folder(tmp_path, config=config)) == [
        "connector.yaml:1:1: dead_letter is missing",
        "connector.yaml:2:3: kafka.group_id is missing (Consumer group)",
        "connector.yaml:3:3: kafka.group_idd is not known here: did you mean 'group_id'?",
        "connector.yaml:10:1: deadletter is not known here: did you mean 'dead_letter'?",
    ]


def test_variables_for_mappings_must_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that silently lost a value would be worse than no start."""
    config = CONFIG.replace("{folder: mappings}", "{folder: mappings, env: [REGION]}")
    file = folder(tmp_path, config=config)
    assert problems(file) == [
        "connector.yaml:9:36: the environment variable REGION is not set: "
        "set it (it may be empty), or take it off the list"
    ]
    monkeypatch.setenv("REGION", "")
    loaded(file)
