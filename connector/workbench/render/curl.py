"""A request as a curl command that a shell takes as it stands. The token is a variable: no command ever holds one.

Every argument is quoted by `shlex`, so nothing of a record can reach the shell. Files stand as placeholders: the command
reads `attachment-0.wav` from the working directory, where it must be put first, and sends it under its own name. A record
never says which file is read. Options as in curl(1): `--form-string` and `--data-raw`, because `--form` and `--data` would
take a leading `@` for a file's name.
"""

import re
import shlex
from pathlib import PurePosixPath

from connector.core.http_request import HttpRequest
from connector.workbench.testing.becomes import is_form, parts_of

TOKEN = "FRONT_TOKEN"  # noqa: S105 - the name of a variable, not a token
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
ARGUMENT_BYTES_MAX = 128 * 1024 - 1
"""Longer ones Linux does not take (MAX_ARG_STRLEN)."""


def as_curl(http: HttpRequest, base_url: str) -> str:
    """The command, one option a line. `base_url`: of the app that signs."""
    # Else curl reads [] and {} as patterns, and takes dots in the path for steps.
    options = ["curl --globoff --path-as-is"]
    options.append(
        f"--request {shlex.quote(http.method)} {shlex.quote(base_url.removesuffix('/') + http.path)}"
    )
    options.append(f'--header "Authorization: Bearer ${TOKEN}"')
    if is_form(http):
        files = 0
        for part in parts_of(http):
            if part.filename is None:
                field = f"{part.name}={part.content.decode('utf-8', 'replace')}"
                options.append(f"--form-string {shlex.quote(field)}")
            else:
                name = part.filename.replace("\\", "\\\\").replace('"', '\\"')
                file = f'{part.name}=@{placeholder(files, part.filename)};filename="{name}";type={part.content_type}'
                options.append(f"--form {shlex.quote(file)}")
                files += 1
    elif http.content:
        options.append(f"--header {shlex.quote(f'Content-Type: {http.content_type}')}")
        options.append(f"--data-raw {shlex.quote(http.content.decode())}")
    return " \\\n  ".join(options)


def placeholder(index: int, name: str) -> str:
    """Where the command looks for a form's file, counted from 0: of the file's own name only what kind of file it is."""
    suffix = PurePosixPath(name).suffix
    return f"attachment-{index}{suffix if _SUFFIX.fullmatch(suffix) else ''}"


def too_long(http: HttpRequest) -> bool:
    """Whether the body is longer than an argument may be."""
    return not is_form(http) and len(http.content) > ARGUMENT_BYTES_MAX
