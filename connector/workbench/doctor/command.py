"""The verb `doctor` from its options to its exit code: reads the files, looks, prints while it looks. Changes nothing."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from connector.adapters.workers import Workers
from connector.workbench.doctor import text
from connector.workbench.doctor.configuration import Made, MakeOptions, read
from connector.workbench.doctor.examine import EACH_S, examined
from connector.workbench.doctor.front import Front
from connector.workbench.doctor.kafka import Kafka
from connector.workbench.doctor.plan import Means, checks
from connector.workbench.doctor.reach import WITHIN_S
from connector.workbench.doctor.results import Examined, NotChecked
from connector.workbench.doctor.silent import Heard
from connector.workbench.unusable import EXIT_CONFIG

EXIT_WRONG: Final = 1
_COLOURS: Final[Mapping[text.Mark, str]] = {
    "ok": typer.colors.GREEN,
    "warning": typer.colors.YELLOW,
    "WRONG": typer.colors.RED,
    "not checked": typer.colors.BRIGHT_BLACK,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The verb's options. `ask_front`: show Front a token of each app, by a request that changes nothing."""

    config: Path
    ask_front: bool = False
    as_json: bool = False


def run(asked: Asked, make_options: MakeOptions) -> int:
    """The exit code. `make_options`: the service's own way from settings to its consumer."""
    # A program gets all of it at the end.
    shown = _Lines(silent=asked.as_json)
    first, made = read(asked.config, make_options)
    rest: tuple[Examined, ...]
    shown.tell(first)
    if made is None:
        rest = (Examined("all else", (NotChecked(first.in_the_way or ""),)),)
        shown.tell(rest[0])
    else:
        rest = asyncio.run(_looked(made, asked, shown.tell))
    shown.end()
    found = (first, *rest)
    if asked.as_json:
        typer.echo(json.dumps(text.as_json(found), indent=2, ensure_ascii=False))
    else:
        typer.echo(text.verdict(found))
    if made is None:
        return EXIT_CONFIG
    return EXIT_WRONG if text.first_wrong(found) is not None else 0


async def _looked(made: Made, asked: Asked, tell: Callable[[Examined], None]) -> tuple[Examined, ...]:
    threads, names = Workers("a check", EACH_S, Heard()), Workers("a resolver", WITHIN_S, Heard())
    kafka = Kafka(made.kafka, threads)
    await made.carrier.start()
    try:
        front = Front(made.loaded.settings.front, made.carrier)
        means = Means(made, kafka, front, names, threads)
        return await examined(checks(means, ask_front=asked.ask_front), tell)
    finally:
        await made.carrier.close()
        kafka.close()


class _Lines:
    """Prints what was found as it comes; neighbours that were not checked for the same reason share a line."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent
        self._waiting: list[Examined] = []

    def tell(self, found: Examined) -> None:
        """The next one."""
        if self._waiting and self._waiting[0].results != found.results:
            self.end()
        self._waiting.append(found)
        if not all(isinstance(result, NotChecked) for result in found.results):
            self.end()

    def end(self) -> None:
        """Print what waits for others like it."""
        alike, self._waiting = self._waiting, []
        for mark, line in text.lines(alike) if alike and not self._silent else ():
            # Without a terminal, colours are left out.
            typer.secho(line, fg=_COLOURS[mark])
