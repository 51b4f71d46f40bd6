"""What tests take from npm: installed as a lock file pins it, into the cache of the tests, once.

What lives here: the installing. What is installed, and for what, is the business of who asks.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.java import Missing, cache

INSTALL_WITHIN_S = 180.0


def installed(locked: Path, program: str) -> Path | Missing:
    """The file `program` below `node_modules`, from `package-lock.json` in `locked`. Blocks on npm the first time."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return Missing("no node and npm on the path")
    lock = (locked / "package-lock.json").read_bytes()
    place = cache() / f"{locked.name}-{hashlib.sha256(lock).hexdigest()[:12]}"
    wanted = place / "node_modules" / program
    if wanted.exists():
        return wanted
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{locked.name}-") as scratch:
        folder = Path(scratch, "installed")
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(locked / name, folder / name)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=False
        )
        if done.returncode != 0:
            return Missing(f"npm could not install {locked.name}'s packages: {done.stderr.strip()[-300:]}")
        try:
            folder.rename(place)
        except OSError:
            # Another run was first; its folder is as good as ours.
            if not wanted.exists():
                raise
    return wanted
