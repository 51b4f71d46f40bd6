"""A process that fetches files and keeps them: to be killed, or to be weighed. `python -m tests.support.spooling URL COUNT`.

Prints `{"idle": KiB, "most": KiB}`: resident before the first file, and at most until all are kept.
"""

import asyncio
import json
import resource
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.fetching import fetched, fetching


def resident() -> int:
    """KiB at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def main(url: str, count: int, folder: Path) -> None:
    """Fetch the same URL `count` times at once, read all, close all."""
    async with fetching(folder, urlsplit(url).netloc, concurrent=count, concurrent_per_host=count) as source:
        idle = resident()
        files = await asyncio.gather(*(fetched(source, url) for _ in range(count)))

        async def size(index: int) -> int:
            return sum([len(piece) async for piece in files[index].chunks()])

        sizes = await asyncio.gather(*map(size, range(count)))
        assert list(sizes) == [file.size for file in files]
        print(json.dumps({"idle": idle, "most": resident(), "bytes": sum(sizes)}))
        for file in files:
            file.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
