"""What becomes of an operator's wish to settle one record by hand."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Lettered:
    """Its dead letter is acknowledged, and it has settled."""


@dataclass(frozen=True, slots=True)
class NotThisOne:
    """Nothing was done: `why` completes "the record was not settled: ...". To ask here again is of no use."""

    why: str


@dataclass(frozen=True, slots=True)
class NotNow:
    """It is not settled yet, or not by this process: `why` as above, with what to do."""

    why: str


Skipped: TypeAlias = Lettered | NotThisOne | NotNow
