"""The channel directory's rows: a .csv or .yaml file -> rows, or what is wrong with it, line by line; a record -> a row.

Never here: files and topics themselves (`loader`, `adapters`), which rows are in force (`core/mapping/channels.py`).
"""

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, RootModel, StringConstraints, ValidationError

from connector.config.explain import explain
from connector.config.problems import Problem, did_you_mean
from connector.config.section import Section, require
from connector.config.yaml_source import read_yaml
from connector.core.mapping import ChannelRow

_REQUIRED = ("key", "channel", "company", "app")
_COLUMNS = (*_REQUIRED, "alias")
_FIELDS = _COLUMNS[1:]

TABLE_BYTES_MAX = 64 * 1024 * 1024
"""A platform may have a line for each of a million customers."""

Filled = Annotated[str, StringConstraints(min_length=1)]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A row and the line it begins in."""

    row: ChannelRow
    line: int


class RowShape(Section):
    """One channel in the YAML form; its key is the map's."""

    channel: Filled = Field(description="Front's id of the channel: cha_…")
    company: Filled = Field(description="Whose rate limit is shared.")
    app: Filled = Field(description="One of front.apps: who signs.")
    alias: Filled | None = Field(
        default=None, description="Stands in the path where Front takes one: alt:address:…"
    )

    def row(self, key: str) -> ChannelRow:
        """The row of the line `key`."""
        return ChannelRow(key=key, channel=self.channel, company=self.company, app=self.app, alias=self.alias)


class TableShape(RootModel[dict[Filled, RowShape]]):
    """The YAML form: key -> row."""


def _trial(rows: dict[str, RowShape]) -> dict[str, RowShape]:
    by_channel: dict[str, str] = {}
    for key, row in rows.items():
        require(row.channel.startswith("cha_"), f"{key}: channel must be a channel id (cha_...)")
        first = by_channel.setdefault(row.channel, key)
        require(
            row == rows[first], f"{first} and {key} have the same channel and another company, app or alias"
        )
    return rows


TrialTable: TypeAlias = Annotated[dict[Filled, RowShape], AfterValidator(_trial)]
"""The same in tests, where apps need not be configured."""


def read_channels(
    path: Path, text: str, file: str, apps: Iterable[str]
) -> tuple[ChannelRow, ...] | list[Problem]:
    """Read a table. `file` is how problems call it, `apps` the configured ones."""
    problems: list[Problem] = []
    if path.suffix in (".yaml", ".yml"):
        placed = _from_yaml(text, file, problems)
    elif path.suffix == ".csv":
        placed = _from_csv(text, file, problems)
    else:
        return [Problem(file, "a channels table ends in .csv or .yaml")]
    problems.extend(_check(placed, file, tuple(apps)))
    return problems or tuple(item.row for item in placed)


def parse_channels(
    path: Path, content: bytes, file: str, apps: Iterable[str]
) -> tuple[ChannelRow, ...] | list[Problem]:
    """The same from the file's bytes, up to one more than it may have."""
    if len(content) > TABLE_BYTES_MAX:
        return [Problem(file, f"is larger than {TABLE_BYTES_MAX // 1024**2} MiB")]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [Problem(file, "is not UTF-8 text")]
    return read_channels(path, text, file, apps)


def read_row(
    key: bytes | None, value: bytes | None, apps: Collection[str]
) -> tuple[str, ChannelRow | None] | str:
    """One record of a channels topic: the line and its row (None: it is removed), or what is wrong, without what it holds."""
    try:
        line = (key or b"").decode()
    except UnicodeDecodeError:
        return "its key is not UTF-8 text"
    if not line:
        return "it has no key: the key is the line's name, as records give it"
    if value is None:
        return line, None
    try:
        shape = RowShape.model_validate_json(value)
    except ValidationError as error:
        return _wrong_row(error)
    row = shape.row(line)
    if not row.channel.startswith("cha_"):
        return "channel must be a channel id (cha_...)"
    return (line, row) if row.app in apps else f"its app is not among front.apps: {', '.join(apps)}"


def _wrong_row(error: ValidationError) -> str:
    """The first thing that is wrong. No name and no value is repeated that the record brings along."""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(step) for step in wrong["loc"])
    match wrong["type"]:
        case "json_invalid":
            return "its value is not JSON"
        case "missing":
            return f"{field} is missing"
        case "extra_forbidden":
            return f"it has an unknown field ({did_you_mean(field, _FIELDS)})"
        case "string_type":
            return f"{field} must be text"
        case "string_too_short":
            return f"{field} must not be empty"
        case _:
            return f"its value must be a JSON object with {', '.join(_REQUIRED[1:])} and perhaps alias"


def _from_csv(text: str, file: str, problems: list[Problem]) -> list[_Placed]:
    # Not str.splitlines: it parts texts at characters that end no line of a file, such as U+2028.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                lines.append((begins, stripped))
            begins = reader.line_num + 1
    except csv.Error as error:
        problems.append(Problem(file, f"is not CSV: {error}", reader.line_num))
        return []
    if not lines:
        problems.append(Problem(file, f"is empty: it needs the header {','.join(_REQUIRED)}[,alias]"))
        return []
    line, header = lines[0]
    if wrong := _wrong_header(header):
        problems.append(Problem(file, wrong, line))
        return []
    rows = ((line, _row(header, cells)) for line, cells in lines[1:])
    placed: list[_Placed] = []
    for line, row in rows:
        if isinstance(row, str):
            problems.append(Problem(file, row, line))
        else:
            placed.append(_Placed(row, line))
    return placed


def _wrong_header(header: list[str]) -> str | None:
    if len(header) == 1 and ";" in header[0]:
        return "columns are separated by commas, not by semicolons"
    for name in header:
        if name not in _COLUMNS:
            return f"the column {name!r} is not known: {did_you_mean(name, _COLUMNS)}"
    missing = [name for name in _REQUIRED if name not in header]
    if missing:
        return f"the column {' and '.join(missing)} is missing in the header"
    return "a column is in the header twice" if len(set(header)) < len(header) else None


def _row(header: list[str], cells: list[str]) -> ChannelRow | str:
    if len(cells) != len(header):
        return f"has {len(cells)} columns, the header {len(header)}"
    row = dict(zip(header, cells, strict=True))
    empty = [name for name in _REQUIRED if not row[name]]
    if empty:
        return f"{' and '.join(empty)} must not be empty"
    return ChannelRow(
        key=row["key"],
        channel=row["channel"],
        company=row["company"],
        app=row["app"],
        alias=row.get("alias") or None,
    )


def _from_yaml(text: str, file: str, problems: list[Problem]) -> list[_Placed]:
    source = read_yaml(text, file)
    if source.problems:
        problems.extend(source.problems)
        return []
    try:
        table = TableShape.model_validate({} if source.data is None else source.data)
    except ValidationError as error:
        problems.extend(explain(error, RowShape, source))
        return []
    return [_Placed(row.row(key), source.keys[(key,)].line) for key, row in table.root.items()]


def _check(placed: list[_Placed], file: str, apps: tuple[str, ...]) -> Iterable[Problem]:
    by_key: dict[str, _Placed] = {}
    by_channel: dict[str, _Placed] = {}
    for item in placed:
        row, line = item.row, item.line
        if row.key in by_key:
            yield Problem(file, f"the key {row.key!r} is in line {by_key[row.key].line} already", line)
        by_key.setdefault(row.key, item)
        if not row.channel.startswith("cha_"):
            yield Problem(file, f"channel must be a channel id (cha_...), not {row.channel!r}", line)
        if row.app not in apps:
            yield Problem(
                file, f"the app {row.app!r} is not among front.apps: {did_you_mean(row.app, apps)}", line
            )
        first = by_channel.setdefault(row.channel, item)
        if (first.row.company, first.row.app, first.row.alias) != (row.company, row.app, row.alias):
            message = f"the channel {row.channel} has another company, app or alias in line {first.line}"
            yield Problem(file, message, line)
