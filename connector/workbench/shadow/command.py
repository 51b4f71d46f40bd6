"""The verb `shadow` from its options to its exit code: loads both versions, shows progress, prints and writes the report.

Raises `Unusable` for options that cannot be followed, and for a Kafka or a registry that cannot be asked.
"""

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connector.adapters.kafka.reading import CannotRead
from connector.config import Problems, load
from connector.ports import RestartNeeded
from connector.workbench.bounded import BoundedCalls
from connector.workbench.registry_schemas import NoSchemas, RegistrySchemas
from connector.workbench.shadow.choice import Asked, BadChoice, chosen
from connector.workbench.shadow.html import as_html
from connector.workbench.shadow.json import as_json
from connector.workbench.shadow.report import Report
from connector.workbench.shadow.run import Options, Sides, load_against, shadow
from connector.workbench.shadow.text import print_report
from connector.workbench.sources import reader, unusable
from connector.workbench.unusable import EXIT_CONFIG, EXIT_UNAVAILABLE, Unusable

WIDTH = 120
"""Columns of a report that goes into a file or a pipe."""

EXIT_DIFFERENT = 1
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """How the report is given. `html`: a file to write it to as well."""

    show_values: bool
    html: Path | None
    json: bool


def run(config: Path, against: Path, asked: Asked, pages: Pages) -> int | Problems:
    """The exit code; `Problems` if one of the versions is not valid."""
    options = chosen(asked)
    if isinstance(options, BadChoice):
        raise Unusable(options.why)
    if pages.html is not None and not pages.html.parent.is_dir():
        raise Unusable(f"--html: there is no folder {pages.html.parent}")
    versions = []
    for loaded in (load(config), load_against(config, against)):
        if isinstance(loaded, Problems):
            return loaded
        versions.append(loaded)
    new, old = versions
    sides = Sides(old, new, str(against), str(config))
    unknown = sides.unknown(options.topics)
    if unknown is not None:
        raise Unusable(f"--topic: {unknown}")
    return _give(_compared(sides, options), pages)


def _compared(sides: Sides, options: Options) -> Report:
    bar = Progress(
        TextColumn("comparing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    settings = sides.new.settings
    with ExitStack() as opened:
        try:
            source = opened.enter_context(reader(settings))
            schemas = opened.enter_context(RegistrySchemas(settings.registry))
        except ValueError as why:
            raise Unusable(f"invalid configuration: {why}", EXIT_CONFIG) from None
        calls = opened.enter_context(BoundedCalls(settings.mappings.mapper_timeout_s))
        task = opened.enter_context(bar).add_task("comparing", total=None)
        try:
            return shadow(
                sides, options, source, schemas, calls,
                lambda done, total: bar.update(task, completed=done, total=total),
            )  # fmt: skip
        except CannotRead as why:
            raise unusable(why) from None
        except NoSchemas as why:
            raise Unusable(str(why), EXIT_UNAVAILABLE) from None
        except RestartNeeded as stuck:
            raise Unusable(str(stuck), stuck.exit_code) from None
        except KeyboardInterrupt:
            raise Unusable("interrupted: nothing was sent or committed", EXIT_INTERRUPTED) from None


def _give(report: Report, pages: Pages) -> int:
    if pages.html is not None:
        try:
            pages.html.write_text(as_html(report, show_values=pages.show_values), encoding="utf-8")
        except OSError as error:
            raise Unusable(f"--html: cannot write {pages.html}: {error.strerror}") from None
    if pages.json:
        shown = as_json(report, show_values=pages.show_values)
        sys.stdout.write(f"{json.dumps(shown, indent=2, ensure_ascii=False)}\n")
    else:
        print_report(
            report, Console(width=None if sys.stdout.isatty() else WIDTH), show_values=pages.show_values
        )
    return EXIT_DIFFERENT if report.differing else 0
