"""The trial with large files, on request only: what a request may measure, and whether each file or the whole counts."""

from dataclasses import replace
from typing import Final

from connector.core.answers import Answer
from connector.workbench.probe import deciding
from connector.workbench.probe.deciding import Sizes, taken
from connector.workbench.probe.findings import Measured
from connector.workbench.probe.items import SPELLINGS
from connector.workbench.probe.trial import Trial

SWITCHES: Final = ("size_limit", "size_limit_per", "size_limit_status")
LIMIT: Final = 25_000_000
BYTES_MAX: Final = 8 * LIMIT
"""That are sent, roughly, at most: four sizes, each twice."""


async def try_uploads(trial: Trial) -> None:
    """A request of the limit's size, and one that is a byte larger; if that is taken, files of these sizes."""
    names = trial.found.get("attachment_names")
    part = names.value if isinstance(names, Measured) and names.value in SPELLINGS else SPELLINGS[0]
    items, asker = trial.items, trial.asker

    async def file(what: str, size: int) -> list[Answer]:
        answers = await asker.settle(lambda n: items.with_files(f"{what}-{n}", str(part), (bytes(size),)))
        trial.messages += sum(map(taken, answers))
        return answers

    async def request(what: str, size: int) -> list[Answer]:
        without = len(items.with_files(f"{what}-0", str(part), (b"",)).content)
        return await file(what, size - without)

    sizes = Sizes(request=await request("size-a", LIMIT), request_beyond=await request("size-b", LIMIT + 1))
    if sizes.need_files:
        sizes = replace(sizes, file=await file("size-c", LIMIT), file_beyond=await file("size-d", LIMIT + 1))
    trial.found |= deciding.size(sizes)
