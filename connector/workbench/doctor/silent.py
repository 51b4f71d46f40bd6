"""Who hears what the service's own parts tell while they are looked at. Never here: anything that is printed."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from connector.adapters.files import FixedSecret, SecretFile, secret_of


@dataclass(slots=True)
class Heard:
    """`ports.EventLog` that keeps warnings, by their event, for a check to read."""

    warnings: dict[str, dict[str, object]] = field(default_factory=dict)

    def debug(self, event: str, **fields: object) -> None: ...

    def info(self, event: str, **fields: object) -> None: ...

    def warning(self, event: str, **fields: object) -> None:
        """Keep it."""
        self.warnings[event] = fields

    def error(self, event: str, **fields: object) -> None: ...


class _Unobserved:
    """What happens to a secret's file meanwhile is nobody's news."""

    def secret_reloaded(self, path: str) -> None: ...

    def secret_kept(self, path: str, why: str) -> None: ...


def secret(value: SecretStr | None, file: Path | None) -> FixedSecret | SecretFile:
    """A secret from its value or its file, of which one is given. Raises ValueError if the file is no use."""
    return secret_of(value, file, time.monotonic, _Unobserved())
