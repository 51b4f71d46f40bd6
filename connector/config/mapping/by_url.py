"""Rules whose files are named by URL: of use only if the configuration lists hosts to fetch from."""

import re
from collections.abc import Iterator

from connector.config.mapping.file import MappingFile, RuleShape
from connector.config.problems import Problem
from connector.config.yaml_source import Loc, Source

_KEY = re.compile(r"""["']url["']\s*:""")
_MESSAGE = (
    "files are named by URL here, and the configuration's attachments.hosts is empty: nothing is fetched, so such a "
    "record would be a dead letter, or sent without its file; list the hosts (docs/attachments.md)"
)


def files_by_url(source: Source, shape: MappingFile) -> Iterator[Problem]:
    """A warning for each place where a file's URL is written."""
    for topic, of in shape.topics.items():
        at: Loc = ("topics", topic)
        if of.defaults is not None and _named(of.defaults.body.get("attachments")):
            yield source.problem((*at, "defaults", "body", "attachments"), _MESSAGE, at_key=True)
        for number, rule in enumerate(of.rules or ()):
            for loc, body in _bodies(rule, (*at, "rules", number)):
                if isinstance(body, dict) and _named(body.get("attachments")):
                    yield source.problem((*loc, "body", "attachments"), _MESSAGE, at_key=True)


def _bodies(rule: RuleShape, at: Loc) -> Iterator[tuple[Loc, object]]:
    yield at, rule.body
    for number, request in enumerate(rule.requests or ()):
        yield (*at, "requests", number), request.body


def _named(attachments: object) -> bool:
    match attachments:
        case str():
            return _KEY.search(attachments) is not None
        case list():
            return any(map(_named, attachments))
        case dict():
            return "url" in attachments
        case _:
            return False
