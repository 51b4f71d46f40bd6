"""Files named in the settings: secrets are read, other files checked, relative paths made absolute.

A secret is one line of text (`core/secret_text.py`); only librdkafka's settings in PEM have more. Nothing here shows a content.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, SecretStr

from connector.config.kafka import KafkaSettings
from connector.config.kafka_login import LOGIN_FILES
from connector.config.yaml_source import Loc
from connector.core.secret_text import MAX_BYTES, ONE_LINE, NoSecret, secret_text

Complain = Callable[[Loc, str], None]
M = TypeVar("M", bound=BaseModel)
K = TypeVar("K", bound=KafkaSettings)


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
    return _with_properties(copy, base, loc, complain) if isinstance(copy, KafkaSettings) else copy


def _with_properties(kafka: K, base: Path, loc: Loc, complain: Complain) -> K:
    """With what the files hold, and with absolute paths of them and of the files that librdkafka reads itself."""
    paths = {name: base / path for name, path in kafka.properties_from_files.items()}
    found = {
        name: _secret(path, (*loc, "properties_from_files", name), complain, many_lines=is_pem(name))
        for name, path in paths.items()
    }
    properties = dict(kafka.properties)
    for name in LOGIN_FILES:
        # `probe` is librdkafka's own word: look for the system's authorities.
        if name in properties and properties[name] != "probe":
            properties[name] = str(path := base / properties[name])
            if not path.is_dir():
                _check_readable(path, (*loc, "properties", name), complain)
    copy = kafka.model_copy(update={"properties": properties, "properties_from_files": paths})
    copy.remember({name: secret for name, secret in found.items() if secret is not None})
    return copy


def is_pem(name: str) -> bool:
    """Whether the value of a setting of librdkafka has many lines."""
    return name.endswith(".pem")


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
