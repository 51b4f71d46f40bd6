"""Reading a configuration's files: text within a bound, YAML with a map at its top; what cannot be read is a problem."""

from pathlib import Path

from connector.config.problems import Problem
from connector.config.yaml_source import FILE_BYTES_MAX, Source, read_yaml


def shown_path(path: Path) -> str:
    """How problems call a file: from the working directory if it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def read_text(path: Path, file: str, problems: list[Problem], most: int) -> str | None:
    """The text of a file of at most `most` bytes; None, and a problem, when there is none."""
    try:
        with path.open("rb") as opened:
            content = opened.read(most + 1)
        if len(content) <= most:
            return content.decode("utf-8-sig")
        problems.append(Problem(file, f"is larger than {most // 1024**2} MiB"))
    except OSError as error:
        problems.append(Problem(file, f"cannot be read: {error.strerror or type(error).__name__}"))
    except UnicodeDecodeError:
        problems.append(Problem(file, "is not UTF-8 text"))
    return None


def read_source(path: Path, problems: list[Problem]) -> Source | None:
    """A YAML file whose top is a map. Its problems are added; None when nothing in it can be judged."""
    file = shown_path(path)
    text = read_text(path, file, problems, FILE_BYTES_MAX)
    if text is None:
        return None
    source = read_yaml(text, file)
    problems.extend(source.problems)
    if source.data is None and not source.problems:
        problems.append(Problem(file, "is empty"))
    elif source.data is not None and not isinstance(source.data, dict):
        problems.append(Problem(file, "must be a map (`name: value` lines)", 1, 1))
    return source if isinstance(source.data, dict) else None
