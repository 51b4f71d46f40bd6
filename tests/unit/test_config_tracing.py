"""The `tracing` section: what is refused and in which words, and what is said where OpenTelemetry is not installed."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector import cli
from connector.adapters.telemetry.last_resort import tell_instead_of_print
from connector.adapters.tracing import tracing_problem
from connector.config.tracing import TracingSettings, read_headers
from tests.unit.config_files import CONFIG, folder, loaded, problems

MISSING = "tracing.enabled: OpenTelemetry is not installed: pip install 'front-connector[otel]'"


def with_tracing(path: Path, section: str) -> Path:
    return folder(path, config=f"{CONFIG}tracing: {section}\n")


def test_without_a_word_about_it_tracing_is_off(tmp_path: Path) -> None:
    """Whatever OTEL_* variables the platform puts into a pod."""
    settings = loaded(folder(tmp_path)).settings.tracing
    assert settings == TracingSettings()
    assert not settings.enabled


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("https://collector/", "https://collector/v1/traces"),
        ("https://collector/otlp/v1/traces", "https://collector/otlp/v1/traces"),
    ],
)
def test_an_endpoint_without_a_path_gets_that_of_otlp(tmp_path: Path, written: str, meant: str) -> None:
    """As OTEL_EXPORTER_OTLP_ENDPOINT is read."""
    assert loaded(with_tracing(tmp_path, f"{{endpoint: '{written}'}}")).settings.tracing.endpoint == meant


def test_the_port_of_grpc_is_warned_of(tmp_path: Path) -> None:
    """The other protocol of OTLP, at which nothing of ours would arrive."""
    (warning,) = loaded(with_tracing(tmp_path, "{enabled: true, endpoint: 'http://c:4317'}")).warnings
    assert warning == (
        "tracing.endpoint: 4317 is the port of OTLP over gRPC, and traces are sent by OTLP over HTTP: its port is 4318 unless "
        "the collector is told another"
    )
    for section in ("{enabled: true, endpoint: 'http://c:4318'}", "{endpoint: 'http://c:4317'}"):
        assert loaded(with_tracing(tmp_path, section)).warnings == ()


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{endpoint: 'collector:4318'}", "must be an http or https URL, such as http://otel-collector:4318"),
        ("{endpoint: 'http://'}", "must be an http or https URL, such as http://otel-collector:4318"),
        ("{endpoint: 'http://c:99999'}", "must be an http or https URL, such as http://otel-collector:4318"),
        ("{endpoint: 'http://me:CANARY@c'}", "must not hold a user or password: give headers_file"),
        ("{endpoint: 'http://c/?key=CANARY'}", "must have neither query nor fragment: give headers_file"),
        ("{headers: 'a=b,CANARY'}", "headers: item 2 is no name=value"),
        ("{headers: 'a=b', headers_file: x}", "give only one of headers and headers_file"),
        ("{sample_ratio: 1.5}", "tracing.sample_ratio must be 1 or less"),
        ("{endpiont: x}", "did you mean 'endpoint'?"),
        ("{headers_file: nowhere}", "nowhere: No such file or directory"),
        ("{ca_file: nowhere}", "nowhere: No such file or directory"),
    ],
)
def test_nonsense_is_refused_in_words(tmp_path: Path, section: str, said: str) -> None:
    """With the place, and without what may be a secret."""
    told = problems(with_tracing(tmp_path, section))
    assert any(said in line for line in told), told
    assert all(line.startswith("connector.yaml:11:") for line in told)
    assert "CANARY" not in "".join(told)


def test_headers_are_read_as_the_variable_of_that_name_is() -> None:
    """Names in small letters, values percent-decoded; the last one of a name counts."""
    assert read_headers("Authorization=Bearer%20x%3D, x-tenant = shop ,,x-tenant=other") == {
        "authorization": "Bearer x=",
        "x-tenant": "other",
    }
    for wrong in ("=x", "a b=x", "ä=x", "a=%0d%0aevil: x", "a=ü"):
        assert read_headers(f"fine=1,{wrong}") == "item 2 is no name=value"


def test_a_file_of_headers_that_are_none_is_refused(tmp_path: Path) -> None:
    """By `validate` and by `run`, with the setting's name and not a word of the file."""
    (tmp_path / "headers").write_text("CANARY\n")
    config = with_tracing(tmp_path, "{enabled: true, headers_file: headers}")
    for verb in ("validate", "run"):
        told = CliRunner().invoke(cli.app, [verb, "--config", str(config)])
        assert told.exit_code == 78
        assert "tracing.headers_file: item 1 is no name=value" in told.output
        assert "CANARY" not in told.output


def test_a_missing_extra_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 78 of `validate` and `run`; with tracing off nobody misses it."""
    for name in ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"):
        monkeypatch.setitem(sys.modules, name, None)
    config = with_tracing(tmp_path, "{enabled: true}")
    for verb in ("validate", "run"):
        told = CliRunner().invoke(cli.app, [verb, "--config", str(config)])
        assert told.exit_code == 78
        assert MISSING in told.output
    assert tracing_problem(TracingSettings()) is None
    assert CliRunner().invoke(cli.app, ["validate", "--config", str(folder(tmp_path))]).exit_code == 0


def test_a_variable_that_opentelemetry_refuses_ends_the_start_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 78, and not a defect: the environment is configuration, too."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "20")
    told = CliRunner().invoke(cli.app, ["run", "--config", str(with_tracing(tmp_path, "{enabled: true}"))])
    assert told.exit_code == 78
    assert "tracing: OpenTelemetry refuses an OTEL_* variable: " in told.output


def test_nothing_needs_the_extra_while_tracing_is_off() -> None:
    """The service and all verbs are imported where it is not installed."""
    code = "import sys; sys.modules['opentelemetry'] = None; import connector.app, connector.cli, connector.demo.main"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_thread_that_dies_is_told_by_type_and_place_and_never_in_its_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python would print the exception's text, which quotes data, on stderr."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    said: list[tuple[str, object]] = []

    class Log:
        def debug(self, event: str, **fields: object) -> None:
            said.append((event, fields["exc_info"]))

        info = warning = error = debug

    tell_instead_of_print(Log())

    def dies() -> None:
        raise ValueError("CANARY")

    thread = threading.Thread(target=dies)
    thread.start()
    thread.join()

    class Fails:
        def __del__(self) -> None:
            dies()

    failing = Fails()
    del failing
    assert [event for event, _ in said] == ["thread.failed"] * 2
    assert all(isinstance(error, ValueError) for _, error in said)
    assert "CANARY" not in capsys.readouterr().err
