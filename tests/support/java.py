"""Java and Maven on this machine, and the jars that tests run with them.

What lives here: finding a Java that is new enough, fetching what a pom names into a cache outside the work
tree, and the flags every JVM of the tests is started with. What the jars are for is the business of
`kafka.py`, `registry.py` and `witness.py`.
"""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

POMS = Path(__file__).parent / "jvm"
# Not FRONT_CONNECTOR_…: the connector under test would refuse it as a setting that it does not know.
CACHE_ENV = "CONNECTOR_TEST_CACHE"
OLDEST_JAVA = 17
FETCH_WITHIN_S = 540

# C1 only, no parallel collector: a test's JVM lives for seconds, beside others, on few cores.
JVM_FLAGS = ("-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

Goal: TypeAlias = Literal["copy-dependencies", "unpack"]


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that tests could use is not on this machine; `reason` is one clause, for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Java:
    """The two programs that everything here needs."""

    java: Path
    maven: Path


@functools.cache
def find_java() -> Java | Missing:
    """Java 17 or newer, from JAVA_HOME or the path, and Maven. Asked of the machine once."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if java is None:
        return Missing("no java on the path")
    try:
        said = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=20, check=False
        ).stderr
    except OSError as error:
        return Missing(f"{java} does not start ({error.strerror})")
    version = re.search(r'version "(\d+)', said)
    if version is None:
        return Missing(f"{java} does not tell its version")
    if int(version[1]) < OLDEST_JAVA:
        return Missing(f"{java} is Java {version[1]}, older than {OLDEST_JAVA}")
    maven = shutil.which("mvn")
    if maven is None:
        return Missing("no mvn on the path")
    return Java(Path(java), Path(maven))


@functools.cache
def fetch(name: str, goal: Goal) -> Path | Missing:
    """The folder with what `jvm/<name>/pom.xml` names, from the cache or else fetched into it by Maven.

    The cache is keyed by the pom's hash, so a changed pin is a new folder. It appears by one rename: a folder
    that is there is complete, and two runs at once do not meet. Blocks up to `FETCH_WITHIN_S` seconds the
    first time.
    """
    java = find_java()
    if isinstance(java, Missing):
        return java
    pom = POMS / name / "pom.xml"
    place = cache() / f"{name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{name}-") as scratch:
        fetched = Path(scratch, "fetched")
        command = [str(java.maven), "-q", "-B", "-f", str(pom), f"dependency:{goal}"]
        try:
            done = subprocess.run(
                [*command, f"-DoutputDirectory={fetched}"],
                capture_output=True,
                text=True,
                timeout=FETCH_WITHIN_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Missing(f"Maven did not fetch the jars of {name} within {FETCH_WITHIN_S} s")
        if done.returncode != 0:
            return Missing(f"Maven could not fetch the jars of {name}: {_first_error(done.stdout)}")
        try:
            fetched.rename(place)
        except OSError:
            # Another run was first; its folder is as good as ours.
            if not place.is_dir():
                raise
    return place


def cache() -> Path:
    """Where what tests fetch is kept, outside the work tree."""
    named = os.environ.get(CACHE_ENV)
    return Path(named) if named else Path.home() / ".cache" / "front-connector" / "tests"


def _first_error(output: str) -> str:
    errors = (line for line in output.splitlines() if "[ERROR]" in line)
    return next(errors, "it gave no reason").split("[ERROR]", 1)[-1].strip()[:300]
