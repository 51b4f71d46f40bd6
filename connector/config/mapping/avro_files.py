"""The Avro schemas that a mapping file names: files, folders of them, patterns, and the schemas that ship with the product.

Blocks on files. Never here: what is done with a schema.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from connector.config.problems import did_you_mean
from connector.config.reading import shown_path
from connector.core.decode import ParsedSchema, parse_schema
from connector.resources import schemas_dir


def read_schema_file(path: Path) -> ParsedSchema | str:
    """The schema in a file; a sentence says why it cannot be read."""
    try:
        definition = json.loads(path.read_bytes())
    except OSError as error:
        return f"cannot read {shown_path(path)}: {error.strerror or type(error).__name__}"
    except (ValueError, RecursionError):
        return f"{shown_path(path)} is not JSON"
    parsed = parse_schema(definition, None)
    return parsed if isinstance(parsed, ParsedSchema) else f"{shown_path(path)} is not a valid Avro schema"


def find_schema_files(name: str, base: Path) -> list[Path] | str:
    """The files that an entry of `schemas` means, at least one; a sentence says why it means none.

    `file.avsc`, a pattern for names (`calls/*.avsc`) or a folder, from the mapping file's folder `base`; a bare word is the
    name of a record whose schema ships with the product.
    """
    path = base / name
    if "*" in name:
        folder = path.parent
        found = sorted(file for file in folder.glob(path.name) if file.suffix == ".avsc")
        return found or f"no .avsc file is like {name}"
    if name.endswith(".avsc"):
        return [path]
    if path.is_dir():
        found = sorted(path.glob("*.avsc"))
        return found or f"the folder {name} has no .avsc file"
    if "/" in name:
        return f"there is no folder {name}, and a file ends in .avsc"
    shipped = {file.stem: file for file in _shipped()}
    if name in shipped:
        return [shipped[name]]
    return f"{name!r} is no .avsc file, no folder, and no schema that ships with the product: {did_you_mean(name, shipped)}"


def _shipped() -> Iterator[Path]:
    return schemas_dir().joinpath("avro").rglob("*.avsc")
