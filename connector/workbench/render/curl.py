"""A request as a curl command that a shell takes as it stands. The token is a variable: no command ever holds one.

Every argument is quoted by `shlex`, so nothing of a record can reach the shell. Files stand as placeholders: the command
reads `attachment-0.wav` from the working directory, where it must be put first, and sends it under its own name. A record
never says which file is read. Options as in curl(1): `--form-string` and `--data-raw`, because `--form` and `--data` would
take a leading `@` for a file's name.
"""

import re
import shlex
from pathlib import PurePosixPath

from connector.core.file_names import of_url
from connector.core.operations import Request
from connector.workbench.forms import FileAtUrl, is_form, parts_of

TOKEN = "FRONT_TOKEN"  # noqa: S105 - the name of a variable, not a token
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
ARGUMENT_BYTES_MAX = 128 * 1024 - 1
"""Longer ones Linux does not take (MAX_ARG_STRLEN)."""


def as_curl(request: Request, base_url: str) -> str:
    """The command, one option a line. `base_url`: of the app that signs."""
    http = request.http
    # Else curl reads [] and {} as patterns, and takes dots in the path for steps.
    options = ["curl --globoff --path-as-is"]
    options.append(
        f"--request {shlex.quote(http.method)} {shlex.quote(base_url.removesuffix('/') + http.path)}"
    )
    options.append(f'--header "Authorization: Bearer ${TOKEN}"')
    if is_form(request):
        files = 0
        for field, content in parts_of(request):
            if isinstance(content, str):
                options.append(f"--form-string {shlex.quote(f'{field}={content}')}")
                continue
            name = content.name or (of_url(content.url) if isinstance(content, FileAtUrl) else None) or ""
            told = f';filename="{_quoted(name)}"' if name else ""
            told += f";type={content.content_type}" if content.content_type else ""
            options.append(f"--form {shlex.quote(f'{field}=@{placeholder(files, name)}{told}')}")
            files += 1
    elif http.content:
        options.append(f"--header {shlex.quote(f'Content-Type: {http.content_type}')}")
        options.append(f"--data-raw {shlex.quote(http.content.decode())}")
    return " \\\n  ".join(options)


def placeholder(index: int, name: str) -> str:
    """Where the command looks for a form's file, counted from 0: of the file's own name only what kind of file it is."""
    suffix = PurePosixPath(name).suffix
    return f"attachment-{index}{suffix if _SUFFIX.fullmatch(suffix) else ''}"


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def too_long(request: Request) -> bool:
    """Whether the body is longer than an argument may be."""
    return not is_form(request) and len(request.http.content) > ARGUMENT_BYTES_MAX
