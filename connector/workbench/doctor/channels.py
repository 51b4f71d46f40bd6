"""The channel directory: are there rows, and which apps have none? A directory in a topic is read to its end."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from connector.adapters.kafka.reading import CannotRead
from connector.adapters.workers import Workers
from connector.config import Loaded
from connector.config.problems import counted
from connector.ports import GaveUp
from connector.workbench.doctor.results import Fine, NotChecked, Result, Warn, Wrong
from connector.workbench.sources import fill_channels, reader


async def look(loaded: Loaded, threads: Workers) -> Sequence[Result]:
    """Fills `loaded.channels` from the topic, if there is one."""
    front = loaded.settings.front
    if front.channels is None and front.channels_topic is None:
        return (Fine("no directory is configured: the mapping files name channels themselves"),)
    if front.channels_topic is not None:
        try:
            ended = await threads.run(partial(_read, loaded))
        except CannotRead as why:
            return (Wrong(f"front.channels_topic: {why}"),)
        if isinstance(ended, GaveUp):
            return (NotChecked(f"reading front.channels_topic {ended.why}: it may be long"),)
    apps = Counter(row["app"] for row in loaded.channels.rows.values())
    return judged(str(front.channels_topic or front.channels), apps, tuple(front.apps))


def _read(loaded: Loaded) -> None:
    with reader(loaded.settings) as source:
        fill_channels(loaded, source)


def judged(where: str, rows: Counter[str], apps: Sequence[str]) -> Sequence[Result]:
    """`rows`: how many each app has."""
    if not rows:
        return (
            Warn(f"{where} has no row", "records whose channel is looked up there would wait: add its rows"),
        )
    without = [app for app in apps if not rows[app]]
    told = ", ".join(f"{app} {rows[app]}" for app in apps if rows[app])
    fine = Fine(f"{counted(rows.total(), 'row')} ({told})")
    return (
        fine,
        *(Warn(f"no row of {where} names the app {app}", "add one, or take the app away") for app in without),
    )
