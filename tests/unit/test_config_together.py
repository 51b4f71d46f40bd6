"""A mistake in one place does not hide those in others, as far as they can be judged without it."""

from pathlib import Path

import pytest

from tests.unit.config_files import CONFIG, MAPPING, folder, loaded, problems

BROKEN = MAPPING.replace("content: '${value.text}'", "content: 5")


def places(found: list[str]) -> list[str]:
    return [problem.partition(": ")[0] for problem in found]


def test_a_wrong_setting_hides_no_other_file(tmp_path: Path) -> None:
    """Secret files, the channels table and mapping files are told beside a misspelt key of another section."""
    config = CONFIG.replace("group_id", "group_idd").replace("secret: hush", "secret_file: gone")
    found = problems(folder(tmp_path, config=config, channels="key\n", calls=BROKEN))
    assert places(found) == [
        "channels.csv:1",
        "connector.yaml:2:3",
        "connector.yaml:3:3",
        "connector.yaml:7:37",
        "mappings/calls.yaml:10:16",
    ]


def test_a_bound_across_sections_hides_no_other_file(tmp_path: Path) -> None:
    """Each section is right by itself."""
    config = f"{CONFIG}limits: {{revoke_drain_s: 150}}\n"
    found = problems(folder(tmp_path, config=config, calls=BROKEN))
    assert places(found) == ["connector.yaml:1:1", "mappings/calls.yaml:10:16"]


def test_what_rests_on_a_wrong_section_is_not_guessed(tmp_path: Path) -> None:
    """Without the apps no channel can be judged, so nothing false is said of a mapping file that uses one."""
    config = CONFIG.replace("channels: channels.csv", "chanels: channels.csv")
    text = MAPPING.replace("'${channels[value.line_id]}'", "cha_7")
    found = problems(folder(tmp_path, config=config, calls=text))
    assert places(found) == ["connector.yaml:8:3"]


def test_a_section_that_a_variable_changes_is_not_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the file says of it may not be what counts."""
    monkeypatch.setenv("FRONT_CONNECTOR_MAPPINGS__FOLDER", "elsewhere")
    found = problems(folder(tmp_path, config=CONFIG.replace("group_id", "group_idd"), calls=BROKEN))
    assert places(found) == ["connector.yaml:2:3", "connector.yaml:3:3"]


def test_a_mapping_file_with_the_wrong_ending_is_named(tmp_path: Path) -> None:
    """In a folder without any other, that is why there is none."""
    file = folder(tmp_path)
    (tmp_path / "mappings" / "calls.yaml").rename(tmp_path / "mappings" / "chat.yml")
    assert problems(file) == [
        "connector.yaml:9:20: no *.yaml in mappings (chat.yml is not read: name it .yaml)"
    ]


@pytest.mark.parametrize(
    ("expression", "column"),
    [("${env.REGION}", 28), ('in ${env["REGION"]}', 31), ("${value.a ? env.REGION : value.text}", 38)],
)
def test_a_variable_that_is_not_listed_is_told(tmp_path: Path, expression: str, column: int) -> None:
    """At run time it would be absent in every record."""
    text = MAPPING.replace("${value.text}", expression)
    [problem] = problems(folder(tmp_path, calls=text))
    assert problem == (
        f"mappings/calls.yaml:10:{column}: body.content: env.REGION: REGION is not under mappings.env"
    )


def test_a_listed_variable_that_is_not_set_is_told_once(tmp_path: Path) -> None:
    """Where it is listed, not where it is used."""
    config = CONFIG.replace("{folder: mappings}", "{folder: mappings, env: [REGION_NOT_SET]}")
    text = MAPPING.replace("value.text", "env.REGION_NOT_SET")
    assert places(problems(folder(tmp_path, config=config, calls=text))) == ["connector.yaml:9:36"]


@pytest.mark.parametrize("expression", ['env.?REGION.orValue("x")', 'has(env.REGION) ? "a" : "b"'])
def test_asking_for_a_variable_is_no_mistake(tmp_path: Path, expression: str) -> None:
    """Whoever asks has said what happens without it."""
    assert loaded(folder(tmp_path, calls=MAPPING.replace("value.text", expression))).mappings.topics
