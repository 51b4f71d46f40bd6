"""`doctor`: how checks are run and told, its exit codes, and its page."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector import cli
from connector.workbench.doctor import text
from connector.workbench.doctor.examine import Check, examined
from connector.workbench.doctor.results import Examined, Fine, NotChecked, Result, Warn, Wrong
from tests.support import broken_setups
from tests.support.kafka import free_ports
from tests.unit.config_files import CONFIG, folder


def finds(*results: Result) -> Callable[[], Awaitable[Sequence[Result]]]:
    async def look() -> Sequence[Result]:
        return results

    return look


async def never() -> Sequence[Result]:
    await asyncio.Event().wait()
    raise AssertionError


# --- running ----------------------------------------------------------------------------------------------------------


async def test_what_needs_a_wrong_check_is_not_made_and_names_the_first_cause() -> None:
    """Through several steps the reason stays that of the first."""
    checks = (
        Check("a", finds(Fine("well"), Wrong("broken"))),
        Check("b", never, needs=("a",)),
        Check("c", never, needs=("b",)),
        Check("d", finds(Fine("well")), after=("a",)),
    )
    found = await examined(checks, lambda _: None)
    assert [one.results[-1] for one in found] == [
        Wrong("broken"),
        NotChecked("a is wrong"),
        NotChecked("a is wrong"),
        Fine("well"),
    ]


async def test_a_warning_is_in_nobodys_way() -> None:
    """What needs the check goes on."""
    checks = (Check("a", finds(Warn("hm"))), Check("b", finds(Fine("well")), needs=("a",)))
    assert [one.in_the_way for one in await examined(checks, lambda _: None)] == [None, None]


async def test_a_check_that_does_not_end_is_ended_and_leaves_no_time_for_what_waits_for_it() -> None:
    """The time is one for all of them."""
    checks = (Check("a", never), Check("b", finds(Fine("well"))), Check("c", never, after=("a",)))
    a, b, c = await examined(checks, lambda _: None, all_s=0.05)
    assert (a.results, b.results, c.results) == (
        (Wrong("no answer within 0 s"),),
        (Fine("well"),),
        (NotChecked("no time is left"),),
    )


async def test_results_are_told_in_the_order_of_the_list_however_they_end() -> None:
    """The first waits for the last to have been made."""
    made = asyncio.Event()

    async def slow() -> Sequence[Result]:
        await made.wait()
        return (Fine("slow"),)

    async def quick() -> Sequence[Result]:
        made.set()
        return (Fine("quick"),)

    told: list[str] = []
    await examined((Check("a", slow), Check("b", quick)), lambda one: told.append(one.name))
    assert told == ["a", "b"]


# --- telling ----------------------------------------------------------------------------------------------------------

FOUND = (
    Examined("brokers", (Fine("one"),)),
    Examined("rights", (Warn("odd", "look"), Wrong("broken", "mend"), Wrong("worse"))),
    Examined("group", (NotChecked("rights is wrong"),)),
)


def test_a_line_says_how_it_is_and_what_to_do() -> None:
    """What is not checked for one reason shares a line."""
    assert [line for one in FOUND for _, line in text.lines([one])] == [
        "ok           brokers: one",
        "warning      rights: odd\n             -> look",
        "WRONG        rights: broken\n             -> mend",
        "WRONG        rights: worse",
        "not checked  group: rights is wrong",
    ]
    both = (FOUND[2], Examined("offsets", FOUND[2].results))
    assert list(text.lines(both)) == [("not checked", "not checked  group, offsets: rights is wrong")]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (FOUND[:1], "all is well"),
        (FOUND, "2 wrong, 1 warning, 1 not checked: begin with rights"),
        ((FOUND[0], FOUND[2]), "nothing is wrong; 1 not checked"),
        ((Examined("port", (Warn("a"), Warn("b"))),), "nothing is wrong; 2 warnings"),
    ],
)
def test_the_verdict_counts_and_says_where_to_begin(found: Sequence[Examined], line: str) -> None:
    """The last line of all."""
    assert text.verdict(found) == line


def test_programs_get_every_result() -> None:
    """In order, with the verdict's numbers."""
    told = text.as_json(FOUND)
    assert (told["wrong"], told["warnings"], told["not_checked"], told["begin_with"]) == (2, 1, 1, "rights")
    assert told["results"][1:3] == [
        {"check": "rights", "result": "warning", "said": "odd", "do": "look"},
        {"check": "rights", "result": "wrong", "said": "broken", "do": "mend"},
    ]
    assert told["results"][-1] == {"check": "group", "result": "not_checked", "because": "rights is wrong"}


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["doctor", *arguments])
    return result.exit_code, result.stdout


def test_an_invalid_configuration_is_told_as_validate_does_and_nothing_else_is_looked_at(
    tmp_path: Path,
) -> None:
    """Exit 78, for people and for programs."""
    config = str(folder(tmp_path, config=CONFIG.replace("group_id", "goup_id")))
    code, shown = call("--config", config, "--output", "json")
    told = json.loads(shown)
    assert (code, told["begin_with"], told["results"][-1]) == (
        78,
        "configuration",
        {"check": "all else", "result": "not_checked", "because": "configuration is wrong"},
    )
    assert call("--config", config)[0] == 78


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "  group_id: front",
            "  group_id: front\n  properties: {fetch.wait.max.mss: 1}",
            "librdkafka does not take them",
        ),
        ("front:\n", "front:\n  ca_file: channels.csv\n", "holds no PEM certificate: give a PEM file"),
    ],
)
def test_what_a_client_does_not_take_is_an_invalid_configuration(
    tmp_path: Path, before: str, after: str, words: str
) -> None:
    """`run` ends with 78 as well."""
    config = folder(tmp_path, config=CONFIG.replace(before, after, 1))
    code, shown = call("--config", str(config))
    assert code == 78
    assert words in shown


def test_no_secret_is_shown(tmp_path: Path) -> None:
    """Whatever is wrong with a set-up of which nothing is there."""
    kafka, http, front_port = free_ports(3)
    (tmp_path / "password").write_text("hush-kafka")
    login = (
        "  properties: {security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, sasl.username: me}\n"
        "  properties_from_files: {sasl.password: password}"
    )
    config = (
        CONFIG.replace("localhost:9092", f"127.0.0.1:{kafka}\n{login}")
        .replace("localhost:8081", f"127.0.0.1:{http}")
        .replace("secret: hush", f"secret: hush, base_url: 'http://127.0.0.1:{front_port}'")
        + "telemetry: {host: 127.0.0.1, port: 0}\n"
    )
    code, shown = call("--config", str(folder(tmp_path, config=config)), "--ask-front")
    assert (code, shown.count("WRONG")) == (1, 3)
    assert "hush" not in shown


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_has_the_table_of_broken_set_ups() -> None:
    """Else: python -m tests.support.broken_setups. At least ten."""
    page = broken_setups.PAGE.read_text("utf-8")
    assert page == broken_setups.with_table(page)
    assert len(broken_setups.BROKEN) > 10


def test_the_page_names_every_check(tmp_path: Path) -> None:
    """In their order: those of a configuration with one app, called main, and a control topic."""
    kafka, http, front_port = free_ports(3)
    config = (
        CONFIG.replace("localhost:9092", f"127.0.0.1:{kafka}")
        .replace("localhost:8081", f"127.0.0.1:{http}")
        .replace("secret: hush", f"secret: hush, base_url: 'http://127.0.0.1:{front_port}'")
    )
    config += "control: {topic: front.control}\n"
    shown = json.loads(call("--config", str(folder(tmp_path, config=config)), "--output", "json")[1])
    made = [result["check"].replace(" main", " *app*") for result in shown["results"]]
    page = broken_setups.PAGE.read_text("utf-8").partition("## What is checked")[2].partition("\n##")[0]
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert rows[1:] == made
