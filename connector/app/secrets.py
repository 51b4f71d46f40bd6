"""The process's secrets: made in one place, so that it is known whether every file of theirs was of use when last read."""

from pathlib import Path

from pydantic import SecretStr

from connector.adapters.files import FixedSecret, SecretFile, secret_of
from connector.ports import Clock, EventLog


class Secrets:
    """Makes secrets from settings, and tells the log what happens to their files (`files.SecretFileObserver`)."""

    def __init__(self, clock: Clock, log: EventLog) -> None:
        self._clock = clock
        self._log = log
        self._files: dict[str, bool] = {}

    def __call__(self, value: SecretStr | None, file: Path | None) -> FixedSecret | SecretFile:
        """A secret by its value or its file, of which one is given. Raises `SecretFileError` if the file is no use."""
        secret = secret_of(value, file, self._clock.monotonic, self)
        if file is not None:
            self._files[str(file)] = True
        return secret

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
