"""docs/security.md: each example is a configuration that the connector takes, without a warning."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from connector.app import kafka_problem
from tests.support.certificates import make_certificates
from tests.unit.config_files import CONFIG, folder, loaded

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
EXAMPLES = re.findall(r"^```yaml\n((?!config:).*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: " ".join(text.split()[:4]))
def test_each_example_is_valid_and_taken_by_librdkafka(tmp_path: Path, example: str) -> None:
    """With real certificates in its files."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    made = make_certificates(tmp_path)
    for name in set(re.findall(r"secrets/([\w.-]+)", example)):
        path = {"tls.crt": made.client, "tls.key": made.client_key}.get(name, made.ca)
        text = path.read_text() if name.endswith((".pem", ".crt", ".key")) else "hush\n"
        (secrets / name).write_text(text)
    said = YAML(typ="safe", pure=True).load(example)
    section, *more = said
    assert not more
    kept = [part for part in re.split(r"^(?=\w)", CONFIG, flags=re.MULTILINE) if not part.startswith(section)]
    if section == "registry":
        kept = [part.replace("kafka:9092", "localhost:9092") for part in kept]
    found = loaded(folder(tmp_path, config="".join(kept) + example))
    assert found.warnings == ()
    assert kafka_problem(found) is None


def test_there_is_an_example_of_each_login() -> None:
    """Four of Kafka's, three of the registry's."""
    assert [text.split(":")[0] for text in EXAMPLES] == ["kafka"] * 4 + ["registry"] * 3
