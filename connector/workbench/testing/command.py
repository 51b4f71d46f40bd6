"""The verb `test`: which tests, run them, write what is asked for, print. Raises `Unusable` for wrong usage."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from connector.config import Loaded
from connector.config.mapping.tests import SUFFIX, WrittenTest
from connector.config.problems import counted, did_you_mean
from connector.config.reading import shown_path
from connector.workbench.testing.junit import as_junit
from connector.workbench.testing.run import Outcome, run_tests
from connector.workbench.testing.text import as_values, lines
from connector.workbench.testing.update import renewed_files, write
from connector.workbench.unusable import Unusable


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments of `test`. `files` empty: all; `topic` None: all."""

    files: Sequence[Path] = ()
    topic: str | None = None
    update: bool = False
    yes: bool = False
    junit: Path | None = None
    coverage: bool = True
    min_coverage: int | None = None
    as_json: bool = False


def run(loaded: Loaded, asked: Asked) -> int:
    """Exit code 0: all as expected, or written; 1: findings."""
    outcome = run_tests(loaded, _chosen(loaded, asked))
    if asked.junit is not None:
        try:
            asked.junit.write_text(as_junit(outcome), encoding="utf-8")
        except OSError as error:
            raise Unusable(f"--junit: cannot write {asked.junit}: {error.strerror}") from None
    _print(outcome, asked)
    if asked.update and outcome.count("failed"):
        return _update(outcome, asked)
    least = asked.min_coverage
    if least is not None and outcome.coverage.percent < least:
        _tell(
            f"{outcome.coverage.percent:.0f} % of the rules are hit by tests: less than --min-coverage {least}"
        )
        return 1
    return 0 if outcome.passed else 1


def _chosen(loaded: Loaded, asked: Asked) -> Sequence[WrittenTest] | None:
    """None: all, so that topics without any test count for the coverage."""
    if asked.topic is not None and asked.topic not in loaded.mappings.topics:
        known = did_you_mean(asked.topic, loaded.mappings.topics)
        raise Unusable(f"--topic: no mapping file has the topic {asked.topic!r}: {known}")
    folder = loaded.settings.mappings.folder
    there = {path.resolve() for path in folder.glob("*.yaml")} - {loaded.settings.front.channels}
    files = [path.resolve() for path in asked.files]
    for path, given in zip(files, asked.files, strict=True):
        if path not in there:
            near = did_you_mean(path.name, [each.name for each in there if not each.name.endswith(SUFFIX)])
            raise Unusable(f"{given} is no mapping file of {shown_path(folder)}: {near}")
    if not files and asked.topic is None:
        return None
    return [
        test
        for test in loaded.tests
        if (not files or test.of.resolve() in files or test.path.resolve() in files)
        and asked.topic in (None, test.topic)
    ]


def _print(outcome: Outcome, asked: Asked) -> None:
    if asked.as_json:
        typer.echo(json.dumps(as_values(outcome), indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False, markup=False, emoji=False)
    for line in lines(outcome, with_coverage=asked.coverage):
        console.print(line, soft_wrap=True)


def _update(outcome: Outcome, asked: Asked) -> int:
    renewal = renewed_files(outcome)
    for why in renewal.left:
        _tell(why)
    if not renewal.files:
        return 1
    number = counted(renewal.count, "expectation")
    named = ", ".join(shown_path(path) for path in renewal.files)
    asks = sys.stdin.isatty() and not asked.yes
    if asks and not typer.confirm(f"Write {number} into {named}?", err=True):
        return 1
    try:
        write(renewal.files)
    except OSError as error:
        raise Unusable(f"--update: cannot write: {error}") from None
    _tell(f"{number} written into {named}")
    return 1 if renewal.left or outcome.count("error") else 0


def _tell(sentence: str) -> None:
    typer.echo(sentence, err=True)
