"""A real fetcher of files for tests: on loopback, with names resolved as the test says, in a spool folder of its own."""

import hashlib
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from connector.adapters.attachments import AttachmentSource, FetchOptions, HostOptions, SpoolOptions
from connector.adapters.attachments.credentials import Credentials
from connector.app.clock import SystemClock
from connector.config.host_patterns import HostPattern, read_pattern
from connector.core.files import FetchAnswer, Fetched, RemoteFile, StoredFile
from tests.support.http_peer import Line, Script, Seen

MOST: Final = 25_000_000
LOOPBACK: Final = (ip_network("127.0.0.1/32"),)
"""127.0.0.2 and the others stay forbidden."""


class ScriptedResolver(AbstractResolver):
    """Answers each name with its next answer; the last one stays. A name without answers does not exist."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._answers = {name: list(said) for name, said in answers.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses, or OSError."""
        self.asked.append(host)
        said = self._answers.get(host)
        if not said:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        addresses = said.pop(0) if len(said) > 1 else said[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


def listed(text: str, *, plain_text: bool = True, credentials: Credentials | None = None) -> HostOptions:
    """A row of attachments.hosts."""
    pattern = read_pattern(text)
    assert isinstance(pattern, HostPattern), pattern
    return HostOptions(pattern=pattern, plain_text=plain_text, credentials=credentials)


@asynccontextmanager
async def fetching(
    folder: Path, *hosts: HostOptions | str, names: ScriptedResolver | None = None, **options: Any
) -> AsyncIterator[AttachmentSource]:
    """A started source that may ask `hosts` at 127.0.0.1 and spools into `folder`; closed at the end."""
    wanted = FetchOptions(
        hosts=tuple(listed(host) if isinstance(host, str) else host for host in hosts),
        allow_private=LOOPBACK,
        spool=SpoolOptions(folder=folder),
    )
    made = AttachmentSource(
        replace(wanted, **options),
        SystemClock(),
        version="0",
        make_resolver=aiohttp.ThreadedResolver if names is None else lambda: names,
    )
    await made.start()
    try:
        yield made
    finally:
        await made.close()


async def fetched(source: AttachmentSource, url: str, **file: Any) -> StoredFile:
    """The file, which must come."""
    got = await source.fetch(RemoteFile(url, **file), MOST)
    assert isinstance(got, Fetched), got
    return got.file


async def answer_to(source: AttachmentSource, url: str, most: int = MOST) -> FetchAnswer:
    """What becomes of a URL. A file that came is closed again."""
    got = await source.fetch(RemoteFile(url), most)
    if isinstance(got, Fetched):
        got.file.close()
    return got


async def read(file: StoredFile) -> bytes:
    """All of it; each piece is small, and the whole is what size and digest say."""
    pieces = [piece async for piece in file.chunks()]
    assert all(0 < len(piece) <= 256 * 1024 for piece in pieces)
    whole = b"".join(pieces)
    assert (len(whole), hashlib.sha256(whole).hexdigest()) == (file.size, file.sha256)
    return whole


def content(size: int) -> bytes:
    """So many bytes that no piece of them can be mistaken for another, and that no type begins with."""
    return b"".join(b"%09d\x00" % number for number in range(size // 10 + 1))[:size]


def by_path(answers: Mapping[str, bytes]) -> Script:
    """Each path with its own answer; a path without one is not found."""

    async def script(seen: Seen, line: Line) -> None:
        missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        line.writer.write(answers.get(seen.line.split(" ")[1], missing))

    return script


def serving(body: bytes, *headers: str, status: str = "200 OK", said: int | None = None) -> bytes:
    """An answer with a body. `said`: the Content-Length, if it is not the truth."""
    length = len(body) if said is None else said
    head = (f"HTTP/1.1 {status}", f"Content-Length: {length}", *headers, "", "")
    return "\r\n".join(head).encode() + body
