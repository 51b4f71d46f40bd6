"""The process's secrets: made in one place, so that it is known whether every file of theirs was of use when last read."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import SecretStr

from connector.adapters.files import FixedSecret, SecretFile, secret_of
from connector.adapters.tls import TlsContext
from connector.adapters.tls_files import TlsFiles
from connector.ports import Clock, EventLog


class Secrets:
    """Makes secrets from settings, and tells the log what happens to their files (`files.SecretFileObserver`)."""

    def __init__(self, clock: Clock, log: EventLog) -> None:
        self._clock = clock
        self._log = log
        self._files: dict[str, bool] = {}
        self._tls: list[TlsFiles] = []
        self._tls_files: dict[str, bool] = {}

    def __call__(self, value: SecretStr | None, file: Path | None) -> FixedSecret | SecretFile:
        """A secret by its value or its file, of which one is given. Raises `SecretFileError` if the file is no use."""
        secret = secret_of(value, file, self._clock.monotonic, self)
        if file is not None:
            self._files[str(file)] = True
        return secret

    def tls(self, make: TlsContext, files: Sequence[Path]) -> TlsContext:
        """A TLS context that follows its files. Raises ValueError if one is no use. Implements `WatchTls`."""
        watched = TlsFiles(make, files, self._clock.monotonic, self)
        self._tls.append(watched)
        if files:
            self._tls_files[_key(map(str, files))] = True
        return watched

    def look_now(self) -> None:
        """Look at certificates with their next use, whenever the last look was."""
        for watched in self._tls:
            watched.look_now()

    @property
    def tls_reloaded_all(self) -> bool | None:
        """Whether certificates and keys were of use when last read; None: none lie in files."""
        return all(self._tls_files.values()) if self._tls_files else None

    def tls_reloaded(self, paths: Sequence[str]) -> None:
        """Others are in use."""
        self._tls_files[_key(paths)] = True
        self._log.info("config.reloaded", kind="ca", path=_key(paths))

    def tls_kept(self, paths: Sequence[str], why: str) -> None:
        """They became useless."""
        self._tls_files[_key(paths)] = False
        self._log.error("config.reload.failed", kind="ca", path=_key(paths), why=why)

    @property
    def reloaded(self) -> bool | None:
        """Whether every file was of use when it was last read; None: no secret lies in one."""
        return all(self._files.values()) if self._files else None

    def secret_reloaded(self, path: str) -> None:
        """A rotation."""
        self._files[path] = True
        self._log.info("config.reloaded", kind="secret", path=path)

    def secret_kept(self, path: str, why: str) -> None:
        """A file that became useless."""
        self._files[path] = False
        self._log.error("config.reload.failed", kind="secret", path=path, why=why)


def _key(paths: Iterable[str]) -> str:
    return ", ".join(paths)
