"""promtool, which tries Prometheus' rules: found on this machine, or unpacked from Debian's package into the tests' cache.

What lives here: finding it and running it. Nothing about our rules.
"""

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.java import Missing, cache

NEEDED = "install prometheus (promtool is part of it), or run where apt-get can download Debian's package"
ANSWER_WITHIN_S = 60.0
_FETCH_WITHIN_S = 240.0


@functools.cache
def find_promtool() -> Path | Missing:
    """The program on the path, else from the cache, else fetched by apt-get; no rights of root are needed. Asked once."""
    installed = shutil.which("promtool")
    if installed is not None:
        return Path(installed)
    program = cache() / "promtool"
    if program.exists():
        return program
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return Missing("no promtool on the path, and no apt-get to fetch it")
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent, prefix=".promtool-") as scratch:
        unpacked = _unpacked(Path(scratch))
        # A rename is whole or not at all, so two runs at once do not meet.
        return unpacked if isinstance(unpacked, Missing) else unpacked.rename(program)


def promtool(program: Path, *arguments: str | Path) -> tuple[int, str]:
    """Run it: exit code, and all that it says."""
    done = _run([program, *arguments], ANSWER_WITHIN_S)
    return done.returncode, done.stdout + done.stderr


def _unpacked(scratch: Path) -> Path | Missing:
    """The program, from the package, somewhere in `scratch`. apt's lists are our own too: the machine's may be old or gone."""
    for name in ("lists/partial", "archives/partial"):
        (scratch / name).mkdir(parents=True)
    places = ("Dir::State::Lists", scratch / "lists"), ("Dir::Cache::Archives", scratch / "archives")
    own = [f"-o{key}={path}" for key, path in places]
    # The file is ours to write; apt's own user may not.
    get = [
        "apt-get",
        "-qq",
        "-oAPT::Sandbox::User=",
        "-oDir::Cache::pkgcache=",
        "-oDir::Cache::srcpkgcache=",
        *own,
    ]
    for command in ([*get, "update"], [*get, "download", "prometheus"]):
        try:
            done = _run(command, _FETCH_WITHIN_S, scratch)
        except subprocess.TimeoutExpired:
            return Missing(f"apt-get did not fetch Debian's prometheus within {_FETCH_WITHIN_S:.0f} s")
        if done.returncode != 0:
            return Missing(f"apt-get could not fetch Debian's prometheus: {done.stderr.strip()[-300:]}")
    (package,) = scratch.glob("prometheus_*.deb")
    _run(["dpkg-deb", "-x", package, scratch / "unpacked"], _FETCH_WITHIN_S).check_returncode()
    return scratch / "unpacked" / "usr" / "bin" / "promtool"


def _run(
    command: Sequence[str | Path], timeout: float, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )
