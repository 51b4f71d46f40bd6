"""The end of a sentence about a name that does not exist: the one that was probably meant, or what there is."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

SHOWN_MAX: Final = 12
"""Names that are listed when none is near."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """`: did you mean 'name'?`. Case and underscores do not count: callId is near call_id."""
    names = sorted(known)
    plain: dict[str, str] = {_plain(each): each for each in reversed(names)}
    near = get_close_matches(_plain(name), plain, n=1, cutoff=0.7)
    if near:
        return f": did you mean {plain[near[0]]!r}?"
    if not names:
        return "; it has none"
    more = f" and {len(names) - SHOWN_MAX} more" if len(names) > SHOWN_MAX else ""
    return f"; there are {', '.join(names[:SHOWN_MAX])}{more}"


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
