"""`make grafana`: the real Grafana with the chart's dashboard, a Prometheus beside it, and the demo that both look at.

What lives here: whether a Docker engine answers, and the order of starting and stopping. What runs is said by
examples/grafana/compose.yaml.
"""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "examples" / "grafana" / "compose.yaml"
METRICS_PORT = 9464
DEMO = ("-m", "connector", "demo", "--live", "--records", "20000", "--metrics-port", str(METRICS_PORT))
ADDRESS = "http://127.0.0.1:3000/d/front-connector?var-namespace=demo&var-job=front-connector&from=now-15m&refresh=5s"
EXIT_UNAVAILABLE = 69

_ANSWER_WITHIN_S = 30.0


def main(demo: Sequence[str] = DEMO) -> int:
    """Start both, run the demo until it ends or Ctrl-C, stop both. The demo's exit code; 69 where no engine answers."""
    why = missing()
    if why is not None:
        print(
            f"make grafana needs Docker with its compose plugin, and here {why}. Without it: docs/dashboard.md says how to "
            "load the dashboard into a Grafana that you have.",
            file=sys.stderr,
        )
        return EXIT_UNAVAILABLE
    compose = ("docker", "compose", "--file", str(COMPOSE))
    started = subprocess.run([*compose, "up", "--detach"], check=False)
    try:
        if started.returncode != 0:
            return started.returncode
        print(f"the dashboard, in a few seconds: {ADDRESS}", flush=True)
        return _run_demo(demo)
    finally:
        subprocess.run([*compose, "down", "--volumes"], check=False)


def missing() -> str | None:
    """Why no engine can be used, as a clause; None if one answers."""
    if shutil.which("docker") is None:
        return "no docker is on the path"
    for question, clause in (
        (("docker", "version", "--format", "{{.Server.Version}}"), "no engine answers"),
        (("docker", "compose", "version"), "docker has no compose plugin"),
    ):
        try:
            asked = subprocess.run(
                question, capture_output=True, text=True, timeout=_ANSWER_WITHIN_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"{clause} within {_ANSWER_WITHIN_S:.0f} s"
        if asked.returncode != 0:
            said = asked.stderr.strip().splitlines()
            return f"{clause} ({said[-1]})" if said else clause
    return None


def _run_demo(arguments: Sequence[str]) -> int:
    with subprocess.Popen([sys.executable, *arguments], cwd=ROOT) as demo:
        # Ctrl-C reaches the demo too, which ends in order: we wait for it, and then stop what we started.
        with contextlib.suppress(KeyboardInterrupt):
            return demo.wait()
        return demo.wait()


if __name__ == "__main__":
    sys.exit(main())
