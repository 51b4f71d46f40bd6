"""Which files the other version is made of: a configuration of its own, or a folder beside the first one's settings."""

from pathlib import Path

from connector.config import Loaded, load
from connector.workbench.shadow.run import load_against
from tests.unit.config_files import CHANNELS, CONFIG, MAPPING, folder, loaded

FLAT = CONFIG.replace("channels: channels.csv", "channels: mappings/channels.csv")


def other(path: Path, channels: str | None = None) -> Path:
    """A folder with another version of the mapping file, and perhaps a channels table."""
    path.mkdir()
    (path / "calls.yaml").write_text(MAPPING.replace("name: summary", "name: other"), "utf-8")
    if channels is not None:
        (path / "channels.csv").write_text(channels, "utf-8")
    return path


def against(config: Path, version: Path) -> Loaded:
    found = load_against(config, version)
    assert isinstance(found, Loaded), str(found)
    return found


def test_a_folder_goes_with_the_first_configurations_settings_and_table(tmp_path: Path) -> None:
    """Its rules are other ones; the rows are the same; the two have different hashes."""
    config = folder(tmp_path)
    first, found = loaded(config), against(config, other(tmp_path / "main", channels="nonsense"))
    assert found.mappings.hash != first.mappings.hash
    assert found.channels.rows == first.channels.rows
    assert found.settings.kafka == first.settings.kafka


def test_a_table_in_the_mapping_folder_is_the_versions_own(tmp_path: Path) -> None:
    """As a ConfigMap has it: the other folder's table if there is one, else the first one's."""
    config = folder(tmp_path, config=FLAT)
    (tmp_path / "mappings" / "channels.csv").write_text(CHANNELS, "utf-8")
    rows = "key,channel,company,app\nline-9,cha_9,shop,main\n"
    assert set(against(config, other(tmp_path / "with", rows)).channels.rows) == {"line-9"}
    assert set(against(config, other(tmp_path / "without")).channels.rows) == {"line-1", "chat-1"}
    assert set(loaded(config).channels.rows) == {"line-1", "chat-1"}


def test_a_file_is_a_configuration_of_its_own(tmp_path: Path) -> None:
    """With its own settings, table and folder."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = folder(tmp_path / "a"), folder(tmp_path / "b", channels=CHANNELS.replace("line-1", "line-2"))
    assert set(against(one, two).channels.rows) == {"line-2", "chat-1"}


def test_a_folder_without_mapping_files_is_told(tmp_path: Path) -> None:
    """The mistake of naming the top of a checkout."""
    config = folder(tmp_path)
    (tmp_path / "empty").mkdir()
    found = load(config, mappings=tmp_path / "empty")
    assert "no *.yaml in" in str(found)
    assert "empty" in str(found)
