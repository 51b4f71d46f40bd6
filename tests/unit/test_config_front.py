"""How Front is reached: proxies, certificates, time-outs and secrets, from the settings to the carrier."""

from pathlib import Path

import pytest
import structlog

from connector.adapters.front import settings as front_settings
from connector.adapters.front.carrier import CarrierOptions
from connector.adapters.front.proxies import Proxies, one_proxy
from connector.app.clock import SystemClock
from connector.app.secrets import Secrets
from connector.config.front import FrontSettings
from tests.support.certificates import make_certificates
from tests.unit.config_files import folder, loaded, problems
from tests.unit.test_config_limits import with_lines

WRONG = [
    ("proxy_username: me", "front: proxy_username and proxy_password (or proxy_password_file) go together"),
    ("proxy_password: pw", "front: proxy_username and proxy_password (or proxy_password_file) go together"),
    (
        "no_proxy: [localhost]",
        "front: no_proxy needs the proxy's URL in proxy (with environment the variable NO_PROXY counts)",
    ),
    ("ca_system: true", "front: ca_system needs ca_file: without it the system's count anyway"),
    (
        "write_timeout_s: 15",
        "front: write_timeout_s must be below request_deadline_s, which ends the request anyway",
    ),
    (
        "read_timeout_s: 20",
        "front: read_timeout_s must be below request_deadline_s, which ends the request anyway",
    ),
    ("keepalive_idle_s: 301", "front: keepalive_idle_s must not be above keepalive_age_s"),
    ("keepalive_age_s: 0", "front.keepalive_age_s must be above 0"),
    ("secret_overlap_s: 0", "front.secret_overlap_s must be above 0"),
]


@pytest.mark.parametrize(("line", "sentence"), WRONG, ids=[line for line, _ in WRONG])
def test_what_contradicts_is_refused(tmp_path: Path, line: str, sentence: str) -> None:
    """With the place and what to do."""
    [problem] = problems(folder(tmp_path, config=with_lines("front", line)))
    assert problem.endswith(f": {sentence}")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            ("proxy: environment", "proxy_username: me", "proxy_password: pw"),
            "proxy_username needs the proxy's URL in proxy",
        ),
        (
            ("proxy: environment", "no_proxy: [localhost]"),
            "no_proxy needs the proxy's URL in proxy (with environment the variable NO_PROXY counts)",
        ),
    ],
)
def test_the_environment_s_proxies_come_from_there_alone(
    tmp_path: Path, lines: tuple[str, ...], sentence: str
) -> None:
    """Half from here and half from there would be a guess."""
    [problem] = problems(folder(tmp_path, config=with_lines("front", *lines)))
    assert problem.endswith(f": front: {sentence}")


def test_a_certificate_comes_with_its_key(tmp_path: Path) -> None:
    """One without the other is of no use."""
    (tmp_path / "ours.pem").write_text("x")
    [problem] = problems(folder(tmp_path, config=with_lines("front", "cert_file: ours.pem")))
    assert problem.endswith(": front: cert_file and key_file go together")


def front(tmp_path: Path, *lines: str) -> FrontSettings:
    return loaded(folder(tmp_path, config=with_lines("front", *lines))).settings.front


def proxies(settings: FrontSettings) -> Proxies:
    return front_settings._proxies(settings, Secrets(SystemClock(), structlog.get_logger("test").bind()))


def test_a_proxy_s_password_comes_from_a_file(tmp_path: Path) -> None:
    """And is shown nowhere."""
    (tmp_path / "pw").write_text("p:w@canary\n")
    settings = front(
        tmp_path,
        "proxy: https://proxy:3128",
        "proxy_username: me",
        "proxy_password_file: pw",
        "no_proxy: [localhost, 10.0.0.0/8]",
    )
    found = proxies(settings)
    assert found == one_proxy("https://proxy:3128", "me", "p:w@canary", ("localhost", "10.0.0.0/8"))
    assert "canary" not in repr(settings) + repr(found) + settings.model_dump_json()


def test_the_environment_is_asked_only_if_the_settings_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not in the settings does not decide where tokens go."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name.lower(), "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "localhost")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert proxies(front(tmp_path)) == Proxies()
    found = proxies(front(tmp_path, "proxy: environment"))
    assert found.of("https://api2.frontapp.com/") == "http://proxy:3128"
    assert found.of("https://localhost/") is None


def test_every_setting_reaches_the_carrier(tmp_path: Path) -> None:
    """By its own name, whichever client carries the requests."""
    certificates = make_certificates(tmp_path)
    for carrier in ("aiohttp", "httpx"):
        settings = front(
            tmp_path,
            f"carrier: {carrier}",
            "connect_timeout_s: 1",
            "write_timeout_s: 2",
            "read_timeout_s: 3",
            "request_deadline_s: 4",
            "keepalive_idle_s: 5",
            "keepalive_age_s: 6",
            "ca_file: ca.pem",
            "ca_system: true",
            "cert_file: client.pem",
            "key_file: client_key.pem",
            "proxy: http://proxy:3128",
        )
        made = front_settings.carrier(
            settings, 7, Secrets(SystemClock(), structlog.get_logger("test").bind())
        )
        assert type(made).__name__.lower() == f"{carrier}carrier"
        assert vars(made)["_options"] == CarrierOptions(
            connect_timeout_s=1,
            write_timeout_s=2,
            read_timeout_s=3,
            request_deadline_s=4,
            connections_max=7,
            keepalive_idle_s=5,
            keepalive_age_s=6,
            ca_file=certificates.ca,
            ca_system=True,
            client_certificate=(certificates.client, certificates.client_key),
            proxies=one_proxy("http://proxy:3128"),
        )
