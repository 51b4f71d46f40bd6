"""How many files and connections the system lets a process have open (ulimit -n), beside what the settings may need."""

import resource
from collections.abc import Sequence
from typing import Final

from connector.config.settings import Settings
from connector.workbench.doctor.results import Fine, Result, Warn

_REST: Final = 100
"""Brokers, the registry, probes, libraries."""


async def look(settings: Settings) -> Sequence[Result]:
    """The limit of this process: run it where the service runs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    return (judged(None if unlimited else soft, needed(settings)),)


def needed(settings: Settings) -> int:
    """A connection a request, a connection and a file a fetch, a file a request that has one; and the rest."""
    fetches = 2 * settings.attachments.concurrent if settings.attachments.hosts else 0
    stored = settings.limits.in_flight if settings.attachments.hosts else 0
    return settings.limits.in_flight + fetches + stored + _REST


def judged(limit: int | None, wanted: int) -> Result:
    """`limit`: None is without one."""
    if limit is not None and limit < wanted:
        return Warn(
            f"this process may have {limit} files open, and limits.in_flight and attachments may need {wanted}",
            "raise the limit (ulimit -n) where the service runs",
        )
    return Fine(f"{limit or 'any number of'} files may be open, {wanted} may be needed")
