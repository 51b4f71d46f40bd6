"""A scripted source of files, and a Front that reads forms as they come: for the pipeline in virtual time."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from connector.adapters.front.streaming import streamed
from connector.core.answers import Answer, Answered
from connector.core.files import FetchAnswer, Fetched, RemoteFile
from connector.core.http_request import HttpRequest
from connector.core.mapping import ChannelDirectory, MapperInput, MapperRequest, MappingSet, PythonMapper
from connector.core.records import Channel
from tests.support.multipart import Form, read_form
from tests.support.world import mappings


class Kept:
    """A file that was fetched. Counts who still keeps it."""

    def __init__(self, content: bytes, name: str = "a.wav", content_type: str = "audio/wav") -> None:
        self.content = content
        self.name = name
        self.content_type = content_type
        self.size = len(content)
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.open = True
        self.reads = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        assert self.open, "a file that was given back is read"
        self.reads += 1
        for start in range(0, self.size, 4):
            await asyncio.sleep(0)
            yield self.content[start : start + 4]

    def close(self) -> None:
        self.open = False


@dataclass
class Files:
    """Answers by `script(url, n)`, n counting the attempts at this URL from 1; after `delay` seconds."""

    script: Callable[[str, int], FetchAnswer] = lambda url, _n: Fetched(Kept(url.encode()))
    delay: float = 0.05
    asked: list[tuple[str, int]] = field(default_factory=list)
    """URLs, and how many bytes they might have."""
    tries: Counter[str] = field(default_factory=Counter)
    given: list[Kept] = field(default_factory=list)
    cancelled: int = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def host(self, file: RemoteFile) -> str:
        return file.url.split("/")[2]

    async def fetch(self, file: RemoteFile, most: int) -> FetchAnswer:
        self.asked.append((file.url, most))
        self.tries[file.url] += 1
        try:
            await asyncio.sleep(self.delay)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        answer = self.script(file.url, self.tries[file.url])
        if isinstance(answer, Fetched):
            assert isinstance(answer.file, Kept)
            self.given.append(answer.file)
        return answer

    @property
    def kept(self) -> int:
        """Files that nobody has given back."""
        return sum(file.open for file in self.given)


@dataclass
class FrontOfForms:
    """Reads every request whole. `got`: key of the record, and its form, or its content if it is none."""

    script: Callable[[int], Answer] = lambda _n: Answered(202)
    delay: float = 0.01
    got: list[tuple[str, Form | bytes]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def refresh(self, app: str) -> None: ...

    async def send(self, request: HttpRequest, channel: Channel) -> Answer:
        pieces = request.upload
        content = request.content if pieces is None else b"".join([chunk async for chunk in streamed(pieces)])
        assert pieces is None or pieces.size == len(content), "Content-Length would be wrong"
        assert request.content_type is not None
        is_form = request.content_type.startswith("multipart/")
        self.got.append((channel.id, read_form(content, request.content_type) if is_form else content))
        self.raw.append(content)
        number = len(self.got)
        await asyncio.sleep(self.delay)
        return self.script(number)


def with_files(*urls: str, operation: str = "sync-inbound-message", **more: Any) -> MappingSet:
    """Mappings by which a record of `world.record` names these files; "{id}" stands for the record's id."""

    def map_one(taken: MapperInput) -> list[MapperRequest]:
        value = taken.value
        attachments = [{"url": url.replace("{id}", value["id"])} for url in urls]
        if operation == "add-call-recording":
            body: dict[str, object] = {"recording_type": "call", "attachments": attachments}
            path = {"external_call_id": value["conversation"]}
        else:
            path = {}
            metadata = {"external_id": value["id"], "external_conversation_id": value["conversation"]}
            body = {"sender": {"handle": "h"}, "body": "b", "metadata": metadata}
            if not value["conversation"].startswith("plain"):
                body["attachments"] = attachments
        request = MapperRequest(operation=operation, channel=value["channel"], path=path, body=body, **more)
        return [request]

    directory = ChannelDirectory.of((), apps=("main",))
    mapper = PythonMapper(name="test", function=map_one, channels=directory, table={})
    return mappings("messages", "other", maps=mapper)
