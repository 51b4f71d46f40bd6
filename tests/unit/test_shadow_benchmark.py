"""The benchmark of `shadow` runs from end to end over a few records: what it changes is still in the shipped mappings."""

import sys
from pathlib import Path

import pytest

from tests.benchmark.shadow import changed_mappings, run


def test_the_changed_copy_is_of_the_shipped_mappings(tmp_path: Path) -> None:
    """A shipped file that does not say any more what is replaced fails here, not in the middle of a run."""
    folder = changed_mappings(tmp_path / "changed")
    assert "name: message came in" in (folder / "messaging-messages.yaml").read_text("utf-8")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_a_small_run_compares_every_record(tmp_path: Path) -> None:
    """With the embedded broker and registry, faults included; some records differ, and not all."""
    measured = run(300, tmp_path)
    assert measured.records == 300
    assert 0 < measured.differing < 300
    assert measured.rss_mib > 0
