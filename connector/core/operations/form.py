"""The body of a request that names files by URL: what is known of it, until they are fetched or given up.

Pure, and repeatable as `build` is: the same files give the same bytes. Never here: fetching, and whether to go on without a
file (`core.fetching`).
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import BaseModel

from connector.core.file_names import harmless
from connector.core.files import File, RemoteFile, StoredFile
from connector.core.http_encoding import Encoded, json_body, multipart_body
from connector.core.operations import bodies
from connector.core.operations.invalid import Invalid

REQUEST_BYTES_MAX = 24_000_000
"""Front allows 25 MB and leaves open whether per file or per request: the stricter reading, and some room."""

_PART_BYTES = 1024
"""What a file takes in the form beside its content, at most: boundary, headers, and a name of 200 characters."""
_MARKUP = re.compile(r"<[A-Za-z!/]")


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that the message goes without. `name`: what the record calls it, if it does."""

    name: str | None


@dataclass(frozen=True)  # no slots: `room` is kept once it is known
class Form:
    """`body` is checked. `file_field` and `boundary` as in `multipart_body`; `audio`: the one file must be a recording."""

    body: BaseModel = field(repr=False)
    files: tuple[File | RemoteFile, ...]
    file_field: str
    boundary: str
    audio: bool = False

    @property
    def remote(self) -> tuple[RemoteFile, ...]:
        """Those to fetch, in their order."""
        return tuple(file for file in self.files if isinstance(file, RemoteFile))

    @cached_property
    def room(self) -> int:
        """Bytes that the files to fetch may have together; below 0: the rest alone is too large."""
        return REQUEST_BYTES_MAX - self.here().size - _PART_BYTES * len(self.remote)

    def here(self) -> Encoded:
        """Of the body what is known already: all but `remote`."""
        here = [file for file in self.files if isinstance(file, File)]
        return multipart_body(self.body, here, self.file_field, self.boundary)

    def encoded(self, fetched: Sequence[StoredFile | Missing]) -> Encoded | Invalid:
        """The body as it is sent. `fetched`: what became of `remote`, in its order."""
        assert len(fetched) == len(self.remote), "every file has a fate"
        fates = iter(fetched)
        files = [next(fates) if isinstance(file, RemoteFile) else file for file in self.files]
        if self.audio and (problem := _not_a_recording(files)) is not None:
            return problem
        kept = [file for file in files if not isinstance(file, Missing)]
        body = _noted(self.body, [file for file in files if isinstance(file, Missing)])
        encoded = multipart_body(body, kept, self.file_field, self.boundary) if kept else json_body(body)
        if encoded.size > REQUEST_BYTES_MAX:
            return Invalid("body.attachments", too_large(encoded.size), "attachment_rejected")
        return encoded


def too_large(size: int, about: str = "") -> str:
    """The end of a sentence about a body. `about`: "at least ", where it was not counted to its end."""
    return f"makes a request of {about}{size} bytes; the most is {REQUEST_BYTES_MAX}"


def _not_a_recording(files: Sequence[File | StoredFile | Missing]) -> Invalid | None:
    """Front takes exactly one part of audio/* for a recording, and a file of no bytes is none."""
    for file in files:
        if isinstance(file, Missing):
            return Invalid(
                "body.attachments",
                "is a recording, which is nothing without its file",
                "attachment_unavailable",
            )
        size = len(file.content) if isinstance(file, File) else file.size
        if size == 0:
            return Invalid("body.attachments[0]", "is empty: no recording", "attachment_rejected")
        if not file.content_type.lower().startswith("audio/"):
            told = f"is {file.content_type} by its first bytes, not audio/*: no recording"
            return Invalid("body.attachments[0]", told, "attachment_rejected")
    return None


def _noted(body: BaseModel, missing: Sequence[Missing]) -> BaseModel:
    """A message's body says which of its files did not come."""
    if not missing:
        return body
    assert isinstance(body, bodies.InboundMessage | bodies.OutboundMessage), "only messages go without a file"
    return body.model_copy(update={"body": "".join(_with_notes(body.body, missing))})


def _with_notes(text: str, missing: Sequence[Missing]) -> Iterator[str]:
    # Front takes HTML and plain text, and a browser reads a plain text's line breaks as spaces.
    markup = _MARKUP.search(text) is not None
    yield text
    for file in missing:
        note = f"[Attachment not available: {harmless(file.name or '') or 'a file'}]"
        yield (
            f"<p>{html.escape(note, quote=False)}</p>" if markup else f"\n\n{html.escape(note, quote=False)}"
        )
