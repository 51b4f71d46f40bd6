"""The guide to the tools of mapping files: its example of tests is one that runs, and passes."""

import re
from pathlib import Path

from connector.workbench.testing.run import run_tests
from tests.unit.config_files import folder, loaded
from tests.unit.test_config_docs import examples

DOCS = Path(__file__).parents[2] / "docs"


def test_the_tests_in_the_guides_pass(tmp_path: Path) -> None:
    """Those in the mapping file of one page, and the file beside it of the other."""
    [notes] = [text for text in examples("mapping.md", "yaml") if "tests:" in text]
    page = (DOCS / "mapping-tools.md").read_text(encoding="utf-8")
    [beside] = re.findall(r"```yaml\n(# [^\n]*\nchannels:\n.*?)```", page, re.DOTALL)
    file = folder(tmp_path, notes=notes)
    (tmp_path / "mappings" / "notes.tests.yaml").write_text(beside)
    (tmp_path / "mappings" / "examples").mkdir()
    (tmp_path / "mappings" / "examples" / "unknown-line.json").write_text(
        '{"line_id": "x", "call_id": "c", "text": "t"}'
    )
    outcome = run_tests(loaded(file))
    assert [(one.test.name, one.status, one.differences, one.why) for one in outcome.results] == [
        (name, "ok", (), None)
        for name in (
            "a note becomes a summary",
            "a note becomes a summary",
            "a note on a line that nobody knows",
            "nothing is written",
        )
    ]
