"""The benchmark runs from end to end, in a scenario too small to say anything of speed."""

import sys
from pathlib import Path

import pytest

from tests.benchmark.throughput import Scenario, run, table


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="CPU is read from /proc")
def test_connector_and_serial_loop_run_against_the_same_sink(tmp_path: Path) -> None:
    """One tiny round of each, from produced record to answered request, ends in a table with all of them."""
    rows = run(Scenario(0.001, 8, {"aiohttp": 30, "serial": 30}, rounds=1), tmp_path)
    assert [row.name for row in rows] == ["bare sockets", "aiohttp", "serial"]
    assert all(row.records_per_s > 0 for row in rows)
    assert "8 in flight, 1 ms" in table(rows, at_once=1000.0)
