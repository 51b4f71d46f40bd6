"""Names of file hosts: a lookup that hangs keeps nobody else from theirs, and nothing waits for it."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from connector.adapters.attachments.resolving import LOOKUPS_MAX, ApartResolver


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Lookups of hang.example wait for this."""
    may_end = threading.Event()
    true = socket.getaddrinfo

    def ask(host: str, *more: object, **named: object) -> object:
        if host == "hang.example":
            may_end.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return true(host, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    yield may_end
    may_end.set()


async def test_addresses_are_those_of_the_system() -> None:
    """As aiohttp wants them."""
    (found,) = await ApartResolver().resolve("127.0.0.1", 443)
    assert (found["host"], found["port"], found["family"]) == ("127.0.0.1", 443, socket.AF_INET)


@pytest.mark.parametrize("name", ["no-such-name.invalid", "x" * 64 + ".example", "a..b"])
async def test_a_name_without_an_address_is_an_os_error(name: str) -> None:
    """Whatever Python's resolver raises for it."""
    with pytest.raises(OSError, match=r"."):
        await ApartResolver().resolve(name)


async def test_lookups_that_hang_leave_the_loops_threads_alone(hanging: threading.Event) -> None:
    """Front's name is resolved in those. A hanging lookup that nobody waits for any more takes its turn, and no more."""
    resolver = ApartResolver()
    asking = [asyncio.create_task(resolver.resolve("hang.example")) for _ in range(LOOKUPS_MAX - 1)]
    await asyncio.sleep(0.05)
    others = await asyncio.gather(*(asyncio.to_thread(lambda: 1) for _ in range(40)))
    assert sum(others) == 40
    assert await resolver.resolve("127.0.0.1"), "there is one turn left"
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    hanging.set()
    await asyncio.sleep(0.05)
    assert await resolver.resolve("127.0.0.1")
