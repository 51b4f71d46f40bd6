"""Which records go which way, for calls and messages: an enum, a text or a flag of the schema becomes a condition."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from connector.workbench.new import words as names
from connector.workbench.new.fields import Field, words
from connector.workbench.new.guess import MAYBE, Found, Guess, Guesser, quoted, sorted_symbols
from connector.workbench.new.parts import TEXT_ONLY, Source, best_enum

Direction: TypeAlias = Literal["inbound", "outbound"]

_BOTH: Final[tuple[Direction, Direction]] = ("inbound", "outbound")
_TABLE: Final = {"inbound": tuple(sorted(names.INBOUND)), "outbound": tuple(sorted(names.OUTBOUND))}
_MADE_UP: Final = ("inbound", "INBOUND", "incoming", "outbound", "OUTBOUND", "outgoing")


@dataclass(frozen=True, slots=True)
class Side:
    """One direction. `condition` holds for its records, of which a made-up one has `sample`; `todo` is to be looked at."""

    direction: Direction
    condition: str
    found: Found
    sample: object
    todo: str = ""

    def taken_by(self, guesser: Guesser) -> None:
        """The rule is for these records only."""
        guesser.samples[self.found.field.path] = self.sample
        guesser.taken.add(self.found.field.path)
        guesser.guesses.append(Guess("when", self.condition, self.found.confidence, self.todo))


def sides_of(source: Source) -> tuple[Side, ...]:
    """The directions that the schema tells apart; none if it tells nothing. What fits neither is named in the first."""
    guesser = Guesser(source.fields)
    found = best_enum(guesser, names.DIRECTION, _TABLE)
    if found is not None:
        return _by_value(found, found.field.symbols)
    flag = next((each for each in source.fields if each.kind == "bool" and _flagged(each)), None)
    if flag is not None:
        return _by_flag(flag)
    # A date or a UUID is text to expressions, and says no direction.
    plain = [
        each for each in source.fields if not (isinstance(each.schema, dict) and "logicalType" in each.schema)
    ]
    text = Guesser(plain).find(names.DIRECTION, TEXT_ONLY)
    if text is not None and "direction" in words(text.field.path[-1]):
        return _by_value(text.at_most(MAYBE), ())
    return ()


def _by_value(found: Found, symbols: tuple[str, ...]) -> tuple[Side, ...]:
    each = found.field
    known, rest = sorted_symbols(symbols or _MADE_UP, _TABLE)
    value = f'{each.maybe}.orValue("")' if each.optional else each.code
    sides: list[Side] = []
    for direction in _BOTH:
        own = [symbol for symbol, word in known.items() if word == direction]
        if not own:
            continue
        listed = ", ".join(map(quoted, own))
        test = f"{value} == {listed}" if len(own) == 1 else f"{value} in [{listed}]"
        todo = "" if found.confidence == "likely" or not symbols else "a guess"
        if not symbols:
            todo = "the schema does not say which values there are: these are made up"
        elif rest and not sides:
            todo = "; ".join(filter(None, (todo, f"in no rule, and so dead letters: {', '.join(rest)}")))
        sides.append(Side(direction, test, found, own[0], todo))
    return tuple(sides)


def _by_flag(flag: Field) -> tuple[Side, ...]:
    inbound = bool(set(words(flag.path[-1])) & {"inbound", "incoming"})
    first, second = _BOTH if inbound else _BOTH[::-1]
    value = f"{flag.maybe}.orValue(false)" if flag.optional else flag.code
    found = Found(flag, 100)
    return Side(first, value, found, True), Side(second, f"!{value}", found, False)


def _flagged(field: Field) -> bool:
    return bool(set(words(field.path[-1])) & {"inbound", "incoming", "outbound", "outgoing"})
