"""What a check finds: a closed union. Values only; their words are sentences for people, without secrets and payloads."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Fine:
    """As it should be. `said`: what is there."""

    said: str


@dataclass(frozen=True, slots=True)
class Warn:
    """The service runs, and something is hardly meant, or will hurt later. `do`: None where `said` tells it already."""

    said: str
    do: str | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """The service would not start, or records would wait. `do`: None where `said` tells it already."""

    said: str
    do: str | None = None


@dataclass(frozen=True, slots=True)
class NotChecked:
    """Nothing is known. `because`: what is in the way."""

    because: str


Result: TypeAlias = Fine | Warn | Wrong | NotChecked


@dataclass(frozen=True, slots=True)
class Examined:
    """What one check found: at least one result."""

    name: str
    results: tuple[Result, ...]

    @property
    def in_the_way(self) -> str | None:
        """Why nothing can be built on it: `because` of whoever needs it; None if all is fine enough."""
        if any(isinstance(result, Wrong) for result in self.results):
            return f"{self.name} is wrong"
        return next((result.because for result in self.results if isinstance(result, NotChecked)), None)
