"""What the chart renders is a configuration that the connector accepts."""

import io
import re
import shutil
from pathlib import Path

import pytest
import yaml

from connector.app import kafka_problem
from connector.config import Loaded, Problems, load
from tests.chart.rendering import CHART, ROOT, VARIANTS, Object, objects, one, values_of, workload
from tests.support.certificates import make_certificates

MOUNTED_AT = "/etc/front-connector"


def _written_as_mounted(found: list[Object], folder: Path) -> Path:
    """The rendered files where a pod would see them, below `folder`; secrets are dummies. Gives the config's path.

    Somebody else's ConfigMap of mapping files holds the chart's example.
    """
    maps = {o["metadata"]["name"].rpartition("-")[2]: o["data"] for o in found if o["kind"] == "ConfigMap"}
    maps.setdefault("mappings", {path.name: path.read_text() for path in (CHART / "mappings").iterdir()})
    named = set()
    for place in ("config", "mappings"):
        for name, text in maps[place].items():
            path = folder / place / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace(MOUNTED_AT, str(folder)))
            named |= set(re.findall(rf"{MOUNTED_AT}/secrets/([\w.-]+)", text))
    (folder / "secrets").mkdir()
    certificates = make_certificates(folder)
    real = {"tls.crt": certificates.client, "tls.key": certificates.client_key}
    for name in named:
        if name in real or name.endswith((".pem", "ca.crt")):
            shutil.copy(real.get(name, certificates.ca), folder / "secrets" / name)
        else:
            (folder / "secrets" / name).write_text("dummy\n")
    return folder / "config" / "config.yaml"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_rendered_configuration_is_valid(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `front-connector validate` reads it where a pod does: config, mapping files, channels table, librdkafka's settings."""
    monkeypatch.setenv("FRONT_CONNECTOR_PORT", "injected by Kubernetes beside a Service of that name")
    loaded = load(_written_as_mounted(objects(values_of(variant)), tmp_path))
    assert isinstance(loaded, Loaded), loaded
    assert kafka_problem(loaded) is None
    assert loaded.mappings.topics
    assert loaded.channels.by_channel


def test_the_check_can_fail(tmp_path: Path) -> None:
    """A relation that the chart's schema cannot see is found by the connector."""
    wrong = objects({"config": {"kafka": {"session_timeout_s": 400}}})
    assert isinstance(load(_written_as_mounted(wrong, tmp_path)), Problems)


@pytest.mark.parametrize("variant", ["default", "everything", "example-production", "inside"])
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
    if values_of(variant).get("mappings", {}).get("existingConfigMap"):
        shutil.copytree(CHART / "mappings", tmp_path / "pod" / "mappings")
    config = tmp_path / "pod" / "config" / "config.yaml"
    config.write_text(config.read_text().replace(MOUNTED_AT, str(tmp_path / "pod")))
    loaded = load(config)
    assert isinstance(loaded, Loaded), loaded
    assert kafka_problem(loaded) is None


PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
FORMS = re.findall(r"^```yaml\n(config:\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("form", FORMS, ids=lambda text: " ".join(text.split()[1:6]))
def test_each_login_of_the_page_on_security_works_over_the_charts_defaults(form: str, tmp_path: Path) -> None:
    """The defaults have a login of their own, which must not stay beside another one."""
    loaded = load(_written_as_mounted(objects(yaml.safe_load(form)), tmp_path))
    assert isinstance(loaded, Loaded), loaded
    assert loaded.warnings == ()
    assert kafka_problem(loaded) is None


def test_the_page_on_security_has_values_for_each_login() -> None:
    """Four of Kafka's, three of the registry's."""
    assert [text.split()[1] for text in FORMS] == ["kafka:"] * 4 + ["registry:"] * 3


def test_the_chart_names_the_paths_that_it_mounts() -> None:
    """Every absolute path of the default configuration lies below a mount of the pod."""
    found = objects({})
    (container,) = workload(found)["spec"]["template"]["spec"]["containers"]
    mounts = tuple(mount["mountPath"] for mount in container["volumeMounts"])
    config = one(found, "ConfigMap", "-config")["data"]["config.yaml"]
    paths = [word for word in config.split() if word.startswith(MOUNTED_AT)]
    assert len(paths) == 4
    assert all(path.startswith(mounts) for path in [*paths, container["args"][-1]])
