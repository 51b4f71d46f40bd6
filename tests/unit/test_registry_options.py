"""Settings of the Schema Registry's adapter: what is refused, and what is never shown."""

from pathlib import Path
from typing import Any

import pytest

from connector.adapters.files import FixedSecret
from connector.adapters.registry import BasicAuth, BearerAuth, Registry, RegistryOptions


class StoppedClock:
    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return 0.0

    def jitter(self) -> float:
        return 0.0


class Deaf:
    def registry_request(self, operation: str, status: str, took_s: float) -> None: ...


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"url": "https://me:canary@registry"},
            "the registry's URL holds credentials: give user and password on their own, URLs are logged",
        ),
        ({"url": "registry:8081"}, "the registry's URL must look like https://registry.example:8081"),
        ({"url": "http://r", "timeout_s": 0}, "the registry's timeout_s must be above 0, not 0"),
        (
            {"url": "http://r", "ca_file": Path("absent.pem")},
            "the registry's CA file absent.pem cannot be used: it must exist and be PEM",
        ),
        (
            {"url": "http://r", "client_certificate": (Path("a.pem"), Path("a.key"))},
            "the registry's client certificate a.pem with key a.key cannot be used: it must exist and be PEM",
        ),
    ],
)
def test_wrong_options_are_refused_with_what_to_do(options: dict[str, Any], text: str) -> None:
    """And no credential is repeated."""
    with pytest.raises(ValueError) as refused:
        Registry(RegistryOptions(**options), StoppedClock(), Deaf())
    assert str(refused.value) == text


def test_no_secret_is_shown() -> None:
    """Options appear in logs and errors."""
    secret = FixedSecret("canary")
    for auth in (BasicAuth(user="me", password=secret), BearerAuth(token=secret)):
        options = RegistryOptions(url="http://r", auth=auth, proxy_url="http://u:canary@p")
        assert "canary" not in repr(options) + repr(secret) + str(options)
