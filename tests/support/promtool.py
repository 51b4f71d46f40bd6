"""promtool, which tries Prometheus' rules: found on this machine, or of Debian's package.

What lives here: finding it and running it. Nothing about our rules.
"""

import subprocess
from pathlib import Path

from tests.support.debian import find_programs
from tests.support.java import Missing

NEEDED = "install prometheus (promtool is part of it), or run where apt-get can download Debian's package"
AMTOOL_NEEDED = "install prometheus-alertmanager, or run where apt-get can download Debian's package"
ANSWER_WITHIN_S = 240.0


def find_promtool() -> Path | Missing:
    """The program, beside the prometheus that `find_prometheus` gives: one package has both."""
    found = find_programs("prometheus", "prometheus", "promtool")
    return found if isinstance(found, Missing) else found[1]


def promtool(program: Path, *arguments: str | Path) -> tuple[int, str]:
    """Run it: exit code, and all that it says."""
    done = subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        timeout=ANSWER_WITHIN_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr
