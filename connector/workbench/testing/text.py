"""The outcome of tests for people, line by line, and for programs. A terminal decides whether colours are shown."""

from collections.abc import Iterable, Iterator, Mapping

from rich.text import Text

from connector.config.problems import counted
from connector.config.reading import shown_path
from connector.workbench.testing.becomes import Document
from connector.workbench.testing.coverage import Coverage, as_value
from connector.workbench.testing.differences import Difference
from connector.workbench.testing.run import Outcome, TestResult

_STYLES: Mapping[str, str] = {"-": "red", "+": "green"}


def lines(outcome: Outcome, *, with_coverage: bool) -> Iterator[Text]:
    """Every test with its differences, then the sums."""
    topic = None
    for result in outcome.results:
        if result.test.topic != topic:
            topic = result.test.topic
            yield Text(topic, "bold")
        yield from test_lines(result)
    if outcome.results:
        yield Text()
    yield summary(outcome)
    if with_coverage:
        yield from coverage_lines(outcome.coverage)


def test_lines(result: TestResult) -> Iterator[Text]:
    """One test."""
    if result.status == "ok":
        yield Text.assemble("  ", ("ok", "green"), f"      {result.test.name}")
        return
    place = f"{shown_path(result.test.path)}:{result.test.line}"
    yield Text.assemble(
        "  ",
        (result.status, "bold red"),
        " " * (8 - len(result.status)),
        result.test.name,
        (f"  {place}", "dim"),
    )
    if result.why is not None:
        yield Text(f"    {result.why}")
    if result.document is not None and result.differences:
        yield Text.assemble("    ", (decided(result.document), "dim"))
    yield from difference_lines(result.differences)


def difference_lines(differences: Iterable[Difference]) -> Iterator[Text]:
    """As in a unified diff."""
    for each in differences:
        for line in each.lines:
            yield Text(f"    {line}", _STYLES[line[0]])


def decided(document: Document) -> str:
    """Who decided what the record becomes."""
    rule = document.get("rule") or document.get("skip", {}).get("rule")
    return "no rule decides" if rule is None else f"rule {rule!r} decides"


def summary(outcome: Outcome) -> Text:
    """How many tests ended how."""
    if not outcome.results:
        return Text("no tests")
    said = [f"{outcome.count('ok')} ok"]
    said += [f"{number} {word}" for word, number in _wrong(outcome) if number]
    style = "green" if outcome.passed else "bold red"
    return Text(f"{counted(len(outcome.results), 'test')}: {', '.join(said)}", style)


def coverage_lines(coverage: Coverage) -> Iterator[Text]:
    """The sums, and every rule that no test hits."""
    hit, rules = coverage.rules
    reached, branches = coverage.branches
    yield Text(f"rules hit: {hit} of {rules}{_percent(hit, rules)}, branches: {reached} of {branches}")
    for topic, rule in coverage.never_hit:
        yield Text(f"  never hit: {topic}: {rule}", "yellow")


def as_values(outcome: Outcome) -> Mapping[str, object]:
    """As JSON values."""
    return {
        "passed": outcome.passed,
        "tests": [_test(result) for result in outcome.results],
        "coverage": as_value(outcome.coverage),
    }


def _test(result: TestResult) -> dict[str, object]:
    shown: dict[str, object] = {
        "topic": result.test.topic,
        "name": result.test.name,
        "file": shown_path(result.test.path),
        "line": result.test.line,
        "status": result.status,
    }
    if result.why is not None:
        shown["why"] = result.why
    if result.status != "ok":
        shown["differences"] = [
            {"path": each.path, "expected": each.expected, "actual": each.actual}
            for each in result.differences
        ]
        shown["becomes"] = result.document
    return shown


def _wrong(outcome: Outcome) -> tuple[tuple[str, int], ...]:
    return (("failed", outcome.count("failed")), ("without a result", outcome.count("error")))


def _percent(part: int, whole: int) -> str:
    return f" ({100 * part // whole} %)" if whole else ""
