"""The connector's own functions: what messages and calls need and CEL does not bring. Pure; their types stand in `library`."""

import hashlib
import html
import re
from typing import Final

from connector.core import identity
from connector.core.expression.values import Budget, EvaluationError

# A tag ends at the next "<" at the latest and every alternative ends in what always matches, so a hostile text takes linear
# time too. With the standard library's HTMLParser 24 KB took seconds: docs/decisions/expressions.md.
_MARKUP: Final = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<unseen>script|style)\b.*?(?:</(?P=unseen)\s*>|\Z)"
    r"|<(?P<tag>/?[a-z][a-z0-9]*|[!?/])(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+'|[\"'])*+>?",
    re.IGNORECASE | re.DOTALL,
)
_BREAKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table",
    "tr", "ul",
})  # fmt: skip
_SPACES: Final = re.compile(r"[^\S\n]+")
_AROUND_BREAK: Final = re.compile(r" ?\n ?")
_MANY_BREAKS: Final = re.compile(r"\n{3,}")


def strip_html(budget: Budget, text: str) -> str:
    """The text that a reader of this HTML sees: tags gone, entities decoded, blocks on lines of their own.

    Runs of white space become one space, more than one empty line becomes one; scripts, styles and comments vanish.
    """
    budget.work(3 * len(text))
    seen = _MARKUP.sub(_instead, text.replace("\n", " ").replace("\r", " "))
    lines = _AROUND_BREAK.sub("\n", _SPACES.sub(" ", _unescaped(seen)))
    return _MANY_BREAKS.sub("\n\n", lines).strip()


def _instead(markup: re.Match[str]) -> str:
    tag = markup["tag"]
    return "\n" if tag is not None and tag.lower().removeprefix("/") in _BREAKS else ""


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # a character reference of thousands of digits
        return text


def truncate(text: str, length: int) -> str:
    """The first `length` code points."""
    if length < 0:
        raise EvaluationError("truncate: the length is negative")
    return text[:length]


def html_escape(budget: Budget, text: str) -> str:
    """The text with & < > " and ' as entities, safe inside HTML."""
    budget.read(text, shift=1)
    return html.escape(text)


def sha256(budget: Budget, text: str) -> str:
    """64 hexadecimal digits of the text's UTF-8."""
    budget.read(text, shift=2)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def short_id(budget: Budget, text: str) -> str:
    """See `core.identity`: a text that is too long for an id of Front's becomes a hash of it."""
    budget.read(text, shift=2)
    return identity.short_id(text)
