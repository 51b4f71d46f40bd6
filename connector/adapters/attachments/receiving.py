"""The body of a 200 -> a file in the spool, or why there is none. Bounded while it comes, whatever the head said."""

import aiohttp

from connector.adapters.attachments.network import FAILURES, failed
from connector.adapters.attachments.spool import Spool
from connector.adapters.attachments.stored import SpooledFile
from connector.core.file_names import choose, of_disposition, of_path
from connector.core.file_types import HEAD_BYTES, content_type
from connector.core.files import Fetched, HostFailed, NoRoom, RemoteFile, TooLarge


async def receive(
    response: aiohttp.ClientResponse, shown: str, file: RemoteFile, most: int, spool: Spool
) -> Fetched | TooLarge | HostFailed | NoRoom:
    """The whole file, or nothing. `shown`: the host that serves it."""
    said = response.content_length
    if said is not None and said > most:
        return TooLarge(said)
    if said is None and "Transfer-Encoding" not in response.headers:
        # It would end with its connection, and so would half of it (RFC 9112 §8).
        return HostFailed("protocol", f"{shown} says neither a length nor where the file ends")
    coded = _coded(response)
    if coded is not None:
        return HostFailed("protocol", f"{shown} sent the file {coded}, which was not asked for")
    with spool.writer(said) as writer:
        if (no_room := await writer.reserve()) is not None:
            return no_room
        head = bytearray()
        try:
            async for piece in response.content.iter_any():
                if writer.size + len(piece) > most:
                    return TooLarge(most + 1)
                if len(head) < HEAD_BYTES:
                    head += piece[: HEAD_BYTES - len(head)]
                if (no_room := await writer.write(piece)) is not None:
                    return no_room
        except FAILURES as error:
            return _cut_short(shown, said, error)
        # Named while the writer still cleans up: whatever a server says, nothing is left behind.
        name, kind = _named(response, file, bytes(head))
        content = await writer.keep()
    return content if isinstance(content, NoRoom) else Fetched(SpooledFile(name, kind, content))


def _named(response: aiohttp.ClientResponse, file: RemoteFile, head: bytes) -> tuple[str, str]:
    """Its name and its content type."""
    path, disposition = response.url.raw_path, response.headers.get("Content-Disposition")
    known_as = file.name or of_disposition(disposition) or of_path(path)
    kind = content_type(file.content_type, response.headers.get("Content-Type"), head, known_as)
    return choose(file.name, disposition, path, kind), kind


def _coded(response: aiohttp.ClientResponse) -> str | None:
    """How the body is compressed, in words; None if it is not. A few bytes of it may stand for gigabytes."""
    content = response.headers.get("Content-Encoding", "identity").strip().lower()
    transfer = response.headers.get("Transfer-Encoding", "chunked").strip().lower()
    known = {"gzip", "x-gzip", "deflate", "br", "zstd", "compress"}
    if content not in ("identity", ""):
        return f"compressed ({content})" if content in known else "in an encoding"
    return None if transfer == "chunked" else "in a transfer encoding"


def _cut_short(shown: str, said: int | None, error: BaseException) -> HostFailed:
    if isinstance(error, aiohttp.ClientPayloadError) and said is not None:
        return HostFailed("protocol", f"{shown} said {said} bytes and sent fewer")
    return failed(shown, error)
