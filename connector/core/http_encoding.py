"""Bodies as bytes: JSON without files, multipart/form-data with them. The same input gives the same bytes.

Front takes either the whole body as JSON or, as soon as there is a file, the whole body as a form (Front's
docs, "Attachments"). A form with files that were fetched is not written out: it stays a row of pieces, so that a recording
never lies in memory as a whole. What the fields mean is no concern of this module.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple, TypeAlias

from pydantic import BaseModel
from urllib3.fields import RequestField

from connector.core.files import File, StoredFile


@dataclass(frozen=True, slots=True)
class Pieces:
    """A body of which some parts are stored files: these pieces one after the other, `size` bytes together."""

    pieces: tuple[bytes | StoredFile, ...]

    @property
    def size(self) -> int:
        """Bytes: what Content-Length says."""
        return sum(len(piece) if isinstance(piece, bytes) else piece.size for piece in self.pieces)


Content: TypeAlias = bytes | Pieces


class Encoded(NamedTuple):
    """A body and the Content-Type header that belongs to it."""

    content: Content
    content_type: str

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.size


def json_body(body: BaseModel) -> Encoded:
    """Compact UTF-8 JSON under the names of the contract. Absent and null fields are left out."""
    return Encoded(body.model_dump_json(by_alias=True, exclude_none=True).encode(), "application/json")


def multipart_body(
    body: BaseModel, files: Sequence[File | StoredFile], file_field: str, boundary: str
) -> Encoded:
    """A form: objects become brackets (`sender[handle]`), lists are numbered (`to[0][handle]`), values text.

    Each file is a part named `file_field`, in which `[0]` counts up, after the fields. `boundary` must be the same for
    every attempt (derive it from the record's coordinates); should it occur in a part, another one is derived from both.
    """
    fields = [
        (name, value.encode()) for name, value in _flat(body.model_dump(by_alias=True, exclude_none=True))
    ]
    boundary = _not_of_files(boundary, files)
    seen = [value for _, value in fields] + [file.content for file in files if isinstance(file, File)]
    boundary = _unused(boundary, seen)
    pieces: list[bytes | StoredFile] = []
    for name, value in fields:
        pieces += _part(RequestField.from_tuples(name, value), value, boundary)
    for number, file in enumerate(files):
        content = file.content if isinstance(file, File) else file
        part = RequestField.from_tuples(
            file_field.replace("[0]", f"[{number}]"), (file.name, b"", file.content_type)
        )
        pieces += _part(part, content, boundary)
    pieces.append(f"--{boundary}--\r\n".encode())
    content_type = f"multipart/form-data; boundary={boundary}"
    joined = tuple(_joined(pieces))
    match joined:
        case (bytes() as content,):
            return Encoded(content, content_type)
        case _:
            return Encoded(Pieces(joined), content_type)


def _part(field: RequestField, content: bytes | StoredFile, boundary: str) -> Iterator[bytes | StoredFile]:
    yield f"--{boundary}\r\n{field.render_headers()}".encode()
    yield content
    yield b"\r\n"


def _joined(pieces: Iterable[bytes | StoredFile]) -> Iterator[bytes | StoredFile]:
    """The same with bytes that follow one another as one piece."""
    for stored, group in groupby(pieces, key=lambda piece: not isinstance(piece, bytes)):
        if stored:
            yield from group
        else:
            yield b"".join(piece for piece in group if isinstance(piece, bytes))


def _flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case Mapping():
            for key, item in value.items():
                yield from _flat(item, f"{name}[{key}]" if name else key)
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _flat(item, f"{name}[{index}]")
        case bool():
            yield name, "true" if value else "false"
        case _:
            yield name, str(value)


def _not_of_files(boundary: str, files: Sequence[File | StoredFile]) -> str:
    # A fetched file is not searched for the boundary: that would read it once more. A digest over it serves as well.
    digests = [file.sha256 for file in files if not isinstance(file, File)]
    return hashlib.sha256("/".join([boundary, *digests]).encode()).hexdigest() if digests else boundary


def _unused(boundary: str, contents: Sequence[bytes]) -> str:
    # RFC 2046 §5.1.1: the boundary must not occur inside a part. Coordinates can be guessed, so whoever made
    # the file could forge further parts; a digest over the contents cannot be written into them.
    while any(boundary.encode() in content for content in contents):
        digest = hashlib.sha256(boundary.encode())
        for content in contents:
            digest.update(content)
        boundary = digest.hexdigest()
    return boundary
