"""The verb `shadow` without a Kafka: what it refuses, in which words and with which exit code."""

import json
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connector import cli
from connector.adapters.kafka.reading import Reader
from connector.workbench import sources
from tests.support.kafka import free_ports
from tests.unit.config_files import CONFIG, MAPPING, folder


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["shadow", *(str(argument) for argument in arguments)])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return folder(tmp_path)


def test_help_has_an_example_and_the_exit_codes() -> None:
    """A person finds the form without the guide."""
    shown = " ".join(call("--help").stdout.split())
    assert "Example: front-connector shadow --config connector.yaml --against" in shown
    assert "Exit 0: no difference. 1: differences. 2: wrong usage. 69:" in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--last", "5", "--from", "2026-01-31"],
            "--last and --from/--to choose records in two ways: give one of them",
        ),
        (
            ["--topic", "call.v1"],
            "--topic: no mapping file of either version has the topic 'call.v1': did you mean 'calls.v1'?",
        ),
        (["--html", "absent/plan.html"], "--html: there is no folder absent"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_read(
    config: Path, arguments: list[str], sentence: str
) -> None:
    """Exit 2; no broker was asked, for there is none."""
    ended = call("--config", config, "--against", config, *arguments)
    assert (ended.exit_code, ended.stderr.strip()) == (2, sentence)


def test_another_version_that_is_not_there_is_wrong_usage(config: Path, tmp_path: Path) -> None:
    """Most often a checkout that was not made."""
    ended = call("--config", config, "--against", tmp_path / "absent")
    assert ended.exit_code == 2
    assert "absent" in ended.stderr


def test_either_version_may_be_invalid(config: Path, tmp_path: Path) -> None:
    """Exit 78 with the place, as `validate` has it; also as JSON."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "calls.yaml").write_text(MAPPING.replace("add-call-summary", "add-call-sumary"), "utf-8")
    ended = call("--config", config, "--against", other)
    assert ended.exit_code == 78
    assert "other/calls.yaml:7:20: " in ended.stderr
    assert "add-call-summary" in ended.stderr
    as_json = call("--config", config, "--against", other, "--output", "json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["valid"]) == (78, False)


def test_no_broker_is_exit_69(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the address, within the bound."""
    monkeypatch.setattr(sources, "Reader", partial(Reader, answer_within_s=1.0))
    (port,) = free_ports(1)
    config = folder(tmp_path, config=CONFIG.replace("localhost:9092", f"127.0.0.1:{port}"))
    ended = call("--config", config, "--against", tmp_path / "mappings")
    assert ended.exit_code == 69
    assert ended.stderr.startswith(f"no broker at 127.0.0.1:{port} answered within 1 s (")


def test_a_property_that_the_client_does_not_take_is_exit_78(tmp_path: Path) -> None:
    """In librdkafka's own words."""
    config = folder(
        tmp_path, config=CONFIG.replace("group_id: front", "group_id: front\n  properties: {nonsense: 1}")
    )
    ended = call("--config", config, "--against", tmp_path / "mappings")
    assert ended.exit_code == 78
    assert ended.stderr.startswith('invalid configuration: No such configuration property: "nonsense"')
