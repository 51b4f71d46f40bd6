"""The command line: reads arguments, calls the part that does the work, prints, and exits with a documented code.

No logic lives here. Each verb imports what it needs when it runs, so that `--help` and `healthcheck` stay quick.
"""

import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
  1    findings: a test failed, render shows a dead letter, shadow finds differences, probe finds Front not as
       believed, doctor finds something wrong, the demo lost or misordered something, healthcheck finds it not ready
  2    wrong usage
  69   the demo's embedded broker or registry does not work here; Kafka, the registry or Front gives a verb no
       answer
  70   a defect, a call that the Kafka client refuses, or Python mappers that hang
  75   stopped while requests were in flight that had to be cut off, or the last commit was not acknowledged: they are
       delivered again
  77   Kafka does not allow what is needed: the sentence names operation, topic and group; or Front does not take probe's
       token
  78   invalid configuration, mapping or secret file; a property that librdkafka does not take; a missing topic; a group
       that others use, or a static id that another process took; a port that is taken
  130  Ctrl-C in the demo, shadow or probe
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
    from connector.app import kafka_problem, tracing_problem
    from connector.config.problems import Problem, Problems, counted

    said = (kafka_problem(loaded), tracing_problem(loaded.settings.tracing))
    if problems := tuple(Problem(str(config), problem) for problem in said if problem is not None):
        invalid(Problems(problems), output)
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


@app.command(epilog="Example: front-connector simulate --profile front --switch rpm=100 --keep front.sqlite")
def simulate(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 9200,
    world: Annotated[
        Path | None, typer.Option(help="Apps, companies and channels, as YAML.", metavar="FILE")
    ] = None,
    profile: Annotated[
        str,
        typer.Option(
            help="quick: at once and without limits; front: with Front's delay and limits; or a YAML file.",
            metavar="NAME|FILE",
        ),
    ] = "quick",
    switch: Annotated[
        list[str] | None,
        typer.Option(help="One switch over the profile, as name=value; repeatable.", metavar="NAME=VALUE"),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="A SQLite file that holds everything from run to run.", metavar="FILE"),
    ] = None,
) -> None:
    """Run a Front to develop and test against, with its inbox page. Switches: docs/simulator.md."""
    from connector.simulator.profiles import ProfileError, settings
    from connector.simulator.server import ListenError
    from connector.simulator.server import run as run_simulator
    from connector.simulator.store import StoreError
    from connector.simulator.world import WorldError

    try:
        run_simulator(
            host,
            port,
            world=world,
            settings=settings(profile, switch or ()),
            keep=keep,
            announce=lambda url: print(f"Front simulator at {url}", flush=True),
        )
    except (WorldError, ProfileError, StoreError, ListenError) as error:
        usage_error(str(error))


@app.command(
    epilog="Example: front-connector probe --config connector.yaml --channel cha_4f2c --profile-out front.yaml"
)
def probe(  # noqa: PLR0913, PLR0917 - each is an option of the verb
    config: Config,
    channel: Annotated[str, typer.Option(help="Front's id of a sandbox channel: cha_...")],
    app_name: Annotated[
        str | None,
        typer.Option("--app", help="Whose channel it is: a name under front.apps.", metavar="NAME"),
    ] = None,
    confirm: Annotated[
        str | None,
        typer.Option(help="The channel's id once more, instead of typing it when asked.", metavar="CHANNEL"),
    ] = None,
    large: Annotated[
        bool, typer.Option("--large", help="Find the limit of 25 MB, too: uploads up to 200 MB.")
    ] = False,
    profile_out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, metavar="FILE", help="Write the result as a profile of the simulator."),
    ] = None,
    output: Format = Output.TEXT,
) -> None:
    """Send marked items to a real sandbox channel and report what is so of all that is only believed about Front.

    Exit 0: as believed, as far as it can be told. 1: something is not. 2: wrong usage, or not confirmed. 69: no answer from
    Front. 77: Front does not take the token. 78: invalid configuration. 130: Ctrl-C.
    """
    loaded = read_config(config, output)
    from connector.workbench.probe.choice import Asked
    from connector.workbench.probe.command import run as run_probe
    from connector.workbench.unusable import Unusable

    asked = Asked(
        channel=channel,
        app=app_name,
        confirm=confirm,
        large=large,
        profile_out=profile_out,
        as_json=output is Output.JSON,
    )
    try:
        code = run_probe(loaded, asked)
    except Unusable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.code) from None
    raise typer.Exit(code)


@app.command(epilog="Example: front-connector demo --calm")
def demo(
    calm: Annotated[bool, typer.Option("--calm", help="Without faults.")] = False,
    records: Annotated[int, typer.Option(help="How many records.", min=1, max=20_000)] = 4_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same records.")] = 1,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="Some five records a second, as they happen, instead of as fast as it goes."
        ),
    ] = False,
    metrics_port: Annotated[
        int,
        typer.Option(
            help="Where the connector's metrics are, on loopback. [default: a free port]",
            min=0,
            max=65_535,
            show_default=False,
        ),
    ] = 0,
) -> None:
    """Everything on this machine: broker, registry, Front, faults; ends with a verdict."""
    from connector.demo.main import Asked
    from connector.demo.main import run as run_demo

    asked = Asked(calm=calm, records=records, seed=seed, live=live, metrics_port=metrics_port)
    raise typer.Exit(run_demo(asked))


@app.command(epilog="Example: front-connector doctor --config connector.yaml --ask-front")
def doctor(
    config: Config,
    output: Format = Output.TEXT,
    ask_front: Annotated[
        bool,
        typer.Option(
            "--ask-front",
            help="Show Front a token of each app: PATCH /channels/<id> with {}, which changes nothing.",
        ),
    ] = False,
) -> None:
    """Look at the whole path, in order: files, brokers, rights, topics, group, registry, Front, clock. Changes nothing.

    Says what is wrong, what to do, and what could not be checked because of it. Exit 0: nothing is wrong. 1: something is.
    2: wrong usage. 78: invalid configuration.
    """
    from connector.app.wiring import source_options
    from connector.workbench.doctor.command import Asked
    from connector.workbench.doctor.command import run as run_doctor

    asked = Asked(config, ask_front=ask_front, as_json=output is Output.JSON)
    raise typer.Exit(run_doctor(asked, source_options))


@app.command(epilog="Example: front-connector healthcheck --url http://127.0.0.1:8080/readyz")
def healthcheck(
    url: Annotated[str, typer.Option(help="What to ask.")] = "http://127.0.0.1:8080/readyz",
    output: Format = Output.TEXT,
) -> None:
    """Ask a running connector whether it is ready; for container probes. Exit 0 or 1.

    With `--output json` the whole body of the page is there as `body`, null if it is no JSON.
    """
    import httpx

    body = None
    try:
        answer = httpx.get(url, timeout=3.0, trust_env=False)
        body = _body(answer)
        ready, status, why = answer.is_success, *_said(answer.status_code, body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        ready, status, why = False, None, f"no answer ({type(error).__name__})"
    if output is Output.JSON:
        print_json({"ready": ready, "status": status, "why": why, "body": body})
    else:
        degraded = ", degraded" if status == "degraded" else ""
        print(f"{'ready' if ready else 'not ready'}{degraded}: {why}")
    raise typer.Exit(0 if ready else EXIT_FINDINGS)


def _body(answer: "httpx.Response") -> Any:
    """What a page says as JSON; None if it says something else."""
    try:
        return answer.json()
    except ValueError:
        return None


def _said(code: int, body: Any) -> tuple[str | None, str]:
    """Status and reason in the body of /readyz; another page, such as a proxy's, has only its code."""
    try:
        details = {check["check"]: check["detail"] for check in body["checks"]}
        status, state, reason = body["status"], body["state"], details["state"]
        holds = len(body["holds"])
    except (KeyError, TypeError):
        return None, f"HTTP {code}"
    from connector.config.problems import counted

    why = state if reason == state else f"{state}: {reason}"
    return status, counted(holds, "hold") if status == "degraded" and holds else why


def _tell_kubelet(line: str) -> None:
    """Shown by `kubectl describe pod` (Kubernetes, termination messages); elsewhere the file does not exist."""
    if TERMINATION_LOG.exists():
        with suppress(OSError):
            TERMINATION_LOG.write_text(f"{line}\n", encoding="utf-8")
