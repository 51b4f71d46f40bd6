"""Broken set-ups, and what `doctor` says of each: read from the YAML file beside this one, for a test and for docs/doctor.md.

Run `python -m tests.support.broken_setups` after a change there: it writes the page's table.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML

PAGE: Final = Path(__file__).parents[2] / "docs" / "doctor.md"
DATA: Final = Path(__file__).with_suffix(".yaml")
_BEGIN: Final = "<!-- broken set-ups: generated -->\n"
_END: Final = "<!-- end -->\n"

EXAMPLES: Final[Mapping[str, str]] = {
    "topic": "calls.v1",
    "letters": "front-connector.dead-letters",
    "group": "front-events",
    "bootstrap": "kafka:9092",
    "registry": "http://registry:8081",
    "front": "https://api2.frontapp.com",
    "channel": "cha_4f2c",
    "port": "8080",
    "config": "connector.yaml",
    "idp": "idp.example.com",
}
"""For the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """`broken`: what is wrong there, in words. `said`: every line that doctor prints, but those that begin with ok."""

    name: str
    broken: str
    exit_code: int
    said: str

    def lines(self, names: Mapping[str, str]) -> list[str]:
        """What is said, with names filled in."""
        return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], self.said).splitlines()


BROKEN: Final = tuple(Broken(**row) for row in YAML(typ="safe", pure=True).load(DATA))


def with_table(page: str) -> str:
    """The page with its table made anew."""
    before, _, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert end, f"{PAGE} has no place for the table"
    rows = [f"| {one.broken} | {_cell(one)} | {one.exit_code} |" for one in BROKEN]
    table = ["| broken | what `doctor` says, beside what is ok | exit |", "|---|---|---|", *rows]
    return f"{before}{_BEGIN}\n" + "\n".join(table) + f"\n\n{_END}{after}"


def _cell(broken: Broken) -> str:
    lines = (html.escape(line, quote=False).replace("|", "&#124;") for line in broken.lines(EXAMPLES))
    return "<br>".join(re.sub(r"^(\S+(?: checked)?)  +", r"**\1** ", line.strip()) for line in lines)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")
