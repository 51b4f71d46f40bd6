"""The environment as a source of settings: what is misspelt or unreadable, and which variable an error is about."""

from pathlib import Path

import pytest

from tests.unit.config_files import CONFIG, folder, loaded, problems


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("FRONT_CONNECTOR_"):
            monkeypatch.delenv(name)


def test_misspelt_variables_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that sets nothing is told, at the top and in a section; so is a wrong value."""
    monkeypatch.setenv("FRONT_CONNECTOR_KAKFA__GROUP_ID", "x")
    monkeypatch.setenv("FRONT_CONNECTOR_KAFKA__GROUP_IDX", "x")
    monkeypatch.setenv("FRONT_CONNECTOR_LIMITS__DRAIN_S", "soon")
    assert problems(folder(tmp_path)) == [
        "environment: FRONT_CONNECTOR_KAFKA__GROUP_IDX: kafka.group_idx is not known here: did you mean 'group_id'?",
        "environment: FRONT_CONNECTOR_KAKFA__GROUP_ID sets nothing: there is no 'kakfa', did you mean 'kafka'?",
        "environment: FRONT_CONNECTOR_LIMITS__DRAIN_S: limits.drain_s must be a number",
    ]


def test_what_kubernetes_injects_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Service called front-connector puts these into every pod beside it."""
    for name in ("PORT", "PORT_8080_TCP_ADDR", "SERVICE_HOST", "SERVICE_PORT_HTTP"):
        monkeypatch.setenv(f"FRONT_CONNECTOR_{name}", "10.0.0.1")
    loaded(folder(tmp_path))


def test_a_variable_that_is_no_json_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole section as a variable is JSON."""
    monkeypatch.setenv("FRONT_CONNECTOR_KAFKA", "{oops")
    [problem] = problems(folder(tmp_path))
    assert problem == (
        "environment: FRONT_CONNECTOR_KAFKA: is not JSON: it sets several values at once, so write it as JSON, "
        "or set one value with FRONT_CONNECTOR_KAFKA__NAME"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("LIMITS", "many"), ("FRONT__APPS", "{oops"), ("FRONT__COMPANIES", "acme"), ("MAPPINGS__ENV", "HOME")],
)
def test_the_variable_that_is_no_json_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """In our words, without its value."""
    monkeypatch.setenv(f"FRONT_CONNECTOR_{name}", value)
    [problem] = problems(folder(tmp_path))
    assert problem.startswith(f"environment: FRONT_CONNECTOR_{name}: ")
    assert value not in problem


def test_a_text_beside_it_is_not_blamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like JSON was meant so; if nothing does, all that could be are named."""
    monkeypatch.setenv("FRONT_CONNECTOR_FRONT__CARRIER", "httpx")
    monkeypatch.setenv("FRONT_CONNECTOR_FRONT__COMPANIES", "{acme")
    [problem] = problems(folder(tmp_path))
    assert problem.startswith("environment: FRONT_CONNECTOR_FRONT__COMPANIES: is not JSON: ")
    monkeypatch.setenv("FRONT_CONNECTOR_FRONT__COMPANIES", "acme")
    assert problems(folder(tmp_path)) == [
        "environment: one of FRONT_CONNECTOR_FRONT__CARRIER, FRONT_CONNECTOR_FRONT__COMPANIES "
        "sets several values at once, and is not JSON"
    ]


def test_a_contradiction_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file there is nothing wrong to be seen: a secret beside its file, and a bound across sections."""
    (tmp_path / "secret").write_text("hush\n")
    file = folder(tmp_path, config=CONFIG.replace("secret: hush", "secret_file: secret"))
    monkeypatch.setenv("FRONT_CONNECTOR_FRONT__APPS__MAIN__SECRET", "hidden")
    assert problems(file) == [
        "connector.yaml:7:11: front.apps.main: give only one of secret and secret_file: "
        "which one counts must not be a guess (secret is set by FRONT_CONNECTOR_FRONT__APPS__MAIN__SECRET)"
    ]
    monkeypatch.delenv("FRONT_CONNECTOR_FRONT__APPS__MAIN__SECRET")
    monkeypatch.setenv("FRONT_CONNECTOR_LIMITS__REVOKE_DRAIN_S", "150")
    [problem] = problems(file)
    assert problem.endswith("(limits.revoke_drain_s is set by FRONT_CONNECTOR_LIMITS__REVOKE_DRAIN_S)")
