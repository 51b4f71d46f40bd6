"""The Dockerfile, carried out in scratch roots: every RUN, every COPY, and what the finished image would be told to run.

What lives here: the meaning of its instructions. How a step is run is `scratch.py`'s business, how they are read
`recipe.py`'s.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.image.recipe import ROOT, Stage, context, pairs, replaced, stages
from tests.image.scratch import BASE_ENV, Scratch


@dataclass(slots=True)
class Built:
    """A stage after its last instruction."""

    scratch: Scratch
    environment: dict[str, str] = field(default_factory=lambda: dict(BASE_ENV))
    arguments: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    labels: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    """USER, ENTRYPOINT, CMD, HEALTHCHECK: as written."""

    def started(self, *words: str) -> list[str]:
        """What a machine runs for `docker run --read-only --tmpfs /tmp IMAGE words`, or with its CMD for none."""
        entry = json.loads(self.told["ENTRYPOINT"])
        return self.command(*entry, *(words or json.loads(self.told["CMD"])))

    def command(self, *words: str) -> list[str]:
        """Any program of the image, with the image's variables and no others."""
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        return ["env", "-i", *variables, *self.scratch.command(words, self.directory)]

    def ran(self, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        """One of these, to its end."""
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    @property
    def health(self) -> list[str]:
        """The program of the health check."""
        found = re.fullmatch(r".*? CMD (\[.*\])", self.told["HEALTHCHECK"])
        assert found is not None, self.told["HEALTHCHECK"]
        return [str(word) for word in json.loads(found[1])]


def build(text: str, scratch: Callable[[str], Scratch], given: Mapping[str, str]) -> Built:
    """The last stage of a Dockerfile; `given` are `--build-arg`s. Raises AssertionError where a step fails."""
    done: dict[str, Built] = {}
    last: Built | None = None
    for number, stage in enumerate(stages(text)):
        last = Built(scratch(stage.name or str(number)))
        _carried_out(stage, last, done, given)
        if stage.name:
            done[stage.name] = last
    assert last is not None
    return last


def _carried_out(stage: Stage, built: Built, done: Mapping[str, Built], given: Mapping[str, str]) -> None:
    for one in stage.instructions:
        variables = built.arguments | built.environment
        match one.name:
            case "ARG":
                built.arguments |= {name: given.get(name, value) for name, value in pairs(one.text).items()}
            case "ENV":
                # Docker replaces by what was before the whole instruction.
                built.environment |= {
                    name: replaced(value, variables) for name, value in pairs(one.text).items()
                }
            case "LABEL":
                built.labels |= {name: replaced(value, variables) for name, value in pairs(one.text).items()}
            case "WORKDIR":
                built.directory = one.text
                built.scratch.path(one.text).mkdir(parents=True, exist_ok=True)
            case "COPY":
                _copied(one.text, built, done)
            case "RUN":
                built.scratch.build(one.text, variables, built.directory)
            case name:
                built.told[name] = one.text


def _copied(text: str, built: Built, done: Mapping[str, Built]) -> None:
    *words, target = text.split()
    if words[0].startswith("--from="):
        source = done[words[0].removeprefix("--from=")].scratch.path(words[1])
        shutil.copytree(source, built.scratch.path(target), symlinks=True)
        return
    within = tuple(context())
    for word in words:
        files = [path for path in within if path == Path(word) or path.is_relative_to(word)]
        assert files, f"{word} is not in the context"
        for path in files:
            # A folder's content is copied, a file goes by its name: Docker's rule.
            tail = (
                path.relative_to(word)
                if path != Path(word)
                else Path(path.name if target.endswith("/") or target in (".", "./") else "")
            )
            into = built.scratch.path(str(Path(built.directory, target))) / tail
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, into)
