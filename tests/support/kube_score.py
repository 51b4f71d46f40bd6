"""kube-score, which looks for what a cluster's people would criticise: built once into the tests' cache with Go's own client.

What lives here: finding it and running it. Which findings we do not share is the business of who asks.
"""

import functools
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.support.java import Missing, cache

VERSION = "v1.20.0"
MODULE = "github.com/zegl/kube-score/cmd/kube-score"
NEEDED = f"install Go, and let it fetch {MODULE} from its module proxy"
_BUILD_WITHIN_S = 280.0
_ANSWER_WITHIN_S = 60.0
_SCORED, _SCORED_WITH_FINDINGS = 0, 1


@functools.cache
def find_kube_score() -> Path | Missing:
    """The program of this version from the cache, else built. A minute the first time."""
    program = cache() / f"kube-score-{VERSION}"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        return Missing("no go on the path")
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent, prefix=".kube-score-") as scratch:
        try:
            done = subprocess.run(
                [go, "install", f"{MODULE}@{VERSION}"],
                env={**os.environ, "GOBIN": scratch, "GOFLAGS": "", "CGO_ENABLED": "0"},
                cwd=scratch,
                capture_output=True,
                text=True,
                timeout=_BUILD_WITHIN_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return Missing(f"go did not build kube-score within {_BUILD_WITHIN_S:.0f} s")
        if done.returncode != 0:
            return Missing(f"go could not build kube-score: {done.stderr.strip()[-300:]}")
        # A rename is whole or not at all, so two runs at once do not meet.
        return Path(scratch, "kube-score").rename(program)


def score(program: Path, manifests: str, *arguments: str) -> list[dict[str, Any]]:
    """What it says of each object of the YAML documents in `manifests`, as its own JSON."""
    done = subprocess.run(
        [program, "score", "--output-format", "json", *arguments, "-"],
        input=manifests,
        capture_output=True,
        text=True,
        timeout=_ANSWER_WITHIN_S,
        check=False,
    )
    assert done.returncode in (_SCORED, _SCORED_WITH_FINDINGS), done.stderr
    read: list[dict[str, Any]] = json.loads(done.stdout)
    return read
