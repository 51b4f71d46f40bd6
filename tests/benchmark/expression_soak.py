"""A million evaluations: every expression of the shipped mapping files and every function, on records that nobody would send.

    python -m tests.benchmark.expression_soak                 a million, some minutes
    python -m tests.benchmark.expression_soak --evaluations 20000 --seed 7

Prints errors by kind and the resident memory, and ends with 1 if anything but a value, an absence or an EvaluationError came
out. Nulls, errors, numbers at their limits, NUL bytes, characters beyond Unicode's planes, deep and huge values: see `ODD`.
"""

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Final

import yaml

from connector.core.decode import plain
from connector.core.expression import ABSENT, EvaluationError, Language, Template
from connector.core.expression.library import FUNCTIONS, Function
from connector.core.expression.values import Kind
from tests.benchmark.expressions import EXPRESSIONS, FAILING, OWN, resident_mib, whole

PROJECT: Final = Path(__file__).parents[2]
LANGUAGE: Final = Language(["channels"])
KINDS: Final = (str, int, float, bool, bytes, list, dict)
CHANNELS: Final = {"line-1": {"channel": "cha_1", "company": "c", "app": "main"}}

ODD: Final[tuple[object, ...]] = (
    "", "a", " ", "0", "-1", "true", "1e3", "nan", "\0", "a\0b", "é", "\U0001f600", "\U0010ffff", "\ufeff", "\ud800",
    "\r\n", "%s",
    "${x}", "<p>a &amp; b</p>", "<" * 300, "&#x110000;", "(", "[a-", "^(a+)+$", "9" * 400, "+49 30 12345678", "030 12345678",
    "DE",
    "2026-01-31T12:00:00Z", "2026-01-31T12:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "line-1",
    0, 1, -1, 2, 255, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 1_764_000_000_123,
    0.0, -0.0, 0.5, 1e308, -1e308, 5e-324, 2.0**63, float("inf"), float("-inf"), float("nan"),
    True, False, None, b"", b"\0", b"\xff\xfe", b"plain",
    [], [None], [1, "a", 2.0, True, b"x"], ["a", "b"], [[1], {"a": 1}], [1, 2, 3], {}, {"a": None}, {"a": {"a": {"a": 1}}},
    {"": 1, "a b": 2, "in": 3}, {"name": "x", "number": "+4930"},
)  # fmt: skip
"""Values as a record may hold them; a null is pruned before any expression sees it."""


OF_KIND: Final[Mapping[str, tuple[object, ...]]] = {
    "dyn": ODD,
    "string": tuple(value for value in ODD if isinstance(value, str)),
    "int": (0, 1, 2, 3, -1, 2**31, 2**63 - 1, -(2**63), 1_764_000_000_123),
    "list": (*(value for value in ODD if isinstance(value, list)), ["a", "\0", "é"]),
}


def huge() -> tuple[object, ...]:
    """What is too large to be met often."""
    deep: object = "x"
    for _ in range(300):
        deep = [deep]
    text = "<b>é</b> a,b\0"
    return (text * 8_000, "a" * 1_100_000, b"\xff" * 300_000, list(range(12_000)), [text] * 3_000, deep)


OPERATORS: Final = (
    "value.a == value.b", "value.a != value.b", "value.a < value.b", "value.a <= value.b", "value.a > value.b",
    "value.a >= value.b", "value.a + value.b", "value.a - value.b", "value.a * value.b", "value.a / value.b",
    "value.a % value.b", "-value.a", "!value.a", "value.a && value.b", "value.a || value.b", "value.a ? value.b : value.c",
    "value.a in value.b", "value.a[value.b]", "value[value.a]", "value.a.b.c", "value.a[0].a", 'value.a["a"]',
    "value.?a.?b.orValue(value.c)", "value.a[?value.b].orValue(1)", "has(value.a.b)", "value.?a.hasValue()", "value.?a.value()",
    "value.?a.or(value.?b)", "value.?a.optMap(x, x + value.b)", "value.?a.optFlatMap(x, x.?a)", "value.a.all(x, x > 0)",
    "value.a.exists(x, x == value.b)", "value.a.exists_one(x, x == value.b)", "value.a.filter(x, x != value.b)",
    "value.a.map(x, [x, value.b])", "value.a.map(x, x == 1, x + 1)", "value.a.map(x, value.b.map(y, [x, y]))",
    '{"a": value.a, ?"b": value.?b}', "{string(value.a): value.b}", "[value.a, ?value.?b]", "value == {'a': value.a}",
    "dyn(value.a)", "channels[value.a].channel", "headers.h + value.a", "schema.name == value.a", "timestamp - value.a",
    'is_phone(value.a, "DE") ? e164(value.a, "DE") : value.a', "value.a.map(x, is_phone(x))",
)  # fmt: skip


@dataclass(slots=True)
class Report:
    """What came of the evaluations. `defects` are texts with what was raised that must never be."""

    values: int = 0
    absent: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    defects: list[str] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)
    """MiB, from the end of the first twentieth to the end."""

    @property
    def evaluations(self) -> int:
        return self.values + self.absent + self.errors.total()


def main() -> int:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--evaluations", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.perf_counter()
    report = soak(options.evaluations, options.seed)
    print(f"Python {sys.version.split()[0]}, {len(texts())} texts, {report.evaluations} evaluations")
    print(f"{report.values} values, {report.absent} absent, {report.errors.total()} errors:")
    for kind, count in report.errors.most_common(60):
        print(f"  {count:8}  {kind}")
    print(
        f"{time.perf_counter() - began:.0f} s; MiB resident: {report.resident[0]:.1f} -> {report.resident[-1]:.1f}"
    )
    print(*report.defects[:20], sep="\n")
    return 1 if report.defects else 0


def soak(evaluations: int, seed: int) -> Report:
    """Every text in turn, each time on another record."""
    chance = random.Random(seed)
    templates = [(text, compiled(text), kinds) for text, kinds in texts().items()]
    examples, rare = shipped_values(), huge()
    report = Report()
    for number in range(evaluations):
        if number % max(1, evaluations // 20) == 0 and number:
            report.resident.append(resident_mib())
        text, template, kinds = templates[number % len(templates)]
        evaluate(template, text, record(chance, kinds, examples, rare), report)
    report.resident.append(resident_mib())
    return report


def evaluate(template: Template, text: str, scope: Mapping[str, object], report: Report) -> None:
    """One evaluation, counted."""
    try:
        value = template.evaluate(scope)
    except EvaluationError as error:
        report.errors[kind_of_error(str(error))] += 1
    except Exception as error:
        report.errors["DEFECT"] += 1
        report.defects.append(f"{text}: {type(error).__name__}: {error}"[:500])
    else:
        if value is ABSENT:
            report.absent += 1
        elif type(value) in KINDS:
            report.values += 1
        else:
            report.errors["DEFECT"] += 1
            report.defects.append(f"{text}: gives a {type(value).__name__}")


_QUOTED: Final = re.compile(r"'[^']*'")
_KIND: Final = re.compile(r"\b(an? (string|int|double|bool|list|map)|bytes)\b")
_PATH: Final = re.compile(r"\b(value|s|x|a)([.\[][^ ,;:]*)?(?= is | has )|\S+(?= cannot be applied)")


def kind_of_error(message: str) -> str:
    """The end of the message, without names and kinds: the beginning says where."""
    end = message.partition("; ")[0].rpartition(": ")[2]
    return _KIND.sub("…", _PATH.sub("…", _QUOTED.sub("'…'", end)))[:90]


def record(
    chance: random.Random, kinds: tuple[Kind, ...], examples: tuple[object, ...], rare: tuple[object, ...]
) -> Mapping[str, object]:
    """A scope: an example, half the time with a field or two odd or gone, and odd values under a to d.

    Half the time those are of `kinds`, so that a function gets further than to refusing them.
    """
    value: dict[str, object] = dict(chance.choice(examples))  # type: ignore[call-overload]
    for name in chance.sample(sorted(value), k=chance.choice((0, min(2, len(value))))):
        value[name] = chance.choice(ODD)
    fitting = chance.random() < 0.5
    for name, kind in zip_longest("abcd", kinds, fillvalue="dyn"):
        value[name] = chance.choice(OF_KIND[kind] if fitting else rare if chance.random() < 0.0005 else ODD)
    scope = {
        "value": value,
        "headers": {"h": "x"},
        "channels": CHANNELS,
        "topic": "t",
        "partition": 0,
        "offset": 2**63 - 1,
        "timestamp": chance.choice((0, -(2**63), 1_764_000_000_123)),
        "schema": {"name": chance.choice(("CallCreated", "MessageReceived", "x")), "namespace": "n", "id": 1},
        "key": chance.choice(ODD),
    }
    seen = plain(scope)
    assert isinstance(seen, dict)
    return seen


def texts() -> dict[str, tuple[Kind, ...]]:
    """All that is evaluated, with the kinds that it wants under a to d."""
    measured = (*map(whole, EXPRESSIONS.values()), *OWN.values(), *FAILING)
    found = (*shipped_texts(), *measured, *map(whole, OPERATORS), "a ${value.a} b ${value.b}")
    calls = {whole(call(function)): function.parameters for function in FUNCTIONS.values()}
    return {**dict.fromkeys(found, ()), **calls}


def call(function: Function) -> str:
    """A function called with whatever a record holds."""
    arguments = [f"value.{name}" for name, _ in zip("abcd", function.parameters, strict=False)]
    name = function.usage.partition("(")[0]
    if "." in name:
        return f"{arguments[0]}.{name.rpartition('.')[2]}({', '.join(arguments[1:])})"
    return f"{name}({', '.join(arguments)})"


def shipped_texts() -> Iterator[str]:
    """Every text with an expression in the mapping files that ship with the connector."""
    for path in sorted((PROJECT / "connector" / "mappings").glob("*.yaml")):
        yield from _texts_in(yaml.safe_load(path.read_text(encoding="utf-8")))


def _texts_in(value: object) -> Iterator[str]:
    match value:
        case str() if "${" in value:
            yield value
        case dict():
            for item in value.values():
                yield from _texts_in(item)
        case list():
            for item in value:
                yield from _texts_in(item)


def shipped_values() -> tuple[object, ...]:
    """The values of the example events."""
    folder = PROJECT / "schemas" / "examples"
    paths = sorted(path for path in folder.rglob("*.json") if not path.name.endswith(".expected.json"))
    return tuple(json.loads(path.read_text(encoding="utf-8"))["value"] for path in paths)


def compiled(text: str) -> Template:
    """The template of a text that is right."""
    template = LANGUAGE.compile(text)
    assert isinstance(template, Template), (text, template)
    return template


if __name__ == "__main__":
    sys.exit(main())
