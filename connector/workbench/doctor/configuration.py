"""The first check: the files as `validate` reads them, and whether the clients take what they say. Connects to nobody."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from connector.adapters.attachments import FetchOptions, fetch_options
from connector.adapters.front import settings as front_settings
from connector.adapters.front.carrier import Carrier
from connector.adapters.kafka import SourceOptions
from connector.adapters.kafka.login import login_problem
from connector.adapters.tracing import tracing_problem
from connector.config import Loaded, Problems, load
from connector.config.problems import counted
from connector.workbench.doctor.results import Examined, Fine, Warn, Wrong
from connector.workbench.doctor.silent import secret

NAME = "configuration"

MakeOptions: TypeAlias = Callable[[Loaded], SourceOptions]
"""What the service's consumer is told."""


@dataclass(frozen=True, slots=True)
class Made:
    """A configuration that the service would take, and the parts made of it that are looked at."""

    loaded: Loaded
    kafka: SourceOptions
    carrier: Carrier
    fetch: FetchOptions


def read(config: Path, make_options: MakeOptions) -> tuple[Examined, Made | None]:
    """What the check found, and what the others begin with; None if it is of no use. Blocks on files."""
    loaded = load(config)
    if isinstance(loaded, Problems):
        return Examined(NAME, tuple(Wrong(str(problem)) for problem in loaded.problems)), None
    try:
        made = _made(loaded, make_options(loaded))
    except ValueError as why:  # a certificate or secret file that is no use
        return Examined(NAME, (Wrong(str(why)),)), None
    return Examined(NAME, (*(Warn(text) for text in loaded.warnings), Fine(_told(loaded)))), made


def _made(loaded: Loaded, options: SourceOptions) -> Made:
    settings = loaded.settings
    problem = login_problem(settings.kafka, options.properties) or tracing_problem(settings.tracing)
    if problem is not None:
        raise ValueError(problem)
    carrier = front_settings.carrier(settings.front, len(settings.front.apps) + 1, secret)
    return Made(loaded, options, carrier, fetch_options(settings.attachments, secret))


def _told(loaded: Loaded) -> str:
    topics, rows = loaded.mappings.topics, loaded.channels.rows
    apps = loaded.settings.front.apps
    return f"{counted(len(topics), 'topic')}, {counted(len(rows), 'channel')}, {counted(len(apps), 'app')}"
