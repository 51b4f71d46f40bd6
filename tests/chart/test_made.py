"""Files that are made from others are as they would be made now: the README, the config's schema, the golden renders."""

import difflib
from pathlib import Path

import pytest

from tests.chart import goldens, readme, values_schema
from tests.chart.rendering import ROOT, VARIANTS, Object, objects, one
from tests.chart.renew import MADE


@pytest.mark.parametrize("path", [str(path.relative_to(ROOT)) for path in MADE])
def test_a_file_that_is_made_is_fresh(path: str) -> None:
    """Else: python -m tests.chart.renew, and the difference is what the change does."""
    new = MADE[ROOT / path]()
    file = ROOT / path
    old = file.read_text(encoding="utf-8") if file.exists() else ""
    shown = difflib.unified_diff(old.splitlines(), new.splitlines(), path, "as it should be", lineterm="")
    assert old == new, "stale: run python -m tests.chart.renew\n" + "\n".join(shown)


def test_every_golden_render_is_of_a_variant() -> None:
    """One of a variant that is gone shows what nobody gets."""
    assert {path.stem for path in goldens.FOLDER.iterdir()} == VARIANTS.keys()


def test_a_change_of_an_object_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """One word is enough; whole files of others are left out."""

    def changed(values: dict[str, object]) -> list[Object]:
        found = objects(values)
        one(found, "Service")["spec"]["clusterIP"] = "10.0.0.1"
        return found

    golden = goldens.FOLDER / "default.yaml"
    assert goldens.as_text(changed({})) != golden.read_text(encoding="utf-8")
    assert "(a file)" in golden.read_text(encoding="utf-8")


def test_a_change_of_a_comment_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README says what values.yaml says, and only the tables are made."""
    other = tmp_path / "values.yaml"
    text = readme.VALUES.read_text(encoding="utf-8")
    other.write_text(text.replace("# -- Replaces the whole name", "# -- Another word"), encoding="utf-8")
    monkeypatch.setattr(readme, "VALUES", other)
    page = readme.renewed()
    assert '| `fullnameOverride` | `""` | Another word of the objects. |' in page
    assert page.splitlines()[0] == readme.PAGE.read_text(encoding="utf-8").splitlines()[0]


def test_the_config_of_the_values_is_that_of_the_connector() -> None:
    """In draft-07: references rewritten, what stands beside one kept, null for what may be absent."""
    config = {
        "type": "object",
        "title": "x",
        "required": ["limits"],
        "properties": {
            "instance": {"type": "string"},
            "part": {"$ref": "#/$defs/Part", "description": "A part."},
        },
        "$defs": {
            "Part": {
                "type": "object",
                "required": ["a"],
                "properties": {"a": {"enum": ["x"], "type": "string"}, "b": {"type": "integer"}},
            },
            "LimitSettings": {"type": "object", "properties": {}},
            "TelemetrySettings": {"type": "object", "properties": {"port": {"type": "integer"}}},
            "AdminSettings": {"type": "object", "properties": {"port": {"type": "integer"}}},
        },
    }
    made_of_it = values_schema.with_config(
        {"definitions": {"own": {}, "config.Old": {}}, "properties": {}}, config
    )
    assert made_of_it["definitions"].keys() >= {"own", "config.Part"}
    assert "config.Old" not in made_of_it["definitions"]
    assert made_of_it["definitions"]["config.Part"]["properties"] == {
        "a": {"enum": ["x"], "type": "string"},
        "b": {"type": ["integer", "null"]},
    }
    part = made_of_it["properties"]["config"]["properties"]["part"]
    assert part["anyOf"][0] == {"allOf": [{"$ref": "#/definitions/config.Part"}]}
    assert "instance" not in made_of_it["properties"]["config"]["properties"]
