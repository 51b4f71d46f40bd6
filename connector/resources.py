"""Where the files that ship with the product lie: Avro schemas and JSON Schemas, and mapping files.

In a wheel they are inside the package; in a checkout the schemas lie beside it. Finds folders, reads nothing.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def schemas_dir() -> Path:
    """`connector/schemas` of a wheel, else `schemas` of the checkout."""
    inside = _PACKAGE / "schemas"
    return inside if inside.is_dir() else _PACKAGE.parent / "schemas"


def mappings_dir() -> Path:
    """The mapping files for the schemas in `schemas_dir()`."""
    return _PACKAGE / "mappings"
