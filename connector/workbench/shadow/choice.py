"""What a user asked `shadow` to read, as texts and numbers -> which records, or what is wrong with it. Reads nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime

from connector.adapters.kafka.reading import Last, Window
from connector.workbench.shadow.run import Options

LAST = 10_000
"""Records of each topic that are compared when nothing else is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options as they were given; None: not given."""

    last: int | None = None
    from_: str | None = None
    to: str | None = None
    topics: tuple[str, ...] = ()
    dead_letters: bool = False
    samples: int = 3


@dataclass(frozen=True, slots=True)
class BadChoice:
    """Why it cannot be read so; one sentence."""

    why: str


def chosen(asked: Asked) -> Options | BadChoice:
    """The choice, in numbers and in words."""
    if asked.last is not None and (asked.from_ or asked.to):
        return BadChoice("--last and --from/--to choose records in two ways: give one of them")
    if asked.to and not asked.from_:
        return BadChoice("--to needs --from: where does the window begin?")
    times = [None if text is None else _milliseconds(text) for text in (asked.from_, asked.to)]
    for name, text, time in zip(("--from", "--to"), (asked.from_, asked.to), times, strict=True):
        if text is not None and time is None:
            return BadChoice(
                f"{name} {text}: give a time as 2026-01-31T12:00:00Z, 2026-01-31 or milliseconds since 1970"
            )
    begin, end = times
    if begin is not None and end is not None and begin >= end:
        return BadChoice("--from must be before --to")
    selection = Last(asked.last or LAST) if begin is None else Window(begin, end)
    return Options(
        selection=selection,
        described=_described(selection, asked),
        topics=asked.topics,
        dead_letters=asked.dead_letters,
        samples_each=asked.samples,
    )


def _described(selection: Last | Window, asked: Asked) -> str:
    what = "dead letters" if asked.dead_letters else "records"
    match selection:
        case Last(records=records):
            words = f"the last {records:,} {what}"
        case Window(from_ms=from_ms, to_ms=to_ms):
            words = f"{what} from {_utc(from_ms)}" + ("" if to_ms is None else f" to before {_utc(to_ms)}")
    if asked.topics:
        return f"{words} of {', '.join(asked.topics)}"
    return words if asked.dead_letters else f"{words} of each topic"


def _milliseconds(text: str) -> int | None:
    """Milliseconds since 1970, or ISO 8601; without a zone it is UTC."""
    if text.isascii() and text.isdigit() and len(text) > 9:
        return int(text) if len(text) < 16 else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _utc(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
