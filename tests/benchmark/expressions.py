"""Expressions measured: the generated Python against Google's evaluator, and memory over a million evaluations.

    python -m tests.benchmark.expressions            microseconds an evaluation, some ten seconds
    python -m tests.benchmark.expressions --soak     a million evaluations, errors among them, with memory before and after

Google's side shares an Activation between the expressions of a record and makes a new one for the next record, since its memory
grows otherwise; that its results must still be read with care is left out.
Figures are of this machine; docs/decisions/expressions.md compares ratios.
"""

import argparse
import resource
import timeit
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

from connector.core.expression import EvaluationError, Language, Template

PARTY = {"number": "+493012345", "name": "Ada Lovelace"}
RECORD = {
    "call_id": "c-4711",
    "line_id": "main",
    "state": "ENDED",
    "outbound": False,
    "started_at": 1_764_000_000_123,
    "duration_ms": 61_500,
    "caller": PARTY,
    "callee": {"number": "+4940999"},
    "participants": [{**PARTY, "role": role} for role in ("agent", "customer", "agent")],
    "labels": ["vip", "new"],
    "body": "<p>Thank you &amp; goodbye</p>",
}
SCOPE = {
    "value": RECORD,
    "schema": {"name": "CallEnded", "namespace": "telephony", "id": 4},
    "channels": {"main": {"id": "cha_1"}},
    "topic": "telephony.calls.v1",
}
EXPRESSIONS = {
    "path": "value.caller.number",
    "constant key": 'value["call_id"]',
    "computed key": "channels[value.line_id].id",
    "condition": 'schema.name == "CallEnded" && value.state == "ENDED"',
    "ternary": 'value.outbound ? "outbound" : "inbound"',
    "default": 'value.callee.?name.orValue("unknown")',
    "absent": "value.?recording.?url.orValue(value.call_id)",
    "arithmetic": "value.started_at / 1000",
    "join": 'value.labels.join(", ")',
    "filter and map": 'value.participants.filter(p, p.role == "agent").map(p, {"handle": p.number, "name": p.name})',
    "regular expression": 'value.caller.number.matches("^[+][0-9]+$")',
    "strings": 'value.caller.name.trim().lowerAscii() + "/" + string(value.duration_ms)',
}
OWN = {
    "strip and truncate": "${truncate(strip_html(value.body), 60)}",
    "a larger text": "${value.caller.name} called ${value.callee.number}",
}
FAILING = ("${value.caller.email + topic}", "${9223372036854775807 + value.duration_ms}")


def main() -> None:
    """Parse the arguments and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--soak", action="store_true", help="a million evaluations of ours, with memory before and after"
    )
    parser.add_argument("--evaluations", type=int, default=1_000_000, help="how many for --soak")
    options = parser.parse_args()
    soak(options.evaluations) if options.soak else compare()


def compare() -> None:
    """One line an expression: compile and evaluate, ours and Google's."""
    environment = google_environment()
    activation = environment.Activation(SCOPE)
    print(f"{'':20}{'compile':>10}{'evaluate':>10}{'Google':>10}   microseconds")
    totals = [0.0, 0.0]
    for name, expression in EXPRESSIONS.items():
        text = whole(expression)
        ours = best(partial(compiled(text).evaluate, SCOPE))
        google = best(partial(environment.compile(expression).eval, activation))
        print(f"{name:20}{compile_time(text):10.0f}{ours:10.2f}{google:10.2f}")
        totals = [totals[0] + ours, totals[1] + google]
    print(f"{'all twelve':30}{totals[0]:10.2f}{totals[1]:10.2f}")
    print(f"{'an Activation':40}{best(partial(environment.Activation, SCOPE)):10.2f}")
    for name, text in OWN.items():
        print(f"{name:20}{compile_time(text):10.0f}{best(partial(compiled(text).evaluate, SCOPE)):10.2f}")


def soak(evaluations: int) -> None:
    """Evaluate everything in turn and print the resident memory."""
    templates = [compiled(text) for text in (*map(whole, EXPRESSIONS.values()), *OWN.values(), *FAILING)]
    rounds = evaluations // len(templates)
    evaluate_all(templates, rounds // 100)
    before = resident_mib()
    evaluate_all(templates, rounds)
    print(f"{rounds * len(templates)} evaluations: {before:.1f} MiB before, {resident_mib():.1f} MiB after")


def evaluate_all(templates: list[Template], rounds: int) -> None:
    """Every template, `rounds` times; the failing ones fail."""
    for _ in range(rounds):
        for template in templates:
            try:
                template.evaluate(SCOPE)
            except EvaluationError:
                continue


def whole(expression: str) -> str:
    """The text that consists of an expression."""
    return "${" + expression + "}"


def compiled(text: str) -> Template:
    """Our template of a text."""
    template = LANGUAGE.compile(text)
    assert isinstance(template, Template), template
    return template


def compile_time(text: str) -> float:
    """Microseconds to compile it once."""
    return min(timeit.repeat(partial(LANGUAGE.compile, text), number=20, repeat=3)) / 20 * 1e6


def best(work: Callable[[], object]) -> float:
    """Microseconds a call, the best of five runs."""
    return min(timeit.repeat(work, number=5_000, repeat=5)) / 5_000 * 1e6


def resident_mib() -> float:
    """Memory of this process now, or its peak where /proc is missing."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def google_environment() -> "cel.Env":
    """The same variables for Google's evaluator."""
    text_map = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    return cel.NewEnv(
        variables={"value": cel.Type.DYN, "schema": text_map, "channels": text_map, "topic": cel.Type.STRING},
        extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional()],
    )


LANGUAGE = Language(["channels"])

if __name__ == "__main__":
    main()
