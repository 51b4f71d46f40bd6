"""The status page's files, joined to one document that loads nothing but its own JSON twin."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """A CSP source that allows this inline text and no other (CSP level 2, hash-source)."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_STYLE, _SCRIPT = _read("status.css"), _read("status.js")

PAGE: Final = _read("status.html").replace("/*style*/", _STYLE).replace("/*script*/", _SCRIPT)
POLICY: Final = (
    f"default-src 'none'; style-src {_source(_STYLE)}; script-src {_source(_SCRIPT)}; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page."""
