"""Bodies as bytes: JSON without files, multipart/form-data with them. The same input gives the same bytes.

Front takes either the whole body as JSON or, as soon as there is a file, the whole body as a form (Front's
docs, "Attachments"). What the fields mean is no concern of this module.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel
from urllib3 import encode_multipart_formdata
from urllib3.fields import RequestField

from connector.core.files import File

_UNSAFE = ("Cc", "Cs", "Zl", "Zp")
_PATH_SEPARATOR = re.compile(r"[/\\]")


class Encoded(NamedTuple):
    """A body and the Content-Type header that belongs to it."""

    content: bytes
    content_type: str


def json_body(body: BaseModel) -> Encoded:
    """Compact UTF-8 JSON under the names of the contract. Absent and null fields are left out."""
    return Encoded(body.model_dump_json(by_alias=True, exclude_none=True).encode(), "application/json")


def multipart_body(body: BaseModel, files: Sequence[File], file_field: str, boundary: str) -> Encoded:
    """A form: objects become brackets (`sender[handle]`), lists are numbered (`to[0][handle]`), values text.

    Each file is a part named `file_field`, after the fields. `boundary` must be the same for every attempt
    (derive it from the record's coordinates); should it occur in a part, another one is derived from both.
    """
    fields = list(_flat(body.model_dump(by_alias=True, exclude_none=True)))
    boundary = _unused(boundary, [value.encode() for _, value in fields] + [file.content for file in files])
    parts = [RequestField.from_tuples(name, value) for name, value in fields]
    uploads = [(file.name, file.content, file.content_type) for file in files]
    parts += [RequestField.from_tuples(file_field, upload) for upload in uploads]
    return Encoded(*encode_multipart_formdata(parts, boundary))


def bare_name(name: str) -> str:
    """A file name without path parts, control characters, line breaks and half surrogate pairs.

    A part without a file name would be read as a text field, so an empty name becomes "file".
    """
    last = _PATH_SEPARATOR.split(name)[-1]
    kept = "".join(char for char in last if unicodedata.category(char) not in _UNSAFE).strip()
    return kept if kept not in ("", ".", "..") else "file"


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


def _unused(boundary: str, contents: Sequence[bytes]) -> str:
    # RFC 2046 §5.1.1: the boundary must not occur inside a part. Coordinates can be guessed, so whoever made
    # the file could forge further parts; a digest over the contents cannot be written into them.
    while any(boundary.encode() in content for content in contents):
        digest = hashlib.sha256(boundary.encode())
        for content in contents:
            digest.update(content)
        boundary = digest.hexdigest()
    return boundary
