"""What an operation's fields surely refuse: a sample of each kind of value, and the complaints that are about kinds.

A body is built with samples in place of expressions; whatever then is wrong with a value's kind is wrong for every record.
"""

from dataclasses import dataclass
from typing import Final

from connector.core.expression.types import Dyn, ListOf, MapOf, OneOf, Record, Scalar, Type
from connector.core.expression.values import Kind


@dataclass(frozen=True, slots=True)
class _Open:
    """Stands for what an expression will give, of which too little is known."""


OPEN: Final = _Open()
# None of these is refused for what it says: an int is a time in milliseconds, and the complaint about seconds is another.
_SAMPLES: Final[dict[Kind, object]] = {
    "bool": True,
    "int": 1_700_000_000_000,
    "double": 1_700_000_000_000.5,
    "string": "text",
    "bytes": b"bytes",
}
_DEPTH_MAX: Final = 6


def sample(kind: Type, depth: int = 0) -> object:
    """A value of this type, with `Open` where nothing is known or several kinds are possible."""
    if depth > _DEPTH_MAX:  # a record may contain itself
        return OPEN
    match kind:
        case Scalar(name, _):
            return _SAMPLES[name]
        case ListOf(item):
            return [sample(item, depth + 1)]
        case Record(_, fields):
            return {name: sample(each.type, depth + 1) for name, each in fields.items()}
        case Dyn() | OneOf() | MapOf():
            return OPEN


_REFUSALS: Final = frozenset({
    "must be a string", "must be true or false", "must be bytes", "must be a list", "must be an object",
    "must be a finite number", "must be whole seconds since 1970, as an integer",
})  # fmt: skip


def refuses_kind(message: str, given: object) -> bool:
    """Whether an operation's complaint is about the kind of a sample, so that every record's value would be refused.

    `given`: the sample at the place that is complained of; None: there is none.
    """
    if given is None or given == OPEN:
        return False
    return message in _REFUSALS or (message.startswith("must be '") and not isinstance(given, str))
