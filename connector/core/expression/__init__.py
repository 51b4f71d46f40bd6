"""The language of mapping files: CEL inside `${...}`, compiled once and evaluated for every record.

How a text becomes a value: `text` cuts it into literals and expressions; `paths` takes the plain ones; for the others
`engine` has Google's CEL parse and type-check them, `tree` reads the checked tree and `generate` writes Python from it.
Google's own evaluator never meets a record: docs/decisions/expressions.md says why.
"""

from connector.core.expression.language import Language, Template
from connector.core.expression.values import (
    ABSENT,
    WORK,
    Absent,
    BudgetExceeded,
    EvaluationError,
    NoSuchKey,
    Problem,
    Work,
)

__all__ = [
    "ABSENT",
    "WORK",
    "Absent",
    "BudgetExceeded",
    "EvaluationError",
    "Language",
    "NoSuchKey",
    "Problem",
    "Template",
    "Work",
]
