"""The command line: reads arguments, calls the part that does the work, prints, and exits with a documented code.

No logic lives here. Each verb imports what it needs when it runs, so that `--help` and `healthcheck` stay quick.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from connector import __version__
from connector.resources import schemas_dir

if TYPE_CHECKING:
    import httpx

    from connector.config import Loaded, Problems

EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_CONFIG = 78
TERMINATION_LOG = Path("/dev/termination-log")
EXIT_CODES = """
Exit codes:

  0    clean stop, or the verb succeeded
  1    findings: render shows a dead letter, the demo lost or misordered something, healthcheck finds it not ready
  2    wrong usage
  69   the demo's embedded broker or registry does not work here
  70   a defect, or a call that the Kafka client refuses
  75   stopped with records unfinished, or the last commit not acknowledged: they are delivered again
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


class Output(StrEnum):
    """How data is printed."""

    TEXT = "text"
    JSON = "json"


class SchemaOf(StrEnum):
    """Which JSON Schema."""

    CONFIG = "config"
    MAPPING = "mapping"


Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.", metavar="FILE")]
Format = Annotated[Output, typer.Option("--output", "-o", help="text for people, json for programs.")]


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
    loaded = _loaded(config, on_invalid=_tell_kubelet)
    from connector.app import run as run_service

    raise typer.Exit(run_service(loaded))


@app.command(epilog="Example: front-connector validate --config connector.yaml --output json")
def validate(config: Config, output: Format = Output.TEXT) -> None:
    """Check configuration, secrets, channels and mapping files: every error at once, as file:line:column."""
    loaded = _loaded(config, output)
    from connector.app import kafka_problem
    from connector.config.problems import Problem, Problems, counted

    problem = kafka_problem(loaded)
    if problem is not None:
        _invalid(Problems((Problem(str(config), problem),)), output)
    topics, rows = loaded.mappings.topics, loaded.channels.rows
    if output is Output.JSON:
        found = {"topics": sorted(topics), "channels": len(rows), "warnings": loaded.warnings, "problems": []}
        _print_json({"valid": True, **found})
        return
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(
        f"valid: {counted(len(topics), 'topic')} ({', '.join(sorted(topics))}), {counted(len(rows), 'channel')}"
    )


@app.command(
    epilog="Example: front-connector render --config connector.yaml --topic calls.v1 --record call.json"
)
def render(
    config: Config,
    topic: Annotated[str, typer.Option(help="The topic whose mapping is used.")],
    record: Annotated[
        Path, typer.Option(help="A record as JSON: a value, or {schema, key, headers, value}.")
    ],
    schema: Annotated[
        str | None, typer.Option(help="The schema's name, when the file holds a bare value.")
    ] = None,
) -> None:
    """Print the requests that a record becomes, as JSON, without sending. Exit 1: it would be a dead letter."""
    loaded = _loaded(config)
    from connector.workbench.render import rendered
    from connector.workbench.samples import BadSample, read_sample

    mapping = loaded.mappings.topics.get(topic)
    if mapping is None:
        from connector.config.problems import did_you_mean

        _usage(
            f"--topic: no mapping file has the topic {topic!r}: {did_you_mean(topic, loaded.mappings.topics)}"
        )
    try:
        text = record.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        _usage(f"--record: cannot read {record}: {error}")
    sample = read_sample(text, mapping, schemas_dir(), schema)
    if isinstance(sample, BadSample):
        _usage(f"{record}: {sample.why}")
    shown = rendered(mapping.map(sample, time.time()))
    _print_json(shown)
    raise typer.Exit(EXIT_FINDINGS if shown["result"] == "dead_letter" else 0)


@app.command(epilog="Example: front-connector schema mapping > mapping.schema.json")
def schema(of: Annotated[SchemaOf, typer.Argument(help="config or mapping.")]) -> None:
    """Print the JSON Schema of the configuration or of mapping files, for editors."""
    from connector.config.schemas import as_text, config_schema, mapping_schema

    print(as_text(config_schema() if of is SchemaOf.CONFIG else mapping_schema()), end="")


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
        _usage(str(error))


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
        _print_json({"ready": ready, "status": status, "why": why})
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


def _loaded(
    config: Path, output: Output = Output.TEXT, on_invalid: Callable[[str], None] | None = None
) -> "Loaded":
    from connector.config import Problems, load

    loaded = load(config)
    if isinstance(loaded, Problems):
        if on_invalid is not None:
            on_invalid(f"invalid configuration: {loaded.problems[0]}")
        _invalid(loaded, output)
    return loaded


def _tell_kubelet(line: str) -> None:
    """Shown by `kubectl describe pod` (Kubernetes, termination messages); elsewhere the file does not exist."""
    if TERMINATION_LOG.exists():
        with suppress(OSError):
            TERMINATION_LOG.write_text(f"{line}\n", encoding="utf-8")


def _invalid(problems: "Problems", output: Output) -> NoReturn:
    from connector.config.problems import counted

    if output is Output.JSON:
        rows = [
            {"file": item.file, "line": item.line, "column": item.column, "message": item.message}
            for item in problems.problems
        ]
        _print_json({"valid": False, "problems": rows})
    else:
        print(problems, file=sys.stderr)
        print(f"invalid: {counted(len(problems.problems), 'problem')}", file=sys.stderr)
    raise typer.Exit(EXIT_CONFIG)


def _usage(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(EXIT_USAGE)


def _print_json(data: object) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False))
