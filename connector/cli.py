"""The command line: reads arguments, calls the part that does the work, prints, and exits with a documented code.

No logic lives here. Each verb imports what it needs when it runs, so that `--help` and `healthcheck` stay quick.
"""

import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector import __version__, cli_mapping
from connector.cli_common import (
    EXIT_FINDINGS,
    Config,
    Format,
    Output,
    invalid,
    print_json,
    read_config,
    usage_error,
)

if TYPE_CHECKING:
    import httpx

    from connector.config import Loaded

TERMINATION_LOG = Path("/dev/termination-log")
EXIT_CODES = """
Exit codes:

  0    clean stop, or the verb succeeded; records that only waited, such as for their next attempt, are read again by
       the next owner
  1    findings: a test failed, render shows a dead letter, shadow finds differences, the demo lost or misordered
       something, healthcheck finds it not ready
  2    wrong usage
  69   the demo's embedded broker or registry does not work here; Kafka or the registry gives a verb no answer
  70   a defect, a call that the Kafka client refuses, or Python mappers that hang
  75   stopped while requests were in flight that had to be cut off, or the last commit was not acknowledged: they are
       delivered again
  77   Kafka does not allow what is needed: the sentence names operation, topic and group
  78   invalid configuration, mapping or secret file; a property that librdkafka does not take; a missing topic; a group
       that others use, or a static id that another process took; a port that is taken
  130  Ctrl-C in the demo
  143  a second SIGTERM or SIGINT: left at once
"""

app = typer.Typer(
    name="front-connector",
    help="Moves message and call events from Kafka into Front: in order per key, none lost.",
    epilog=EXIT_CODES.replace("\n  ", "\n\n  "),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cli_mapping.app)


class SchemaOf(StrEnum):
    """Which JSON Schema."""

    CONFIG = "config"
    MAPPING = "mapping"
    TESTS = "tests"


def main() -> None:
    """The entry point."""
    app()


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)
    ] = False,
) -> None:
    if version:
        print(__version__)
        raise typer.Exit


@app.command(epilog="Example: front-connector run --config connector.yaml")
def run(config: Config) -> None:
    """Run the service until SIGTERM."""
    loaded = read_config(config, on_invalid=_tell_kubelet)
    from connector.app import run as run_service

    raise typer.Exit(run_service(loaded))


@app.command(epilog="Example: front-connector validate --config connector.yaml --output json")
def validate(
    config: Config,
    output: Format = Output.TEXT,
    registry: Annotated[
        bool,
        typer.Option("--registry", help="Check expressions against the registry's latest schemas too."),
    ] = False,
) -> None:
    """Check configuration, secrets, channels and mapping files: every error at once, as file:line:column."""
    loaded = read_config(config, output)
    if registry:
        loaded = _with_registry(config, loaded, output)
    from connector.app import kafka_problem
    from connector.config.problems import Problem, Problems, counted

    problem = kafka_problem(loaded)
    if problem is not None:
        invalid(Problems((Problem(str(config), problem),)), output)
    topics, rows = loaded.mappings.topics, loaded.channels.rows
    if output is Output.JSON:
        found = {"topics": sorted(topics), "channels": len(rows), "warnings": loaded.warnings, "problems": []}
        print_json({"valid": True, **found})
        return
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(
        f"valid: {counted(len(topics), 'topic')} ({', '.join(sorted(topics))}), {counted(len(rows), 'channel')}"
    )


def _with_registry(config: Path, loaded: "Loaded", output: Output) -> "Loaded":
    """The configuration read again, its expressions held against what the registry knows of each topic."""
    from connector.config import Problems
    from connector.workbench.unusable import Unusable
    from connector.workbench.validate import checked_with_registry

    try:
        found = checked_with_registry(config, loaded)
    except Unusable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.code) from None
    if isinstance(found, Problems):
        invalid(found, output)
    return found


@app.command(epilog="Example: front-connector schema mapping > mapping.schema.json")
def schema(of: Annotated[SchemaOf, typer.Argument(help="config, mapping or tests.")]) -> None:
    """Print the JSON Schema of the configuration, of mapping files or of their tests, for editors."""
    from connector.config.schemas import as_text, config_schema, mapping_schema, schema_of_tests

    made = {SchemaOf.CONFIG: config_schema, SchemaOf.MAPPING: mapping_schema, SchemaOf.TESTS: schema_of_tests}
    print(as_text(made[of]()), end="")


@app.command(epilog="Example: front-connector simulate --port 9200 --world world.yaml")
def simulate(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 9200,
    world: Annotated[
        Path | None, typer.Option(help="Apps, companies and channels, as YAML.", metavar="FILE")
    ] = None,
) -> None:
    """Run a Front to develop and test against, with its inbox page."""
    from connector.simulator.server import ListenError
    from connector.simulator.server import run as run_simulator
    from connector.simulator.world import WorldError

    try:
        run_simulator(
            host, port, world=world, announce=lambda url: print(f"Front simulator at {url}", flush=True)
        )
    except (WorldError, ListenError) as error:
        usage_error(str(error))


@app.command(epilog="Example: front-connector demo --calm")
def demo(
    calm: Annotated[bool, typer.Option("--calm", help="Without faults.")] = False,
    records: Annotated[int, typer.Option(help="How many records.", min=1, max=20_000)] = 4_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same records.")] = 1,
) -> None:
    """Everything on this machine: broker, registry, Front, faults; ends with a verdict."""
    from connector.demo.main import run as run_demo

    raise typer.Exit(run_demo(calm=calm, records=records, seed=seed))


@app.command(epilog="Example: front-connector healthcheck --url http://127.0.0.1:8080/readyz")
def healthcheck(
    url: Annotated[str, typer.Option(help="What to ask.")] = "http://127.0.0.1:8080/readyz",
    output: Format = Output.TEXT,
) -> None:
    """Ask a running connector whether it is ready; for container probes. Exit 0 or 1."""
    import httpx

    try:
        answer = httpx.get(url, timeout=3.0, trust_env=False)
        ready, status, why = answer.is_success, *_said(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        ready, status, why = False, None, f"no answer ({type(error).__name__})"
    if output is Output.JSON:
        print_json({"ready": ready, "status": status, "why": why})
    else:
        degraded = ", degraded" if status == "degraded" else ""
        print(f"{'ready' if ready else 'not ready'}{degraded}: {why}")
    raise typer.Exit(0 if ready else EXIT_FINDINGS)


def _said(answer: "httpx.Response") -> tuple[str | None, str]:
    """Status and reason in the body of /readyz; another page, such as a proxy's, has only its code."""
    try:
        body = answer.json()
        details = {check["check"]: check["detail"] for check in body["checks"]}
        status, state, reason = body["status"], body["state"], details["state"]
        holds = len(body["holds"])
    except (ValueError, KeyError, TypeError):
        return None, f"HTTP {answer.status_code}"
    from connector.config.problems import counted

    why = state if reason == state else f"{state}: {reason}"
    return status, counted(holds, "hold") if status == "degraded" and holds else why


def _tell_kubelet(line: str) -> None:
    """Shown by `kubectl describe pod` (Kubernetes, termination messages); elsewhere the file does not exist."""
    if TERMINATION_LOG.exists():
        with suppress(OSError):
            TERMINATION_LOG.write_text(f"{line}\n", encoding="utf-8")
