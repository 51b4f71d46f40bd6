"""Properties that librdkafka does not take are found by `validate` and before `run` starts anything."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.adapters.kafka import refused
from connector.app import wiring
from connector.cli import app
from connector.demo.estate import Estate
from tests.unit.config_files import CONFIG, folder, loaded


def config(folder: Path, **properties: str) -> Path:
    """A configuration that is right but for these properties."""
    estate = Estate(
        bootstrap="127.0.0.1:1",
        registry_url="http://127.0.0.1:1",
        front_url="http://127.0.0.1:1",
        settings={
            "kafka": {"properties": {name.replace("_", "."): value for name, value in properties.items()}}
        },
    )
    return estate.write(folder)


@pytest.mark.parametrize("verb", ["validate", "run"])
def test_a_misspelt_property_is_said_and_exits_78(tmp_path: Path, verb: str) -> None:
    """The client's own words, behind ours."""
    result = CliRunner().invoke(app, [verb, "--config", str(config(tmp_path, fetch_min_bites="3"))])
    assert result.exit_code == 78
    assert (
        'kafka.properties: librdkafka does not take them: No such configuration property: \\"fetch.min.bites\\"'.replace(
            "\\", "\\" if verb == "run" else ""
        )
        in result.output
    )


def test_a_certificate_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Found without connecting to anybody."""
    found = refused(
        {"security.protocol": "SSL", "ssl.ca.location": str(tmp_path / "missing.pem"), "group.id": "g"}
    )
    assert found is not None
    assert "ssl.ca.location failed" in found


def test_properties_that_are_right_are_taken(tmp_path: Path) -> None:
    """`validate` says valid."""
    result = CliRunner().invoke(app, ["validate", "--config", str(config(tmp_path, fetch_min_bytes="3"))])
    assert (result.exit_code, result.output[:6]) == (0, "valid:")


@pytest.mark.parametrize(
    ("group", "seconds"),
    [
        ("", 15.0),
        ("  group_instance_id: pod-0\n", 45.0),
        ("  group_instance_id: pod-0\n  group_protocol: consumer\n  session_timeout_s: 45\n", 15.0),
    ],
)
def test_reb_19_only_the_heir_of_a_classic_static_member_waits_for_a_session(
    tmp_path: Path, group: str, seconds: float
) -> None:
    """It is let in at once, while the elder's lease may run on; others own a partition only after a silent session."""
    written = CONFIG.replace("  group_id: front\n", f"  group_id: front\n{group}")
    assert wiring.policy(loaded(folder(tmp_path, config=written)).settings).takeover_wait_s == seconds
