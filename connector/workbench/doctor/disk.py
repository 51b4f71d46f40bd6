"""The folder for fetched files: can files be made there, and is there room for all that may lie in it?"""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from connector.adapters.attachments.options import SpoolOptions
from connector.adapters.attachments.spool import Spool
from connector.ports import StartupRefused
from connector.workbench.doctor.results import Fine, Result, Warn, Wrong

_MIB: Final = 1024 * 1024


async def look(options: SpoolOptions) -> Sequence[Result]:
    """Make a file without a name, as the service does at its start."""
    spool = Spool(options)
    try:
        await spool.start()
    except StartupRefused as refused:
        return (Wrong(str(refused)),)
    finally:
        await spool.close()
    folder = options.folder or Path(tempfile.gettempdir())
    free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
    return (judged(folder, free, options.disk_total_bytes),)


def judged(folder: Path, free: int, wanted: int) -> Result:
    """Bytes that are free beside those that fetched files may take."""
    if free < wanted:
        return Warn(
            f"{folder} has {free // _MIB} MiB free, and fetched files may take {wanted // _MIB}",
            "give it more room, or lower attachments.spool.disk_total_bytes: what finds no room waits",
        )
    return Fine(f"{folder} can be written and has {free // _MIB} MiB free")
