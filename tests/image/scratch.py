"""A root of its own in which the Dockerfile's steps really run, as root and later as the image's user.

What lives here: a folder laid out as the base image is (Python under /usr/local, this machine's system read-only below
it), and processes in it: own mounts, own process numbers, nothing of our environment. Not an engine: layers, digests and
the base's own Debian are not tried here, and what the base holds is stood in for by a Python of this machine.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.java import Missing

USER = 65532
TOOLS = ("unshare", "mount", "chroot", "setpriv", "env", "sh")
# The index, its proxy and its certificates are the machine's own affair; a build is given them, a running image is not.
REGISTRY: tuple[str, ...] = (
    "PIP_INDEX_URL",
    "PIP_CERT",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
REGISTRY += ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
ETC = ("resolv.conf", "hosts", "nsswitch.conf", "ssl", "ld.so.cache", "pip.conf", "uv")
DEVICES = ("null", "zero", "random", "urandom")
# Of the base image's own ENV. The last: Debian's loader knows /usr/local/lib by its cache, this machine's does not.
BASE_ENV = {
    "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "LD_LIBRARY_PATH": "/usr/local/lib",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine has: a Python that can be copied, and the programs that make a root of one's own."""

    python: Path
    version: str
    tools: Mapping[str, str]


@functools.cache
def find_machine(minor: str) -> Machine | Missing:
    """A machine that may do it, with Python `minor` (as "3.12") if it has one, else with the one that runs the tests."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return Missing("only root on Linux may change its root")
    tools = {name: shutil.which(name, path=BASE_ENV["PATH"]) for name in TOOLS}
    if absent := [name for name, path in tools.items() if path is None]:
        return Missing(f"no {', '.join(absent)} on the path")
    found = {name: path for name, path in tools.items() if path}
    tried = subprocess.run(
        [
            found["unshare"],
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            found["mount"],
            "--bind",
            "/mnt",
            "/mnt",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        return Missing(f"it may not mount ({tried.stderr.strip()})")
    for prefix in _prefixes(minor):
        version = prefix.name if prefix != Path(sys.base_prefix) else ".".join(map(str, sys.version_info[:3]))
        if list(prefix.glob("lib/python3.*/site-packages/pip")) and prefix != Path("/usr"):
            return Machine(prefix, version, found)
    return Missing("no Python with pip and a prefix of its own")


def _prefixes(minor: str) -> list[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions").glob(f"{minor}.*")
    return [*sorted(pyenv, reverse=True), Path(sys.base_prefix)]


class Scratch:
    """One root. `folder` is what it is made of; nothing is mounted but in the processes that run in it."""

    def __init__(self, folder: Path, machine: Machine, cache: Path) -> None:
        """`cache` is what uv keeps of an index, shared with other runs."""
        self.root, self._machine, self._cache = folder / "root", machine, cache
        self._local = folder / "local"
        self._local.mkdir(parents=True)
        for name in ("bin", "lib"):
            shutil.copytree(machine.python / name, self._local / name, symlinks=True, ignore=_not_of_the_base)
        for name in ("usr", "proc", "dev/shm", "opt", "src", "etc", "root/.cache/uv", "var/tmp"):
            (self.root / name).mkdir(parents=True)
        for name in ("tmp", "dev/shm"):
            (self.root / name).mkdir(exist_ok=True)
            (self.root / name).chmod(0o1777)
        for name in DEVICES:
            (self.root / "dev" / name).touch()
        for name in ("bin", "sbin", "lib", "lib64"):
            if Path("/", name).is_symlink():
                (self.root / name).symlink_to(Path("/", name).readlink())
        for name in ETC:
            _copied(Path("/etc", name), self.root / "etc" / name)

    def path(self, inside: str) -> Path:
        """Where an absolute path of the image lies here."""
        below = Path(inside).relative_to("/")
        local = Path("usr/local")
        return self._local / below.relative_to(local) if below.is_relative_to(local) else self.root / below

    def build(self, step: str, environment: Mapping[str, str], directory: str) -> None:
        """A RUN step: by the shell, as root. Raises AssertionError with what it said."""
        given = {name: os.environ[name] for name in REGISTRY if name in os.environ}
        done = subprocess.run(
            self._command(("/bin/sh", "-c", step), directory, root=True),
            env={**given, **environment, "HOME": "/root"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{step}\nended with {done.returncode}\n{done.stdout}{done.stderr}"

    def command(self, words: Sequence[str], directory: str) -> list[str]:
        """A program of the image as its user, on a root that is read-only but for /tmp, as process 1, without rights."""
        return self._command(words, directory, root=False)

    def _command(self, words: Sequence[str], directory: str, *, root: bool) -> list[str]:
        tool = self._machine.tools
        mount, made = tool["mount"], self.root
        script = [
            f"{mount} --bind {made} {made}",
            f"{mount} --bind -o ro /usr {made}/usr",
            f"{mount} --bind {self._local} {made}/usr/local",
            f"{mount} -t proc proc {made}/proc",
            *(f"{mount} --bind /dev/{name} {made}/dev/{name}" for name in DEVICES),
        ]
        if root:
            script.append(f"{mount} --bind {self._cache} {made}/root/.cache/uv")
            become: tuple[str, ...] = ()
        else:
            script += [
                f"{mount} -t tmpfs -o mode=1777,nosuid,nodev tmpfs {made}/tmp",
                f"{mount} -o remount,bind,ro {made}/usr/local",
                f"{mount} -o remount,bind,ro {made}",
            ]
            become = (tool["setpriv"], f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
            # Whom the system kills for the end of its parent it forgets when its user changes: said once more.
            become += ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--pdeathsig=KILL")
        script.append(f'exec {tool["chroot"]} {made} "$@"')
        inner = (tool["sh"], "-euc", "\n".join(script), "sh", *become, tool["env"], "-C", directory, *words)
        # --kill-child: none outlives the program that started it.
        outer = (tool["unshare"], "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child")
        return [*outer, *inner]


def _not_of_the_base(_folder: str, names: list[str]) -> set[str]:
    """What a slim Python has not, and what somebody has installed into this machine's."""
    out = {"test", "idlelib", "lib2to3", "tkinter", "turtledemo", "pkgconfig"}
    out |= {name for name in names if name.startswith("config-") or name.endswith(".a")}
    if Path(_folder).name == "site-packages":
        out |= {name for name in names if name != "pip" and not name.startswith("pip-")}
    return out & set(names)


def _copied(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copy(source, target)
