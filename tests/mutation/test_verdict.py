"""The verdict on a mutation run: what counts as noticed, what must be explained, and what need not be any more."""

import tomllib
from collections import Counter

import pytest

from tests.mutation.verdict import EXPLAINED, Mutant, Tried, as_toml, changed, explained, judge

LATE = Mutant("connector.core.lease:Lease.due", "return now > at", "return now >= at")
NONE = Mutant("connector.core.lease:Lease.ended", "self._sent_at = None", 'self._sent_at = ""')
WORDS = Mutant("connector.core.turns:Turns.add", "assert a, 'it''s\nso'", 'assert a, "SO"')


def test_survivors_are_explained_or_left() -> None:
    """Killed, timed out and refused by the type checker are alike; what no test reaches has survived."""
    tried = [
        *(Tried(NONE, status) for status in ("killed", "timeout", "caught by type check", "segfault")),
        Tried(LATE, "survived"),
        Tried(NONE, "survived"),
        Tried(WORDS, "no tests"),
    ]
    verdict = judge(tried, Counter([LATE]))
    assert verdict.unexplained == {NONE: 1, WORDS: 1}
    assert verdict.needless == {}
    assert [line.split() for line in verdict.table[1:]] == [
        ["connector.core.lease", "6", "4", "1", "1"],
        ["connector.core.turns", "1", "0", "0", "1"],
        ["all", "7", "4", "1", "2"],
    ]


def test_each_explanation_excuses_one_mutant() -> None:
    """Two places of a function where the same line changes alike are two mutants."""
    assert judge([Tried(LATE, "survived")] * 3, Counter([LATE, LATE])).unexplained == {LATE: 1}


def test_an_explanation_without_a_survivor_is_needless() -> None:
    """The list only tells what is so; of modules that were not run it may say what it likes."""
    assert judge([Tried(LATE, "killed")], Counter([LATE, WORDS])).needless == {LATE: 1}


@pytest.mark.parametrize("status", ["not checked", "suspicious", "skipped", "check was interrupted by user"])
def test_what_was_not_judged_is_no_success(status: str) -> None:
    """A run that was stopped half-way has not shown anything."""
    verdict = judge([Tried(LATE, status)], Counter())
    assert (verdict.untried, verdict.unexplained) == (1, {})


def test_a_mutant_is_known_by_the_lines_it_changes() -> None:
    """Not by where they stand: code above it may come and go."""
    diff = "--- a.py\n+++ a.py\n@@ -1,3 +1,3 @@\n def f():\n-    return  1\n+    return  2\n     # end"
    assert changed(diff) == ("return  1", "return  2")


def test_an_entry_to_fill_in_names_its_mutant_and_is_refused_until_it_has_a_reason() -> None:
    """Whatever quotes and lines the code holds."""
    text = "\n".join([as_toml(LATE, 1), as_toml(WORDS, 2)])
    with pytest.raises(ValueError, match="no reason"):
        explained(text)
    assert explained(text.replace('why = ""', 'why = "so"')) == Counter({LATE: 1, WORDS: 2})


def test_the_explanations_that_are_kept_can_be_read() -> None:
    """Each with a reason, and none of them twice: `times` says how often."""
    text = EXPLAINED.read_text(encoding="utf-8")
    assert explained(text)
    entries = [(one["in"], one["was"], one["now"]) for one in tomllib.loads(text)["survivor"]]
    assert len(entries) == len(set(entries))
