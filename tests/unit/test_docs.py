"""The pages: what they name exists, what they show works, and what they list is complete.

Marks in a page, on the line above a block: `<!-- file: NAME -->` (a file; the page's files make one folder),
`<!-- prints -->` (a command and its output; a line `…` stands for what is left out), `<!-- merged into a configuration -->`,
`<!-- rooms -->`, `<!-- arrows -->`, `<!-- faults -->`, `<!-- world -->` (of the simulator).
"""

import ast
import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import fastavro
import pytest
import typer.main
from ruamel.yaml import YAML
from typer.testing import CliRunner

from connector import cli
from connector.adapters.catalogue import METRICS
from connector.adapters.telemetry.labels import HOLD_PAIRS, STATES
from connector.adapters.telemetry.logs import FOREIGN_EVENT
from connector.config import Loaded, load
from connector.core.dead_letter import REASONS, Failure, Origin, envelope
from connector.core.mapping import OnMissingOffset
from connector.core.records import Epoch, Record
from connector.simulator.faults import Effect, Fault
from connector.simulator.switches import Switches
from connector.simulator.world import DEMO_APP, DEMO_SECRET, load_world
from tests.support import operations_page
from tests.support.metrics_page import PAGE, page
from tests.unit.config_files import CONFIG, folder

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ROOMS = ("connector", "schemas", "helm", "docs", "tests")
PAGES = sorted(
    [*ROOT.glob("*.md"), *(path for room in ROOMS for path in (ROOT / room).rglob("*.md"))],
    key=lambda path: (len(path.parts), path),
)
VERBS = set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]

every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def prose(path: Path) -> str:
    """The page without its blocks."""
    return re.sub(r"^```.*?^```", "", read(path), flags=re.DOTALL | re.MULTILINE)


def marked(path: Path, mark: str) -> Iterator[tuple[str, str]]:
    """The blocks under a mark: what the mark's group matched ("" without one), and the block's text."""
    for found in re.finditer(rf"<!-- {mark} -->\n```[a-z]*\n(.*?)^```", read(path), re.DOTALL | re.MULTILINE):
        yield found[1] if found.lastindex == 2 else "", found[found.lastindex or 1]


def rows(path: Path, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without the table's own head; backticks removed."""
    below = read(path).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in below.splitlines() if line.startswith("|")]
    table = re.split(r"\n(?!\|)", "\n".join(lines))[0].splitlines()[2:]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")] for line in table]


def anchors(path: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


# --- what pages name ---------------------------------------------------------------------------------------------


@every_page
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        to = (path.parent / name).resolve() if name else path
        assert to.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(to), f"{target}: no such heading"


@every_page
def test_every_path_that_is_named_exists(path: Path) -> None:
    """A file that was moved is moved in the pages too. Patterns (`*`, `<name>`) are not looked for."""
    for name in re.findall(rf"`((?:{'|'.join(ROOMS)})/[\w./-]+)`", prose(path)):
        assert (ROOT / name).exists(), f"{name} is named, and is not there"


@every_page
def test_every_verb_that_is_shown_exists(path: Path) -> None:
    """In commands: `front-connector VERB`."""
    shown = re.findall(r"(?:^|[ `$/])front-connector ([a-z]+)\b", read(path), re.MULTILINE)
    commands = {verb for verb in shown if verb not in _WORDS_AFTER_THE_NAME}
    assert commands <= VERBS


_WORDS_AFTER_THE_NAME = {"is", "helm", "needs"}
"""In `helm upgrade front-connector helm/…` and sentences the name is not a command."""


@every_page
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    """In commands: `make TARGET`."""
    targets = set(re.findall(r"^([a-z]+):", read(ROOT / "Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", read(path), re.MULTILINE)) <= targets


def test_the_page_of_metrics_is_current() -> None:
    """Else: python -m tests.support.metrics_page."""
    assert read(PAGE) == page(METRICS.values())


def test_the_page_of_operations_is_current() -> None:
    """Else: python -m tests.support.operations_page."""
    assert read(operations_page.PAGE) == operations_page.page()


@pytest.mark.parametrize("index", [DOCS / "README.md", DOCS / "decisions" / "README.md"])
def test_an_index_names_every_page_beside_it(index: Path) -> None:
    """A page that nobody finds is not read."""
    beside = {path.name for path in index.parent.glob("*.md")} - {"README.md"}
    assert beside == {name for name in re.findall(r"\]\(([^)]+)\)", read(index)) if "/" not in name}


# --- what pages show ---------------------------------------------------------------------------------------------


def test_the_first_topic_of_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files, written as shown, give the output shown."""
    readme = ROOT / "README.md"
    for name, text in marked(readme, r"file: (\S+)"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    shown = [text for _, text in marked(readme, "prints")]
    assert len(shown) == 2
    for text in shown:
        command, _, expected = text.partition("\n")
        arguments = command.removeprefix("$ front-connector ").split()
        printed = CliRunner().invoke(cli.app, arguments).stdout
        position = 0
        for part in re.split(r"^ *…\n", expected, flags=re.MULTILINE):
            position = printed.find(part, position) + len(part)
            assert position >= len(part), f"not printed by {command}:\n{part}\nbut:\n{printed}"


def test_the_first_topic_of_the_readme_fits_the_simulator() -> None:
    """With its uid and secret the simulator takes the requests."""
    files = dict(marked(ROOT / "README.md", r"file: (\S+)"))
    assert files["front-secret"].strip() == DEMO_SECRET
    config = YAML(typ="safe", pure=True).load(files["connector.yaml"])
    assert config["front"]["apps"]["main"]["uid"] == DEMO_APP


def test_the_producer_of_the_readme_writes_what_its_mapping_reads() -> None:
    """The record fits the schema, and the topic, registry and broker are those of the other files."""
    files = dict(marked(ROOT / "README.md", r"file: (\S+)"))
    program = ast.parse(files["produce.py"])
    assigned = {node.targets[0].id: node for node in program.body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]
    found: dict[str, Any] = {"json": json}
    for name in ("TOPIC", "FIELDS", "SCHEMA"):
        exec(compile(ast.Module([assigned[name]], []), "produce.py", "exec"), found)
    fastavro.validate(json.loads(files["record.json"]), json.loads(found["SCHEMA"]))
    yaml = YAML(typ="safe", pure=True)
    config, mapping = yaml.load(files["connector.yaml"]), yaml.load(files["mappings/chat.yaml"])
    assert list(mapping["topics"]) == [found["TOPIC"]]
    assert config["registry"]["url"] in files["produce.py"]
    assert config["kafka"]["bootstrap_servers"] in files["produce.py"]


def test_the_page_of_the_simulator_shows_what_it_takes(tmp_path: Path) -> None:
    """Every rule of faults and the world are valid; every switch is listed, with its default."""
    simulator = DOCS / "simulator.md"
    [(_, faults)] = marked(simulator, "faults")
    assert all(Fault.model_validate(rule) for rule in json.loads(faults))
    assert set(get_args(Effect)) <= set(re.findall(r"`(\w+)`", prose(simulator)))
    [(_, world)] = marked(simulator, "world")
    (tmp_path / "world.yaml").write_text(world)
    assert load_world(tmp_path / "world.yaml").channels
    defaults = {name: "none" if value is None else str(value) for name, value in Switches()}
    listed = {row[0]: row[1] for row in rows(simulator, "Switches")}
    assert listed == {**defaults, "strict_body": "true"}


def test_every_fragment_of_configuration_is_valid(tmp_path: Path) -> None:
    """Put into a whole configuration in place of its own sections."""
    yaml = YAML(typ="safe", pure=True)
    fragments = [(path, text) for path in PAGES for _, text in marked(path, "merged into a configuration")]
    assert fragments
    (tmp_path / "front-secret").write_text("hush\n")
    for path, text in fragments:
        file = folder(tmp_path)
        with file.open("w") as stream:
            yaml.dump({**yaml.load(CONFIG), **yaml.load(text)}, stream)
        result = load(file)
        assert isinstance(result, Loaded), f"{path.name}: {result}"


# --- what pages list ---------------------------------------------------------------------------------------------


def test_the_verbs_of_the_architecture_are_those_of_the_command_line() -> None:
    """All that are there, and no reserved one among them."""
    architecture = DOCS / "architecture.md"
    assert {row[0] for row in rows(architecture, "Verbs")} == VERBS
    [reserved] = re.findall(
        r"Reserved for what they would do, and not there yet: (.*?)\.\n", prose(architecture), re.DOTALL
    )
    assert VERBS.isdisjoint(re.findall(r"`(\w+)`", reserved))


def test_the_events_of_the_operations_page_are_those_of_the_code() -> None:
    """Each event with each level at which it is logged, and no other."""
    listed = {name: set(levels.split(", ")) for name, levels, _ in rows(DOCS / "operations.md", "Log events")}
    assert listed.pop(FOREIGN_EVENT), "other libraries' lines have levels of their own"
    assert listed == logged()


def logged() -> dict[str, set[str]]:
    """Event -> levels of every call of a log in the service."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "connector").rglob("*.py"):
        if path.relative_to(ROOT / "connector").parts[0] in ("simulator", "demo"):
            continue
        for node in ast.walk(ast.parse(read(path))):
            match node:
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Name(id="log" | "_log") | ast.Attribute(attr="log" | "_log"),
                        attr="debug" | "info" | "warning" | "error" as level,
                    )
                ):
                    event = node.args[0]
                    assert isinstance(event, ast.Constant), (
                        f"{path}:{node.lineno}: an event's name is written out"
                    )
                    found[event.value].add(level)
    return found


def test_the_states_and_holds_of_the_operations_page_are_those_of_the_code() -> None:
    """States in the order in which they win, every pair of scope and reason, every policy."""
    operations = DOCS / "operations.md"
    assert tuple(row[0] for row in rows(operations, "States")) == STATES
    assert {(row[0], row[1]) for row in rows(operations, "Holds")} == set(HOLD_PAIRS)
    policies = {row[0].split()[0] for row in rows(operations, "Where reading begins")}
    assert policies == set(get_args(OnMissingOffset))


def test_the_exit_codes_of_the_operations_page_are_those_of_the_command_line() -> None:
    """Every code of `--help`."""
    codes = re.findall(r"^ +(\d+) ", cli.EXIT_CODES, re.MULTILINE)
    assert [row[0] for row in rows(DOCS / "operations.md", "Exit codes")] == codes


def test_the_reasons_of_the_page_on_dead_letters_are_those_of_the_code() -> None:
    """The closed list, in its order."""
    assert tuple(row[0] for row in rows(DOCS / "dead-letters.md", "Reasons")) == REASONS


def test_the_headers_of_the_page_on_dead_letters_are_those_written() -> None:
    """A failure that knows everything writes each, in this order."""
    failure = Failure(
        reason="front_rejected",
        stage="send",
        message="m",
        step="s",
        operation="o",
        rule="r",
        mapping_hash="h",
        schema_id="1",
        http_status=400,
        request_id="q",
        details=("d",),
    )
    record = Record(
        topic="t", partition=0, offset=0, epoch=Epoch(1), key=b"k", value=b"v", headers=(), timestamp_ms=1
    )
    letter = envelope(record, failure, Origin(connector="c", instance="i", version="v"), 0)
    listed = [row[0] for row in rows(DOCS / "dead-letters.md", "Headers")]
    assert set(listed) == {name for name, _ in letter.headers}


# --- rooms and arrows --------------------------------------------------------------------------------------------


def rooms() -> set[str]:
    """What lies directly in `connector/`: modules and folders."""
    there = (ROOT / "connector").iterdir()
    return {path.stem for path in there if path.suffix == ".py" or path.is_dir()} - {
        "__init__",
        "__pycache__",
    }


def imports() -> set[tuple[str, str]]:
    """Who imports whom, by room, from the syntax tree: imports inside functions count."""
    known, found = rooms(), set()
    for path in (ROOT / "connector").rglob("*.py"):
        own = path.relative_to(ROOT / "connector").parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(read(path))):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                package, _, rest = name.partition(".")
                room = rest.partition(".")[0]
                if package == "connector" and room in known and room != own and own in known:
                    found.add((own, room))
    return found


def without_shortcuts(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The arrows that do not follow from others (the transitive reduction of a graph without cycles)."""
    below: dict[str, set[str]] = defaultdict(set)
    for start, end in arrows:
        below[start].add(end)

    def reach(start: str) -> set[str]:
        return below[start].union(*(reach(end) for end in below[start]))

    return {(a, c) for a, c in arrows if not any(c in reach(b) for b in below[a] - {c})}


def test_the_rooms_of_the_architecture_are_those_on_disk() -> None:
    """The tree names everything in `connector/`, and beside it only what is there."""
    [(_, tree)] = marked(DOCS / "architecture.md", "rooms")
    inner = {name.strip("/").removesuffix(".py") for name in re.findall(r"^  ([\w./]+)", tree, re.MULTILINE)}
    assert inner == rooms()
    for name in re.findall(r"^([\w./]+)", tree, re.MULTILINE):
        assert (ROOT / name).is_dir()


def test_the_arrows_of_the_architecture_are_the_imports() -> None:
    """The diagram has every import between rooms that does not follow from others, and no more."""
    [(_, diagram)] = marked(DOCS / "architecture.md", "arrows")
    drawn = set(re.findall(r"^  (\w+) --> (\w+)$", diagram, re.MULTILINE))
    assert drawn == without_shortcuts(imports())


def test_the_arrows_of_the_architecture_run_down_the_layers() -> None:
    """import-linter's layers and the diagram say the same."""
    contracts = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    [layered] = [contract for contract in contracts if contract["type"] == "layers"]
    height = {room: -at for at, layer in enumerate(layered["layers"]) for room in layer.split(" | ")}
    data_and_simulator = set(layered["exhaustive_ignores"])
    assert set(height) | data_and_simulator == rooms()
    for above, below in imports():
        assert below in data_and_simulator or height[above] > height[below], f"{above} imports {below}"


def test_the_variables_of_the_page_on_testing_are_those_that_tests_read() -> None:
    """One that only the code knows is never used."""
    code = "".join(read(path) for path in sorted((ROOT / "tests").rglob("*.py")))
    asked = set(re.findall(r'environ\.get\("([A-Z_]+)"', code)) | set(re.findall(r'_ENV = "([A-Z_]+)"', code))
    assert {row[0] for row in rows(DOCS / "testing.md", "Variables")} == asked


def test_shortcuts_are_left_out() -> None:
    """Of a -> b -> c and a -> c, the last says nothing new."""
    chain = set(pairwise("abc"))
    assert without_shortcuts({*chain, ("a", "c")}) == chain
