"""The Dockerfile, read: stages, instructions and their variables, and what the ignore list leaves of the context.

What lives here: as much of the format as our own file uses; what it does not use is an assertion, so that a test tells
of it. A library was refused: those on PyPI know neither stages nor `ARG` before `FROM`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
KNOWN = {
    "ARG",
    "FROM",
    "ENV",
    "WORKDIR",
    "COPY",
    "RUN",
    "LABEL",
    "USER",
    "EXPOSE",
    "HEALTHCHECK",
    "ENTRYPOINT",
    "CMD",
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One of them; `text` is what follows its name, with lines joined and variables as written."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Stage:
    """From one FROM to the next. `base` has its variables replaced."""

    base: str
    name: str | None
    instructions: tuple[Instruction, ...]

    def all(self, name: str) -> tuple[str, ...]:
        """The texts of every instruction of a name."""
        return tuple(one.text for one in self.instructions if one.name == name)


def instructions(text: str) -> tuple[Instruction, ...]:
    """All of a Dockerfile, in order."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    found = tuple(
        Instruction(*(part.strip() for part in line.split(maxsplit=1)))
        for line in joined.splitlines()
        if line.strip()
    )
    assert {one.name for one in found} <= KNOWN, found
    return found


def stages(text: str) -> tuple[Stage, ...]:
    """The stages of a Dockerfile, with the arguments' defaults in their bases."""
    before: dict[str, str] = {}
    heads: list[tuple[str, str | None]] = []
    bodies: list[list[Instruction]] = []
    for one in instructions(text):
        if one.name == "FROM":
            base, _, name = one.text.partition(" AS ")
            heads.append((replaced(base, before), name or None))
            bodies.append([])
        elif heads:
            bodies[-1].append(one)
        else:
            before |= pairs(one.text)
    return tuple(Stage(base, name, tuple(body)) for (base, name), body in zip(heads, bodies, strict=True))


def pairs(text: str) -> dict[str, str]:
    """`A=b C="d e"` of ENV, ARG and LABEL."""
    found = re.findall(r'([\w.]+)=("([^"]*)"|\S*)', text)
    return {name: quoted if given.startswith('"') else given for name, given, quoted in found}


def replaced(text: str, variables: Mapping[str, str]) -> str:
    """Variables for their values; one that is not known is an error, as a typing mistake would be an empty word."""
    return re.sub(r"\$\{(\w+)\}", lambda found: variables[found[1]], text)


def context(root: Path = ROOT) -> Iterator[Path]:
    """The files that the builder is sent, relative to `root`, by its `.dockerignore`."""
    rules = [line for line in (root / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*", "the list names what is let in; all else stays out"
    within = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    without = [rule for rule in rules[1:] if not rule.startswith("!")]
    assert all(rule.startswith("**/") for rule in without), without
    for name in within:
        top = root / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            relative = path.relative_to(root)
            if path.is_file() and not any(
                fnmatch(part, rule[3:]) for rule in without for part in relative.parts
            ):
                yield relative
