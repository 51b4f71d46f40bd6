"""axe-core, which tries a page's accessibility: its script, as `tests/browser/package-lock.json` pins it.

What lives here: finding it. What is asked of it is the business of `tests/browser`.
"""

import functools
from pathlib import Path

from tests.support.java import Missing
from tests.support.npm import installed

LOCKED = Path(__file__).parents[1] / "browser"
NEEDED = "install Node and npm, and run where npm can install axe-core"


@functools.cache
def find_axe() -> Path | Missing:
    """The script. Blocks on npm the first time."""
    return installed(LOCKED, "axe-core/axe.min.js")
