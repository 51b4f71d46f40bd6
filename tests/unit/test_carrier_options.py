"""Settings of the carriers of requests: what is refused, and with which words."""

from pathlib import Path

import pytest

from connector.adapters.front.carrier import CarrierOptions
from tests.support.carriers import CARRIERS, Make


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
