"""What the verbs share: options, exit codes, reading the configuration, and how a command ends with a sentence.

Registers no verb. Imports nothing heavy before it is needed, so that `--help` stays quick.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from connector.config import Loaded, Problems

EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_CONFIG = 78


class Output(StrEnum):
    """How data is printed."""

    TEXT = "text"
    JSON = "json"


Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.", metavar="FILE")]
Format = Annotated[Output, typer.Option("--output", "-o", help="text for people, json for programs.")]


def read_config(
    config: Path, output: Output = Output.TEXT, on_invalid: Callable[[str], None] | None = None
) -> "Loaded":
    """What the file at `config` says, or an end with code 78 and every problem; `on_invalid` gets the first."""
    from connector.config import Problems, load

    loaded = load(config)
    if isinstance(loaded, Problems):
        if on_invalid is not None:
            on_invalid(f"invalid configuration: {loaded.problems[0]}")
        invalid(loaded, output)
    return loaded


def invalid(problems: "Problems", output: Output) -> NoReturn:
    """End with code 78 and the problems: on stderr, or as JSON on stdout."""
    from connector.config.problems import counted

    if output is Output.JSON:
        rows = [
            {"file": item.file, "line": item.line, "column": item.column, "message": item.message}
            for item in problems.problems
        ]
        print_json({"valid": False, "problems": rows})
    else:
        typer.echo(str(problems), err=True)
        typer.echo(f"invalid: {counted(len(problems.problems), 'problem')}", err=True)
    raise typer.Exit(EXIT_CONFIG)


def usage_error(message: str) -> NoReturn:
    """End with code 2 and a sentence on stderr."""
    typer.echo(message, err=True)
    raise typer.Exit(EXIT_USAGE)


def print_json(data: object, *, err: bool = False) -> None:
    """On stdout, or with `err` on stderr: indented, every character as it is."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False), err=err)
