"""The listeners' ports: are they free, or taken by a connector that runs here, or by somebody else?"""

import asyncio
import errno
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from connector.adapters.admin import LOOPBACK
from connector.config.settings import Settings
from connector.workbench.doctor.results import Fine, Result, Wrong


@dataclass(frozen=True, slots=True)
class Place:
    """Where the service would listen, and which section of the settings says so."""

    section: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port or 'any'}"


async def look(settings: Settings) -> Sequence[Result]:
    """Listen at each for a moment."""
    probes = Place("telemetry", settings.telemetry.host, settings.telemetry.port)
    places = (probes, Place("admin", LOOPBACK, settings.admin_port))
    failed = [(place, error) for place in places if (error := await _refused(place)) is not None]
    if not failed:
        return (Fine(f"free: {', '.join(map(str, places))}"),)
    if any(error.errno == errno.EADDRINUSE for _, error in failed) and await _is_connector(probes.port):
        return (Fine(f"a connector that runs here answers at {probes}"),)
    return [judged(place, error) for place, error in failed]


async def _refused(place: Place) -> OSError | None:
    try:
        (await asyncio.start_server(lambda _reader, writer: writer.close(), place.host, place.port)).close()
    except OSError as error:
        return error
    return None


def judged(place: Place, error: OSError) -> Wrong:
    """Why it cannot be listened at."""
    section = place.section
    if isinstance(error, socket.gaierror):
        return Wrong(f"{section}.host {place.host} is no address: {error.strerror}")
    why, do = _WHY.get(error.errno or 0, (f"cannot be had: {os.strerror(error.errno or 0)}", "set {}.port"))
    return Wrong(f"{place} {why}", do.format(section))


_WHY: Final = {
    errno.EADDRINUSE: ("is taken by another program", "set {}.port to a free one"),
    errno.EACCES: ("may not be used by this user", "set {}.port to one above 1023"),
    errno.EADDRNOTAVAIL: ("is no address of this machine", "set {}.host to one that is, or to 0.0.0.0"),
}


async def _is_connector(port: int) -> bool:
    try:
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            body = (await client.get(f"http://127.0.0.1:{port}/readyz")).json()
    except (httpx.HTTPError, ValueError):
        return False
    return isinstance(body, dict) and body.keys() >= {"status", "state", "checks"}
