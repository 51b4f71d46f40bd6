"""Files named in the settings: secrets are read, other files checked, relative paths made absolute.

A secret file loses one trailing newline; an empty or unreadable one is an error. Nothing here shows a content.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, SecretStr

from connector.config.kafka import KafkaSettings
from connector.config.settings import Settings
from connector.config.yaml_source import Loc

SECRET_BYTES_MAX = 64 * 1024

Complain = Callable[[Loc, str], None]
M = TypeVar("M", bound=BaseModel)


def read_secret(path: Path) -> SecretStr | str:
    """The secret in a file, or a sentence that says why there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(SECRET_BYTES_MAX + 1)
    except OSError as error:
        return f"cannot read {path}: {error.strerror or type(error).__name__}"
    if len(content) > SECRET_BYTES_MAX:
        return f"{path} is larger than 64 KiB: no secret is"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return f"{path} is not UTF-8 text"
    text = text.removesuffix("\n").removesuffix("\r")
    return SecretStr(text) if text else f"{path} is empty: a secret is needed"


def with_files(settings: Settings, base: Path, complain: Complain) -> Settings:
    """The settings with `x` filled from `x_file` and with absolute paths. `base`: the configuration file's folder."""
    return _filled(settings, base, (), complain)


def _filled(section: M, base: Path, loc: Loc, complain: Complain) -> M:
    changed: dict[str, object] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        here = (*loc, name)
        match value:
            case BaseModel():
                changed[name] = _filled(value, base, here, complain)
            case Path():
                changed[name] = path = base / value
                secret = name.removesuffix("_file")
                if secret != name and secret in type(section).model_fields:
                    changed[secret] = _secret(path, here, complain)
                elif name != "folder":
                    _check_readable(path, here, complain)
            case Mapping() if any(isinstance(item, BaseModel) for item in value.values()):
                changed[name] = {
                    key: _filled(item, base, (*here, key), complain) for key, item in value.items()
                }
    copy = section.model_copy(update=changed)
    if isinstance(copy, KafkaSettings):
        _fill_properties(copy, base, loc, complain)
    return copy


def _fill_properties(kafka: KafkaSettings, base: Path, loc: Loc, complain: Complain) -> None:
    found = {
        name: _secret(base / path, (*loc, "properties_from_files", name), complain)
        for name, path in kafka.properties_from_files.items()
    }
    kafka.remember({name: secret for name, secret in found.items() if secret is not None})


def _secret(path: Path, loc: Loc, complain: Complain) -> SecretStr | None:
    secret = read_secret(path)
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
