"""The guides: every example in them is one that the connector takes."""

import re
from pathlib import Path

import pytest

from connector.config import Loaded, load
from connector.config.owned_properties import OWNED
from connector.config.settings import Settings
from connector.core.mapping import MapperInput, MapperRequest, Plan
from tests.unit.config_files import CHANNELS, MAPPING, folder, loaded
from tests.unit.test_mapping import record

DOCS = Path(__file__).parents[2] / "docs"
SECRETS = (
    "front-secret", "front-token", "kafka-password", "registry-password", "media-token", "pbx-password", "api-key",
)  # fmt: skip


def examples(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", [text for text in examples("mapping.md", "yaml") if "mapper:" not in text])
def test_each_mapping_file_of_the_guide_is_valid(tmp_path: Path, text: str) -> None:
    """Nothing in the guide is approximate."""
    assert loaded(folder(tmp_path, guide=text)).mappings.topics


def test_the_channels_table_of_the_guide_is_valid(tmp_path: Path) -> None:
    """With its alias."""
    [table] = examples("mapping.md", "csv")
    assert len(loaded(folder(tmp_path, channels=table)).channels.rows) == 2


def test_the_mapper_of_the_guide_works() -> None:
    """It runs as printed."""
    [code] = examples("mapping.md", "python")
    names: dict[str, object] = {}
    exec(code, names)  # the guide's own text
    function = names["to_front"]
    assert callable(function)
    row = {"channel": "cha_1", "company": "shop", "app": "main"}
    value = {"line_id": "line-1", "call_id": "c", "notes": ["n"]}
    given = MapperInput(
        value=value, key=None, headers={}, schema=None, topic="t", partition=0, offset=0, timestamp=None,
        channels={"line-1": row},
    )  # fmt: skip
    assert function(given) == [
        MapperRequest(
            operation="add-call-summary", channel=row, path={"external_call_id": "c"}, body={"content": "n"}
        )
    ]


def test_both_configurations_of_the_guide_are_valid(tmp_path: Path) -> None:
    """The small one and the whole one; the whole one shows every section's keys with their defaults."""
    for name in SECRETS:
        (tmp_path / "secrets").mkdir(exist_ok=True)
        (tmp_path / "secrets" / name).write_text("hush\n")
    small, whole = examples("configuration.md", "yaml")
    for text in (small, whole):
        result = load(folder(tmp_path, config=text, channels=CHANNELS, calls=MAPPING))
        assert isinstance(result, Loaded), str(result)
    keys = set(re.findall(r"^ *(?:# )?([a-z_]+):", whole, re.MULTILINE))
    for name, field in Settings.model_fields.items():
        assert name in keys
        section = field.annotation
        for inner in getattr(section, "model_fields", {}):
            assert inner in keys, f"{name}.{inner} is not in the guide"


def test_the_table_of_refused_settings_is_current() -> None:
    """Each row as in the code."""
    text = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert "".join(f"| `{name}` | {why} |\n" for name, why in OWNED.items()) in text


def test_a_guide_s_rule_maps_a_record(tmp_path: Path) -> None:
    """The first file of the guide, once through."""
    first = examples("mapping.md", "yaml")[0]
    topic = loaded(folder(tmp_path, guide=first)).mappings.topics["telephony.calls.v1"]
    value = {"line_id": "line-1", "call_id": "c", "caller": {"number": "+1"}, "started_at": 1_700_000_000_000}
    assert isinstance(topic.map(record(value, schema="CallCreated")), Plan)
