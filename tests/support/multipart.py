"""Reads a multipart body with a parser that shares no code with the encoder."""

import io
from typing import NamedTuple

from python_multipart import parse_form
from python_multipart.multipart import Field, File


class FilePart(NamedTuple):
    """One file of a form."""

    field: str
    name: str
    content_type: str
    content: bytes


class Form(NamedTuple):
    """The parts of a form in the order in which they came; text parts as (name, text)."""

    fields: list[tuple[str, str]]
    files: list[FilePart]


def read_form(content: bytes, content_type: str) -> Form:
    """Parse a multipart/form-data body; raises the parser's error when it is malformed."""
    form = Form([], [])

    def on_field(field: Field) -> None:
        form.fields.append(((field.field_name or b"").decode(), (field.value or b"").decode()))

    def on_file(file: File) -> None:
        file.file_object.seek(0)
        form.files.append(
            FilePart(
                (file.field_name or b"").decode(),
                (file.file_name or b"").decode(),
                file.content_type or "",
                file.file_object.read(),
            )
        )

    headers = {"Content-Type": content_type.encode(), "Content-Length": str(len(content)).encode()}
    parse_form(headers, io.BytesIO(content), on_field, on_file)
    return form
