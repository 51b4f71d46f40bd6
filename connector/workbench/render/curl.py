"""A request as a curl command that a shell takes as it stands. The token is a variable: no command ever holds one.

Every argument is quoted by `shlex`, so nothing of a record can reach the shell. Files stand as placeholders: the command
reads them from the working directory, where they must be put first. Options as in curl(1): `--form-string` and
`--data-raw`, because `--form` and `--data` would take a leading `@` for a file's name.
"""

import shlex

from connector.core.http_request import HttpRequest
from connector.workbench.testing.becomes import is_form, parts_of

TOKEN = "FRONT_TOKEN"  # noqa: S105 - the name of a variable, not a token
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
        for part in parts_of(http):
            if part.filename is None:
                field = f"{part.name}={part.content.decode('utf-8', 'replace')}"
                options.append(f"--form-string {shlex.quote(field)}")
            else:
                name = part.filename.replace("\\", "\\\\").replace('"', '\\"')
                file = f'{part.name}=@"{name}";type={part.content_type}'
                options.append(f"--form {shlex.quote(file)}")
    elif http.content:
        options.append(f"--header {shlex.quote(f'Content-Type: {http.content_type}')}")
        options.append(f"--data-raw {shlex.quote(http.content.decode())}")
    return " \\\n  ".join(options)


def too_long(http: HttpRequest) -> bool:
    """Whether the body is longer than an argument may be."""
    return not is_form(http) and len(http.content) > ARGUMENT_BYTES_MAX
