"""Programs of Debian packages that tests run: those on the path, or unpacked into the tests' cache, nothing installed.

What lives here: finding and fetching. What a program is for is the business of who asks (`promtool.py`, `prometheus.py`).
"""

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.java import Missing, cache

_FETCH_WITHIN_S = 240.0


@functools.cache
def find_programs(package: str, *names: str) -> tuple[Path, ...] | Missing:
    """The programs, in the order of `names`: all on the path, else all of the package. Asked once.

    The package is fetched by apt-get into the cache; no rights of root are needed. Blocks up to 4 min the first time.
    """
    installed = tuple(found for found in map(shutil.which, names) if found)
    if len(installed) == len(names):
        return tuple(map(Path, installed))
    place = cache() / f"debian-{package}"
    if not place.is_dir():
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            return Missing(f"no {' and '.join(names)} on the path, and no apt-get to fetch them")
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{package}-") as scratch:
            unpacked = _unpacked(package, Path(scratch))
            if isinstance(unpacked, Missing):
                return unpacked
            try:
                # A rename is whole or not at all, so two runs at once do not meet.
                unpacked.rename(place)
            except OSError:
                # Another run was first; its folder is as good as ours.
                if not place.is_dir():
                    raise
    return tuple(place / "usr" / "bin" / name for name in names)


def _unpacked(package: str, scratch: Path) -> Path | Missing:
    """The package's files, somewhere in `scratch`. apt's lists are our own too: the machine's may be old or gone."""
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
    for command in ([*get, "update"], [*get, "download", package]):
        try:
            done = _run(command, scratch)
        except subprocess.TimeoutExpired:
            return Missing(f"apt-get did not fetch Debian's {package} within {_FETCH_WITHIN_S:.0f} s")
        if done.returncode != 0:
            return Missing(f"apt-get could not fetch Debian's {package}: {done.stderr.strip()[-300:]}")
    (archive,) = scratch.glob(f"{package}_*.deb")
    _run(["dpkg-deb", "-x", archive, scratch / "unpacked"], scratch).check_returncode()
    return scratch / "unpacked"


def _run(command: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_FETCH_WITHIN_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
