"""What every section of the settings shares: a frozen model, number types with bounds, and how a rule is refused."""

from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError

from connector.core.secret_text import ONE_LINE, NoSecret, secret_text

Seconds: TypeAlias = Annotated[float, Field(gt=0, le=86_400)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Port: TypeAlias = Annotated[int, Field(ge=0, le=65_535)]
Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
FileOrFolder: TypeAlias = Annotated[Path, Field(description="Relative to the configuration file.")]


def _one_line(secret: SecretStr) -> SecretStr:
    found = secret_text(secret.get_secret_value().encode("utf-8", "surrogatepass"))
    if isinstance(found, NoSecret):
        raise PydanticCustomError("contradiction", "{sentence}", {"sentence": f"{found.what}: {ONE_LINE}"})
    return SecretStr(found.value)


SecretLine: TypeAlias = Annotated[SecretStr, AfterValidator(_one_line)]
"""A secret that is written out, by the same rule as one in a file: it stands in a header, or signs."""


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, and errors never show what was given."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


def require(holds: bool, sentence: str) -> None:
    """Refuse a contradiction with a sentence that stands in the error as it is."""
    if not holds:
        raise PydanticCustomError("contradiction", "{sentence}", {"sentence": sentence})


def exactly_one(section: Section, *names: str) -> None:
    """Refuse a section that has none or several of the fields `names`."""
    given = [name for name in names if getattr(section, name) is not None]
    require(bool(given), f"give {' or '.join(names)}")
    not_both(section, *names)


def not_both(section: Section, *names: str) -> None:
    """Refuse a section that has several of the fields `names`."""
    given = [name for name in names if getattr(section, name) is not None]
    require(len(given) <= 1, f"give only one of {' and '.join(given)}: which one counts must not be a guess")
