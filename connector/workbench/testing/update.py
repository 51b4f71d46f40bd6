"""Expectations of failed tests rewritten to what the records become. `renewed_files` gives texts; `write` stores them."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from connector.config.mapping.tests import WrittenTest
from connector.config.reading import shown_path
from connector.config.yaml_source import Loc, read_yaml, value_at
from connector.workbench.testing.expectations import compare, in_full, renewed
from connector.workbench.testing.run import Outcome, TestResult
from connector.workbench.testing.yaml_edit import replace_values

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class NotUpdated:
    """Why a file's expectations cannot be rewritten; nothing is written then."""

    why: str


def renewed_files(outcome: Outcome) -> Mapping[Path, str] | NotUpdated:
    """By file, its text with the expectations of failed tests as they must read. Files without such tests are left out."""
    files: dict[Path, str] = {}
    for path in sorted({one.test.path for one in outcome.results if _is_stale(one)}):
        results = [one for one in outcome.results if one.test.path == path]
        text = path.read_bytes().decode("utf-8")
        new = _renewed(text, path, results)
        if isinstance(new, NotUpdated):
            return new
        files[path] = new
    return files


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


def _renewed(text: str, path: Path, results: Iterable[TestResult]) -> str | NotUpdated:
    bare = text.removeprefix(_BOM)
    tests = {one.test.loc: one for one in results}
    before = read_yaml(bare, str(path)).data
    if any(_expectation(before, loc) != one.test.expected for loc, one in tests.items()):
        return NotUpdated(f"{shown_path(path)} changed while its tests ran: run them again")
    changes: dict[Loc, tuple[object, object]] = {
        (*loc, "expect"): (one.test.expected, _wanted(one)) for loc, one in tests.items() if _is_stale(one)
    }
    new = replace_values(bare, changes)
    source = read_yaml(new, str(path))
    for loc, one in tests.items():
        if source.problems or not _is_right(_expectation(source.data, loc), one):
            return NotUpdated(
                f"{_place(one.test)}: the expectation shares an anchor with something else, or is written so that it cannot "
                f"be replaced in place: change {one.test.name!r} by hand"
            )
    return text[: len(text) - len(bare)] + new


def _wanted(result: TestResult) -> object:
    assert result.document is not None, "a failed test has what the record becomes"
    if result.test.expected is None:
        return in_full(result.document)
    return renewed(result.test.expected, result.document, exact=result.test.shape.exact)


def _is_right(expectation: object, result: TestResult) -> bool:
    if not _is_stale(result):
        return expectation == result.test.expected
    assert result.document is not None, "a failed test has what the record becomes"
    return expectation is not None and not compare(
        expectation, result.document, exact=result.test.shape.exact
    )


def _expectation(data: object, loc: Loc) -> object:
    return value_at(data, (*loc, "expect"))


def _place(test: WrittenTest) -> str:
    return f"{shown_path(test.path)}:{test.line}"
