"""The way to the status page: on the pod's loopback, so the chart opens nothing for it and only says how to get there."""

from typing import Any

import pytest

from tests.chart.rendering import render


@pytest.mark.parametrize(
    ("config", "port"),
    [
        ({}, 8083),
        ({"telemetry": {"port": 9090}}, 9093),
        ({"admin": {"port": 7000}}, 7000),
        ({"admin": None}, 8083),
    ],
)
def test_the_notes_lead_to_the_status_page(config: dict[str, Any], port: int) -> None:
    """At the port that the connector derives; no object of the chart opens it to anybody."""
    values = {"config": config}
    notes = next(text for file, text in render(values).items() if file.endswith("NOTES.txt"))
    assert f"port-forward deploy/demo-front-connector 8083:{port}\n" in notes
    assert f"ontainerPort: {port}" not in str(render(values))


def test_the_status_page_has_a_port_that_can_be_named() -> None:
    """Whoever forwards it must know which one it is."""
    with pytest.raises(Exception, match="admin"):
        render({"config": {"admin": {"port": 0}}})
