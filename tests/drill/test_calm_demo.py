"""The demo without faults, seen by the same rules: no alert has anything to say.

Apart from the drill, whose calm stages are built for their faults: this is what a newcomer sees who adds the rules.
"""

import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.drill.drill import PREFIX, RULES
from tests.drill.scaled import scaled
from tests.drill.stage import Sleeper
from tests.drill.test_drill import BUSY_S, OF_A_BUSY_MACHINE, UNSCALED
from tests.support.kafka import free_ports
from tests.support.process import Guarded
from tests.support.prometheus import Prometheus, Target
from tests.support.service import eventually

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(600)]

PACE = 60
LOOKED_FOR_S = 30.0
"""Half an hour of the rules' own times."""


def test_a_calm_demo_makes_no_alert_fire(prometheus_program: Path, tmp_path: Path) -> None:
    """From its first accepted record on, half a minute at a sixtieth of all times."""
    [port] = free_ports(1)
    options = ["--calm", "--live", "--records", "2000", "--metrics-port", str(port)]
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(scaled(RULES, PACE)), "utf-8")
    demo = Guarded([sys.executable, "-m", "connector", "demo", *options], log=tmp_path / "demo.log")
    target = Target(address=f"127.0.0.1:{port}")
    fired: set[str] = set()
    accepted = 'front_connector_records_processed_total{outcome="accepted"}'
    try:
        with Prometheus(prometheus_program, tmp_path / "own", targets=[target]) as finding:
            found = f"sum({accepted}) > 0"
            eventually(lambda: bool(finding.query(found)), 180, "an accepted record")
        with (
            Prometheus(prometheus_program, tmp_path / "looks", targets=[target], rules=rules) as prometheus,
            Sleeper() as sleeper,
        ):
            prometheus.wait_scraped()
            # A Prometheus that has not found its targets yet says that they are down.
            eventually(lambda: not prometheus.firing(), 60, "a first look at the demo")
            until = time.monotonic() + LOOKED_FOR_S
            while time.monotonic() < until:
                fired |= {name.removeprefix(PREFIX) for name in prometheus.firing()}
                time.sleep(0.2)
            assert prometheus.query(f"sum(increase({accepted}[20s])) > 0"), "the demo went on meanwhile"
            due = UNSCALED.keys() | (OF_A_BUSY_MACHINE if sleeper.late_s > BUSY_S else set())
    finally:
        demo.kill()
    assert fired <= due
