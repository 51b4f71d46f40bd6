"""Reads what `mutmut run` found: the score of each module, and the survivors that nobody has explained.

`python -m tests.mutation.verdict [module ...]` ends with 1 if a mutant survived that `explained.toml` does not name, or if that
file names one that no longer survives: the list only tells what is so. A mutant has no lasting number, so it is known
by its function and by the lines it changes. Never here: how the tests run against a mutant (`profile`).
"""

import json
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EXPLAINED = Path(__file__).with_name("explained.toml")

KILLED = frozenset({"killed", "timeout", "segfault", "caught by type check"})
"""mutmut's words for a mutant that was noticed."""

SURVIVED = frozenset({"survived", "no tests"})
"""And for one that was not; whatever else it says, the mutant was not judged."""

COLUMNS = ("mutants", "killed", "explained", "left")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one function: its lines without and with the change, stripped."""

    function: str
    """connector.core.lease:Lease.due"""
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Tried:
    """A mutant and what mutmut says of it."""

    mutant: Mutant
    status: str

    @property
    def module(self) -> str:
        return self.mutant.function.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The scores as lines of a table, and what is to be done."""

    table: tuple[str, ...]
    unexplained: Mapping[Mutant, int]
    needless: Mapping[Mutant, int]
    """Explained, but killed meanwhile or no longer there; how many too many."""
    untried: int
    """mutmut has not come to them, or could not judge them."""


def explained(text: str) -> Counter[Mutant]:
    """What `explained.toml` names. Raises ValueError for an entry without a reason."""
    found: Counter[Mutant] = Counter()
    for entry in tomllib.loads(text).get("survivor", []):
        mutant = Mutant(entry["in"], entry["was"], entry["now"])
        if not entry.get("why"):
            raise ValueError(f"{EXPLAINED.name}: {mutant} has no reason; add why = ...")
        found[mutant] += entry.get("times", 1)
    return found


def judge(tried: Iterable[Tried], known: Counter[Mutant]) -> Verdict:
    """Compare what survived with what is known; modules that mutmut has not tried at all need no explanation."""
    by_module: defaultdict[str, list[Tried]] = defaultdict(list)
    for one in tried:
        by_module[one.module].append(one)
    survived: Counter[Mutant] = Counter()
    sums: Counter[str] = Counter()
    rows = []
    for module, all_of_it in sorted(by_module.items()):
        lived = Counter(one.mutant for one in all_of_it if one.status in SURVIVED)
        counts = Counter(
            mutants=len(all_of_it),
            killed=sum(one.status in KILLED for one in all_of_it),
            explained=(lived & known).total(),
            left=(lived - known).total(),
        )
        survived += lived
        sums.update(counts)
        rows.append(_row(module, counts))
    untried = sums["mutants"] - sums["killed"] - survived.total()
    table = (_row("module", {column: column for column in COLUMNS}), *rows, _row("all", sums))
    needless = Counter({one: times for one, times in (known - survived).items() if _module(one) in by_module})
    return Verdict(table, survived - known, needless, untried)


def _row(name: str, values: Mapping[str, object]) -> str:
    return f"{name:44}" + "".join(f" {values[column]:>9}" for column in COLUMNS)


def changed(diff: str) -> tuple[str, str]:
    """The lines that a unified diff takes away and those it puts there, each stripped."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    was, now = ([line[1:].strip() for line in lines if line.startswith(sign)] for sign in "-+")
    return "\n".join(was), "\n".join(now)


def as_toml(mutant: Mutant, times: int) -> str:
    """An entry for `explained.toml`, its reason still to be written."""
    lines = [
        "[[survivor]]",
        f'in = "{mutant.function}"',
        f"was = {_quoted(mutant.was)}",
        f"now = {_quoted(mutant.now)}",
    ]
    return "\n".join([*lines, *([f"times = {times}"] if times > 1 else []), 'why = ""', ""])


def _quoted(text: str) -> str:
    # A literal string holds anything but its own quotes; JSON's escapes are TOML's too.
    return json.dumps(text, ensure_ascii=False) if "'" in text or "\n" in text else f"'{text}'"


def _module(mutant: Mutant) -> str:
    return mutant.function.partition(":")[0]


def _tried(modules: Sequence[str]) -> Iterator[Tried]:
    """What mutmut keeps below `mutants/`: of modules whose names begin so, or of all when none is named.

    Imported here, so that the judging can be tested where mutmut has not run.
    """
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.stats import status_by_exit_code
    from mutmut.utils.file_utils import walk_mutatable_files
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    for path in walk_mutatable_files():
        module = ".".join(Path(path).with_suffix("").parts)
        if modules and not module.startswith(tuple(modules)):
            continue
        data = SourceFileMutationData(path=path)
        data.load()
        for name, code in data.exit_code_by_key.items():
            status = status_by_exit_code[code]
            function, owner = orig_function_and_class_names_from_key(name)
            place = f"{module}:{owner}.{function}" if owner else f"{module}:{function}"
            # To read a diff takes longer than all the rest.
            lines = changed(get_diff_for_mutant(name, path=path)) if status in SURVIVED else ("", "")
            yield Tried(Mutant(place, *lines), status)


def main(modules: Sequence[str]) -> int:
    """Print the table, what is unexplained as entries to fill in, and what is explained for nothing."""
    verdict = judge(_tried(modules), explained(EXPLAINED.read_text(encoding="utf-8")))
    print(*verdict.table, sep="\n")
    if verdict.untried:
        print(f"\n{verdict.untried} not tried yet: say `mutmut run` again.")
    if verdict.unexplained:
        print(f"\nSurvived: kill them with tests, or say in {EXPLAINED} why no test can:\n")
        print(*(as_toml(mutant, times) for mutant, times in verdict.unexplained.items()), sep="\n")
    if verdict.needless:
        print(f"\nKilled by now, or no longer there: take them out of {EXPLAINED}:\n")
        print(*(as_toml(mutant, times) for mutant, times in verdict.needless.items()), sep="\n")
    return 1 if verdict.unexplained or verdict.needless or verdict.untried else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
