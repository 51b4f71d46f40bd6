"""Expectations of failed tests rewritten to what the records become. `renewed_files` gives texts; `write` stores them.

What cannot be written is left as it stands, with a sentence for a person, and keeps nothing else from being written.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connector.config.explain import dotted
from connector.config.mapping.tests import WrittenTest
from connector.config.reading import shown_path
from connector.config.yaml_source import Loc, read_yaml, value_at
from connector.workbench.testing.expectations import compare, in_full, renewed
from connector.workbench.testing.run import Outcome, TestResult
from connector.workbench.testing.yaml_edit import first_difference, replace_values

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Renewal:
    """`files`: by path, the text to write, in which `count` expectations are new. `left`: why the others are not."""

    files: Mapping[Path, str]
    count: int
    left: tuple[str, ...]


def renewed_files(outcome: Outcome) -> Renewal:
    """The texts with the expectations of failed tests as they must read. Files in which nothing changes are left out."""
    files: dict[Path, str] = {}
    left: list[str] = []
    count = 0
    for path in sorted({one.test.path for one in outcome.results if _is_stale(one)}):
        results = {one.test.loc: one for one in outcome.results if one.test.path == path}
        text = path.read_bytes().decode("utf-8")
        bare = text.removeprefix(_BOM)
        before = read_yaml(bare, str(path)).data
        if any(
            first_difference(_expectation(before, loc), one.test.expected) is not None
            for loc, one in results.items()
        ):
            left.append(f"{shown_path(path)} changed while its tests ran: run them again")
            continue
        file = _File(path, results, bare)
        stale = [loc for loc, one in results.items() if _is_stale(one)]
        why = file.renew(stale)
        if why is not None:  # one by one: those that can be written are
            told = [why] if len(stale) == 1 else [file.renew([loc]) for loc in stale]
            left += [each for each in told if each is not None]
        count += len(file.renewed)
        if file.renewed:
            files[path] = text[: len(text) - len(bare)] + file.text
    return Renewal(files, count, tuple(left))


def write(files: Mapping[Path, str]) -> None:
    """Put each text in its place at once: whoever reads finds the old file or the new one. Raises OSError."""
    for path, text in files.items():
        real = path.resolve()  # the file behind a link, so that the link stays one
        handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
        try:
            with os.fdopen(handle, "wb") as opened:
                opened.write(text.encode("utf-8"))
                opened.flush()
                os.fsync(opened.fileno())
            Path(name).chmod(real.stat().st_mode & 0o7777)
            Path(name).replace(real)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _is_stale(result: TestResult) -> bool:
    return result.status == "failed"


@dataclass(slots=True)
class _File:
    """A file under change. `renewed`: places of the tests whose expectations are new in `text`."""

    path: Path
    results: Mapping[Loc, TestResult]
    text: str
    renewed: set[Loc] = field(default_factory=set)

    def renew(self, locs: Sequence[Loc]) -> str | None:
        """Rewrite the expectations of these tests, all or none; why not, as a sentence."""
        changes: dict[Loc, tuple[object, object]] = {
            (*loc, "expect"): (self.results[loc].test.expected, _wanted(self.results[loc])) for loc in locs
        }
        new = replace_values(self.text, changes)
        source = None if new is None else read_yaml(new, str(self.path))
        must = read_yaml(self.text, str(self.path)).data
        for loc in locs:
            _test_at(must, loc)["expect"] = _wanted(self.results[loc])
        # The whole file and not the expectations alone: what has an anchor in one of them may be a rule's text too.
        other = () if source is None or source.problems else first_difference(must, source.data)
        if new is not None and other is None and all(_is_met(self.results[loc]) for loc in locs):
            self.text = new
            self.renewed.update(locs)
            return None
        test = self.results[locs[0]].test
        if not other or other[: len(test.loc)] == test.loc:
            return f"{_place(test)}: the expectation cannot be replaced where it stands: {_by_hand(test)}"
        others = (one.test for loc, one in self.results.items() if other[: len(loc) + 1] == (*loc, "expect"))
        named = next((f"that of {one.name!r}" for one in others), dotted(other))
        return f"{_place(test)}: the expectation shares an anchor with {named}, which would change too: {_by_hand(test)}"


def _test_at(data: object, loc: Loc) -> dict[str, object]:
    test = value_at(data, loc)
    assert isinstance(test, dict), "the file was read before: a test is a map"
    return test


def _wanted(result: TestResult) -> object:
    assert result.document is not None, "a failed test has what the record becomes"
    if result.test.expected is None:
        return in_full(result.document)
    return renewed(result.test.expected, result.document, exact=result.test.shape.exact)


def _is_met(result: TestResult) -> bool:
    assert result.document is not None, "a failed test has what the record becomes"
    return not compare(_wanted(result), result.document, exact=result.test.shape.exact)


def _by_hand(test: WrittenTest) -> str:
    return f"change {test.name!r} by hand"


def _expectation(data: object, loc: Loc) -> object:
    return value_at(data, (*loc, "expect"))


def _place(test: WrittenTest) -> str:
    return f"{shown_path(test.path)}:{test.line}"
