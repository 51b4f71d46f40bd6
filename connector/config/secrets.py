"""Files named in the settings: secrets are read, other files checked, relative paths made absolute.

A secret is one line of text (`core/secret_text.py`); only librdkafka's settings in PEM have more. Nothing here shows a content.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, SecretStr

from connector.config.kafka import KafkaSettings
from connector.config.yaml_source import Loc
from connector.core.secret_text import MAX_BYTES, ONE_LINE, NoSecret, secret_text

Complain = Callable[[Loc, str], None]
M = TypeVar("M", bound=BaseModel)


def read_secret(path: Path, *, many_lines: bool = False) -> SecretStr | str:
    """The secret in a file, or a sentence that says why there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return f"cannot read {path}: {error.strerror or type(error).__name__}"
    found = secret_text(content, many_lines=many_lines)
    if isinstance(found, NoSecret):
        return f"secret file {path} {found.what}: {'it must hold a text' if many_lines else ONE_LINE}"
    return SecretStr(found.value)


def with_files(section: M, base: Path, loc: Loc, complain: Complain) -> M:
    """A section with `x` filled from `x_file` and with absolute paths. `base`: the configuration file's folder."""
    changed: dict[str, object] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        here = (*loc, name)
        match value:
            case BaseModel():
                changed[name] = with_files(value, base, here, complain)
            case Path():
                changed[name] = path = base / value
                secret = name.removesuffix("_file")
                if secret != name and secret in type(section).model_fields:
                    changed[secret] = _secret(path, here, complain)
                elif name != "folder":
                    _check_readable(path, here, complain)
            case Mapping() if any(isinstance(item, BaseModel) for item in value.values()):
                changed[name] = {
                    key: with_files(item, base, (*here, key), complain) for key, item in value.items()
                }
    copy = section.model_copy(update=changed)
    if isinstance(copy, KafkaSettings):
        _fill_properties(copy, base, loc, complain)
    return copy


def _fill_properties(kafka: KafkaSettings, base: Path, loc: Loc, complain: Complain) -> None:
    found = {
        name: _secret(
            base / path, (*loc, "properties_from_files", name), complain, many_lines=name.endswith(".pem")
        )
        for name, path in kafka.properties_from_files.items()
    }
    kafka.remember({name: secret for name, secret in found.items() if secret is not None})


def _secret(path: Path, loc: Loc, complain: Complain, *, many_lines: bool = False) -> SecretStr | None:
    secret = read_secret(path, many_lines=many_lines)
    if isinstance(secret, SecretStr):
        return secret
    complain(loc, secret)
    return None


def _check_readable(path: Path, loc: Loc, complain: Complain) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        complain(loc, f"cannot read {path}: {error.strerror or type(error).__name__}")
