"""Which proxy leads where: by the settings, by the environment, and what goes past it."""

import pytest

from connector.adapters.front.proxies import Proxies, one_proxy, proxies_of_environment

PROXY = "http://proxy:3128"
NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_without_proxies_nothing_has_one() -> None:
    """The usual case."""
    assert Proxies().of("https://api2.frontapp.com/x") is None
    assert proxies_of_environment() == Proxies({})


@pytest.mark.parametrize(
    ("entry", "url", "past"),
    [
        ("*", "https://api2.frontapp.com/", True),
        ("frontapp.com", "https://api2.frontapp.com/", True),
        (".frontapp.com", "https://api2.frontapp.com/", True),
        (".frontapp.com", "https://frontapp.com/", True),
        ("FrontApp.com", "https://API2.frontapp.com/", True),
        ("frontapp.com", "https://notfrontapp.com/", False),
        ("api2.frontapp.com", "https://frontapp.com/", False),
        ("api2.frontapp.com:443", "https://api2.frontapp.com/", True),
        ("api2.frontapp.com:8443", "https://api2.frontapp.com/", False),
        ("localhost:9200", "http://localhost:9200/", True),
        ("10.0.0.0/8", "http://10.20.30.40:9200/", True),
        ("10.0.0.0/8", "http://11.20.30.40/", False),
        ("10.0.0.0/8", "http://ten.example/", False),
        ("127.0.0.1", "http://127.0.0.1:5/", True),
        ("127.0.0.1:6", "http://127.0.0.1:5/", False),
        ("::1", "http://[::1]:5/", True),
        ("[::1]", "http://[::1]:5/", True),
        ("[::1]:5", "http://[::1]:5/", True),
        ("[::1]:6", "http://[::1]:5/", False),
        ("fd00::/8", "http://[fd00::7]/", True),
        (".", "https://x/", False),
        ("", "https://x/", False),
    ],
)
def test_what_goes_past_the_proxy(entry: str, url: str, past: bool) -> None:
    """Hosts, domains, ports and networks, as people write them into NO_PROXY; another entry changes nothing."""
    assert one_proxy(PROXY, bypass=("other.example", entry)).of(url) == (None if past else PROXY)


def test_user_and_password_may_hold_any_character() -> None:
    """They are written into the URL as it needs them, and shown by no repr."""
    proxies = one_proxy("https://proxy:3128", "dom\\me@x", "p:/@%ä")
    assert proxies.of("http://x/") == "https://dom%5Cme%40x:p%3A%2F%40%25%C3%A4@proxy:3128"
    assert "me" not in repr(proxies)
    assert "proxy" not in repr(proxies).removeprefix("Proxies")


def test_the_environment_is_read_as_other_programs_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the scheme that is asked for, ALL_PROXY for the rest, a scheme may be missing; credentials stay."""
    monkeypatch.setenv("https_proxy", "http://me:secret@inside:3128")
    monkeypatch.setenv("ALL_PROXY", "outside:8080")
    monkeypatch.setenv("NO_PROXY", "localhost, .example ,")
    proxies = proxies_of_environment()
    assert proxies.of("https://api2.frontapp.com/") == "http://me:secret@inside:3128"
    assert proxies.of("http://api2.frontapp.com/") == "http://outside:8080"
    assert proxies.of("https://front.example/") is None
    assert proxies.bypass == ("localhost", ".example")


@pytest.mark.parametrize("value", ["socks5://canary:1080", "http://canary:port", "http://"])
def test_a_proxy_that_is_no_use_is_refused_by_the_variable_s_name(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Its value may hold a password."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(ValueError) as refused:
        proxies_of_environment()
    assert str(refused.value) == (
        "HTTPS_PROXY must be an http or https URL, such as http://proxy:3128 (front.proxy: environment asks for it)"
    )
