"""The verbs of those who write mapping files: test, render, shadow, new. Reads arguments, calls the workbench, prints.

No logic lives here. Each verb imports what it needs when it runs, so that `--help` stays quick.
"""

from pathlib import Path
from typing import Annotated

import typer

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

app = typer.Typer()
"""Merged into the app of `cli.py`."""


@app.command("test", epilog="Example: front-connector test --config connector.yaml --junit report.xml")
def check(  # noqa: PLR0913, PLR0917 - each is an option of the verb
    config: Config,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Only the tests of these mapping files.", show_default=False)
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Only the tests of this topic.")] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Write what the records become into failed tests.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --update: do not ask before writing.")] = False,
    junit: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Write a report as JUnit XML, too.")
    ] = None,
    coverage: Annotated[bool, typer.Option(help="Show which rules no test hits.")] = True,
    min_coverage: Annotated[
        int | None, typer.Option(min=0, max=100, help="Fail if fewer percent of the rules are hit.")
    ] = None,
    output: Format = Output.TEXT,
) -> None:
    """Run the tests of mapping files: each record must become what its test expects. Sends nothing.

    Exit 0: all as expected, or --update wrote it. 1: findings. 2: wrong usage. 78: invalid configuration or mapping file.
    """
    loaded = read_config(config, output)
    from connector.workbench.testing.command import Asked, run
    from connector.workbench.unusable import Unusable

    asked = Asked(
        files=tuple(files or ()),
        topic=topic,
        update=update,
        yes=yes,
        junit=junit,
        coverage=coverage,
        min_coverage=min_coverage,
        as_json=output is Output.JSON,
    )
    try:
        code = run(loaded, asked)
    except Unusable as error:
        usage_error(str(error))
    raise typer.Exit(code)


@app.command(
    epilog="Example: front-connector render --config connector.yaml --topic calls.v1 --record call.json"
)
def render(  # noqa: PLR0913, PLR0917 - each is an option of the verb
    config: Config,
    topic: Annotated[str, typer.Option(help="The topic whose mapping is used.")],
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A record as JSON (a value, or {schema, key, headers, value}), an Avro container file, or - for stdin.",
        ),
    ] = None,
    schema: Annotated[
        str | None, typer.Option(help="The schema of a bare value: its name, or an .avsc file.")
    ] = None,
    index: Annotated[int, typer.Option(min=0, help="Which record of an Avro container file.")] = 0,
    from_kafka: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="A record of the topic: partition:offset or partition@time."),
    ] = None,
    curl: Annotated[
        bool, typer.Option("--curl", help="Print curl commands; the token is taken from $FRONT_TOKEN.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show which rules were asked, and which holds.")
    ] = False,
) -> None:
    """Print the requests that a record becomes, as JSON or as curl commands, without sending.

    Exit 0: requests, a skip, or it waits. 1: a dead letter. 2: wrong usage. 69: no answer from Kafka or the registry.
    77: no right. 78: invalid.
    """
    loaded = read_config(config)
    from connector.workbench.render.command import Asked, run
    from connector.workbench.unusable import Unusable

    asked = Asked(
        topic=topic,
        record=record,
        schema=schema,
        index=index,
        from_kafka=from_kafka,
        curl=curl,
        explain=explain,
    )
    try:
        found = run(loaded, asked)
    except Unusable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.code) from None
    if found.commands is not None:
        typer.echo(found.commands)
    if found.commands is None or explain:
        # With --curl a shell may read stdout: what is no command goes elsewhere.
        print_json(found.shown, err=curl)
    raise typer.Exit(EXIT_FINDINGS if found.shown["result"] == "dead_letter" else 0)


@app.command(
    epilog="Example: front-connector shadow --config connector.yaml --against ../main/mappings --html plan.html"
)
def shadow(  # noqa: PLR0913, PLR0917 - each is an option of the verb
    config: Config,
    against: Annotated[
        Path,
        typer.Option(
            help="The version in force: a configuration file, or a folder of mapping files.", exists=True
        ),
    ],
    last: Annotated[
        int | None, typer.Option(min=1, help="The last N records of each topic (10,000 if nothing is said).")
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Records of this time or later, as 2026-01-31T12:00Z."),
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="TIME", help="Records before this time.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; may be repeated.")] = None,
    dead_letters: Annotated[
        bool, typer.Option("--dead-letters", help="The records in the dead-letter topic, as they were.")
    ] = False,
    samples: Annotated[int, typer.Option(min=0, max=100, help="Records shown of each difference.")] = 3,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show what fields hold, not only kind and length.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE", help="Write the report as a page, too.")
    ] = None,
    output: Format = Output.TEXT,
) -> None:
    """Compare two versions of the mappings over the same real records. Sends nothing, commits nothing.

    Exit 0: no difference. 1: differences. 2: wrong usage. 69: no answer from Kafka or the registry. 70: a mapper hangs.
    77: no right. 78: invalid.
    """
    from connector.workbench.shadow.choice import Asked
    from connector.workbench.shadow.command import Pages, run
    from connector.workbench.unusable import Unusable

    asked = Asked(
        last=last, from_=from_, to=to, topics=tuple(topic or ()), dead_letters=dead_letters, samples=samples
    )
    pages = Pages(show_values=show_values, html=html, json=output is Output.JSON)
    try:
        ended = run(config, against, asked, pages)
    except Unusable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.code) from None
    if not isinstance(ended, int):
        invalid(ended, output)
    raise typer.Exit(ended)


@app.command(
    epilog="Example: front-connector new --schema call.avsc --operation create-call --out mappings/calls.yaml"
)
def new(
    operation: Annotated[
        list[str], typer.Option(help="What its records become, such as create-call; may be repeated.")
    ],
    schema: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A schema (.avsc) of the topic; may be repeated."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", metavar="FILE", help="Take the schemas from the topic and its registry."
        ),
    ] = None,
    topic: Annotated[str | None, typer.Option(help="The topic; without it, the schema's name.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it here, not to stdout.")] = None,
    sample: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a made-up record for `render`, too.")
    ] = None,
) -> None:
    """Draft a mapping file: fields are guessed from names and types, gaps are marked with TODO. It is valid at once.

    Says on stderr what was guessed, how surely, and what to do next. Exit 0: drafted. 2: wrong usage. 69: no answer from Kafka
    or the registry. 77: no right. 78: invalid configuration.
    """
    from connector.workbench.new.command import Asked, run
    from connector.workbench.unusable import Unusable

    asked = Asked(
        operations=tuple(operation),
        schemas=tuple(schema or ()),
        config=config,
        topic=topic,
        out=out,
        sample=sample,
    )
    try:
        made = run(asked)
    except Unusable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.code) from None
    if out is None:
        typer.echo(made.text, nl=False)
    typer.echo(made.said, err=True)
