"""What the chart renders is a configuration that the connector accepts."""

import io
import re
from pathlib import Path

import pytest
import yaml

from connector.config import Loaded, Problems, load
from tests.chart.rendering import ROOT, Object, objects, one, values_of

MOUNTED_AT = "/etc/front-connector"


def _written_as_mounted(found: list[Object], folder: Path) -> Path:
    """The rendered files where a pod would see them, below `folder`; secrets are dummies. Gives the config's path."""
    for ending, place in (("-config", "config"), ("-mappings", "mappings")):
        for name, text in one(found, "ConfigMap", ending)["data"].items():
            path = folder / place / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace(MOUNTED_AT, str(folder)))
    config = yaml.safe_load((folder / "config" / "config.yaml").read_text())
    (folder / "secrets").mkdir()
    secrets = [app["secret_file"] for app in config["front"]["apps"].values()]
    for secret in (*secrets, *config["kafka"]["properties_from_files"].values()):
        Path(secret).write_text("dummy\n")
    return folder / "config" / "config.yaml"


@pytest.mark.parametrize(
    ("variant", "topic", "channel"),
    [("default", "example.calls.v1", "cha_example1"), ("everything", "calls", "cha_1")],
)
def test_the_rendered_configuration_is_valid(
    variant: str, topic: str, channel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Config, mapping files, channels table and the paths between them, exactly as a pod would read them."""
    monkeypatch.setenv("FRONT_CONNECTOR_PORT", "injected by Kubernetes beside a Service of that name")
    loaded = load(_written_as_mounted(objects(values_of(variant)), tmp_path))
    assert isinstance(loaded, Loaded), loaded
    assert list(loaded.mappings.topics) == [topic]
    assert list(loaded.channels.by_channel) == [channel]


def test_the_check_can_fail(tmp_path: Path) -> None:
    """A key that the connector does not know, and that the chart's schema lets through, is found by the connector."""
    wrong = objects({"config": {"kafka": {"bootstrap_server": "kafka:9092"}}})
    assert isinstance(load(_written_as_mounted(wrong, tmp_path)), Problems)


@pytest.mark.parametrize("variant", ["default", "everything"])
def test_the_recipe_of_the_page_on_deployment_works(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its program takes what `helm template` prints and leaves a folder that is valid once its paths are put right."""
    page = (ROOT / "docs" / "deployment.md").read_text()
    [program] = re.findall(r"<!-- file: unpack.py -->\n```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    printed = "".join(f"---\n{yaml.safe_dump(found)}" for found in objects(values_of(variant)))
    monkeypatch.setattr("sys.stdin", io.StringIO(printed))
    exec(compile(program, "unpack.py", "exec"), {})
    config = tmp_path / "pod" / "config" / "config.yaml"
    config.write_text(config.read_text().replace(MOUNTED_AT, str(tmp_path / "pod")))
    loaded = load(config)
    assert isinstance(loaded, Loaded), loaded


def test_the_chart_names_the_paths_that_it_mounts() -> None:
    """Every absolute path of the default configuration lies below a mount of the pod."""
    found = objects({})
    (container,) = one(found, "Deployment")["spec"]["template"]["spec"]["containers"]
    mounts = tuple(mount["mountPath"] for mount in container["volumeMounts"])
    config = one(found, "ConfigMap", "-config")["data"]["config.yaml"]
    paths = [word for word in config.split() if word.startswith(MOUNTED_AT)]
    assert len(paths) == 4
    assert all(path.startswith(mounts) for path in [*paths, container["args"][-1]])
