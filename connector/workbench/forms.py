"""Bodies that are forms (multipart/form-data), read back part by part: the only place in the workbench that takes one apart.

What goes over the wire is what is read, so that tools show and compare what Front gets. Never here: how a form is shown.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from python_multipart import FormParser
from python_multipart.multipart import Field, File, parse_options_header

from connector.core.files import RemoteFile
from connector.core.operations import Request


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file of a form, without its bytes: `sha256` (hex) tells whether they are the same. `size` in bytes."""

    name: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileAtUrl:
    """A file that is fetched when the request is sent; no tool fetches one. None: told by its server or its first bytes."""

    url: str
    name: str | None
    content_type: str | None


Part: TypeAlias = tuple[str, str | FileContent | FileAtUrl]
"""A part's name, such as `to[0][handle]`, and its text or its file."""


def is_form(request: Request) -> bool:
    """Whether the body is multipart, because it has files."""
    kind = request.http.content_type
    return request.form is not None or (kind is not None and kind.startswith("multipart/"))


def parts_of(request: Request) -> Iterator[Part]:
    """The parts of a request that is a form, in their order."""
    form = request.form
    if form is None:
        assert request.http.content_type is not None, "a form names its boundary"
        yield from _read(request.http.content, request.http.content_type)
        return
    here = form.here()
    assert isinstance(here.content, bytes), "nothing of it lies elsewhere"
    known = _read(here.content, here.content_type)
    yield from (part for part in known if isinstance(part[1], str))
    files = iter([part for part in known if not isinstance(part[1], str)])
    for file in form.files:
        if isinstance(file, RemoteFile):
            yield form.file_field, FileAtUrl(file.url, file.name, file.content_type)
        else:
            yield next(files)


def _read(body: bytes, content_type: str) -> list[Part]:
    kind, options = parse_options_header(content_type)
    parts: list[Part] = []
    parser = FormParser(
        kind.decode(),
        lambda field: parts.append(_text(field)),
        lambda file: parts.append(_file(file)),
        boundary=options[b"boundary"],
        # The body is ours, and in memory already: a long file name is no attack, and no file goes to the disk.
        config={"MAX_HEADER_SIZE": len(body), "MAX_MEMORY_FILE_SIZE": math.inf},
    )
    parser.write(body)
    parser.finalize()
    return parts


def _text(field: Field) -> Part:
    return _decoded(field.field_name), _decoded(field.value)


def _file(file: File) -> Part:
    content = file.file_object
    content.seek(0)
    digest = hashlib.file_digest(content, "sha256").hexdigest()
    return _decoded(file.field_name), FileContent(
        _decoded(file.file_name), file.content_type or "", file.size, digest
    )


def _decoded(text: bytes | None) -> str:
    return (text or b"").decode("utf-8", "replace")
