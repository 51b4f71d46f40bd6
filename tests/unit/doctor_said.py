"""What the tests of `doctor` share: threads that resolve names, and the words of a result."""

from connector.adapters.workers import Workers
from connector.workbench.doctor.results import Fine, NotChecked, Result, Warn, Wrong
from connector.workbench.doctor.silent import Heard


def names() -> Workers:
    """A resolver's."""
    return Workers("a resolver", 5.0, Heard())


def said(result: Result) -> str:
    """All words of a result."""
    match result:
        case Fine(words) | NotChecked(words):
            return words
        case Warn(words, do) | Wrong(words, do):
            return words if do is None else f"{words} -> {do}"
