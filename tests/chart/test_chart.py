"""The chart as a cluster gets it: rendered by real Helm, checked against Kubernetes' own schemas."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import jsonschema
import kubernetes_validate
import pytest
import yaml

from connector import __version__
from tests.chart.rendering import CHART, VARIANTS, Object, objects, one, render, values_of, workload

_FOUND = re.search(r"[0-9.]+[0-9]", yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"])
assert _FOUND is not None
VERSIONS = {"oldest": _FOUND[0].removesuffix(".0"), "newest": kubernetes_validate.latest_version()}
KINDS: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("kinds.yaml").read_text(encoding="utf-8"))

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def _pod(found: list[Object]) -> dict[str, Any]:
    pod: dict[str, Any] = workload(found)["spec"]["template"]["spec"]
    return pod


def _pods(found: list[Object]) -> Iterator[dict[str, Any]]:
    """That of the workload, and that of `helm test`."""
    yield _pod(found)
    yield one(found, "Pod")["spec"]


@each_variant
def test_helm_finds_nothing_to_warn_of(variant: str) -> None:
    """`helm lint --strict`; a missing icon is information, not a finding."""
    report = helm.lint(CHART, values_of(variant), strict=True, kube_version=f"v{VERSIONS['oldest']}.0")
    assert report["errors"] == []
    assert [m for m in report["messages"] if m["severity"] > 1] == []


@each_variant
@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid_in_the_oldest_and_newest_kubernetes(variant: str, version: str) -> None:
    """Strict: an unknown field is an error. Operators' own kinds are checked as `kinds.yaml` has them."""
    for found in objects(values_of(variant)):
        if found["kind"] in KINDS:
            _check_operators_kind(found)
        else:
            kubernetes_validate.validate(found, VERSIONS[version], strict=True)


def _check_operators_kind(found: Object) -> None:
    kind = KINDS[found["kind"]]
    schema = {
        "definitions": KINDS["definitions"],
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"const": kind["apiVersion"]},
            "kind": {"const": found["kind"]},
            "metadata": {"$ref": "#/definitions/metadata"},
            "spec": kind["spec"],
        },
    }
    jsonschema.Draft7Validator(schema).validate(found)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"definitions"}))
def test_the_check_of_an_operators_kind_can_fail(kind: str) -> None:
    """Every kind is made by some variant, and a field that it does not have is found."""
    made = [o for variant in VARIANTS for o in objects(values_of(variant)) if o["kind"] == kind]
    assert made
    with pytest.raises(jsonschema.ValidationError, match="intervall"):
        _check_operators_kind({**made[0], "spec": {**made[0]["spec"], "intervall": 1}})


def test_the_objects_of_a_release_with_default_values() -> None:
    """What comes without asking, and the pod of `helm test`; monitoring, policies and budgets do not."""
    assert sorted(o["kind"] for o in objects({})) == [
        "ConfigMap",
        "ConfigMap",
        "Deployment",
        "Pod",
        "Service",
        "ServiceAccount",
    ]


_RESTRICTED_VOLUMES = {
    *(
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    )
}


@each_variant
def test_the_pods_fit_the_restricted_security_level(variant: str) -> None:
    """Pod Security Standards, "restricted": the rules that a namespace may enforce, and a read-only file system."""
    for pod in _pods(objects(values_of(variant))):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        container = next(c for c in pod["containers"] if c["name"] in ("front-connector", "healthcheck"))
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        used = {kind for volume in pod.get("volumes", []) for kind in volume.keys() - {"name"}}
        assert used <= _RESTRICTED_VOLUMES


def test_the_user_is_that_of_the_image_unless_the_platform_gives_one() -> None:
    """OpenShift refuses a number that it did not give."""
    numbers = {"runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532}
    for pod in _pods(objects({})):
        assert numbers.items() <= pod["securityContext"].items()
    for pod in _pods(objects(values_of("inside"))):
        assert not numbers.keys() & pod["securityContext"].keys()


def test_only_tmp_and_the_spool_can_be_written() -> None:
    """All other mounts are read-only, whole directories, and none lies inside another."""
    pod = _pod(objects({}))
    mounts = {mount["mountPath"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    assert [path for path, mount in mounts.items() if not mount.get("readOnly")] == [
        "/tmp",
        "/var/spool/front-connector",
    ]
    assert not [mount for mount in mounts.values() if "subPath" in mount]
    assert not [(a, b) for a in mounts for b in mounts if a != b and b.startswith(a + "/")]
    (secret,) = [volume["secret"] for volume in pod["volumes"] if "secret" in volume]
    assert secret == {"secretName": "front-connector-secrets", "defaultMode": 0o440}


@each_variant
def test_probes_ask_for_the_right_thing(variant: str) -> None:
    """Start and life ask whether loops turn; only readiness asks for the state. The port is as configured."""
    values = values_of(variant)
    container = _pod(objects(values))["containers"][0]
    paths = {
        name: container[name]["httpGet"]["path"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    port = values.get("config", {}).get("telemetry", {}).get("port", 8080)
    assert container["ports"] == [{"name": "metrics", "containerPort": port, "protocol": "TCP"}]


def test_the_pod_of_helm_test_asks_the_service_and_is_no_connector() -> None:
    """Its labels are not those by which Service, monitors, budget and spread choose pods."""
    found = objects({"config": {"telemetry": {"port": 9090}}})
    pod, service = one(found, "Pod"), one(found, "Service")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert pod["spec"]["containers"][0]["args"] == [
        "healthcheck",
        "--url",
        f"http://{service['metadata']['name']}.voice.svc:9090/readyz",
    ]
    assert not service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()


def test_a_rollout_never_has_fewer_pods_than_before() -> None:
    """A new pod must be ready for a while before an old one goes."""
    spec = one(objects({}), "Deployment")["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }
    assert spec["minReadySeconds"] == 15


def test_the_budget_for_disruptions_comes_with_the_second_pod() -> None:
    """With one pod it would forbid every node drain."""
    assert "PodDisruptionBudget" not in [o["kind"] for o in objects({})]
    budget = one(objects({"replicas": 2}), "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_a_changed_configuration_rolls_the_pods() -> None:
    """The pod's annotations change with what the chart renders, each with its own."""

    def checksums(values: dict[str, Any]) -> tuple[str, str]:
        found = one(objects(values), "Deployment")["spec"]["template"]["metadata"]["annotations"]
        return found["checksum/config"], found["checksum/mappings"]

    config, mappings = checksums({})
    assert checksums({"replicas": 2}) == (config, mappings)
    other_config = checksums({"config": {"kafka": {"group_id": "other"}}})
    assert other_config[0] != config
    assert other_config[1] == mappings
    other_mapping = checksums({"mappings": {"files": {"a.yaml": "version: 1", "channels.csv": "key"}}})
    assert other_mapping[0] == config
    assert other_mapping[1] != mappings


def test_own_mapping_files_replace_the_examples() -> None:
    """A forgotten example would subscribe to a topic of its own."""
    files = {"a.yaml": "version: 1\n", "channels.csv": "key"}
    assert one(objects({"mappings": {"files": files}}), "ConfigMap", "-mappings")["data"] == files


def test_mapping_files_have_one_way_to_be_taken() -> None:
    """Those of the values by a rollout, somebody else's by watching; neither may be wanted."""
    assert "reload" not in _reads({})
    assert _reads({"mappings": {"existingConfigMap": "mine"}})["reload"] == "watch"
    by_hand = {"config": {"mappings": {"reload": "restart"}}, "mappings": {"existingConfigMap": "mine"}}
    assert _reads(by_hand)["reload"] == "restart"


def _reads(values: dict[str, Any]) -> dict[str, Any]:
    """What the connector is told about its mapping files."""
    config = yaml.safe_load(one(objects(values), "ConfigMap", "-config")["data"]["config.yaml"])
    told: dict[str, Any] = config["mappings"]
    return told


def test_an_existing_config_map_is_mounted_and_none_is_made() -> None:
    """Whoever manages mappings elsewhere names the ConfigMap."""
    found = objects(values_of("own-configmap"))
    volumes = {volume["name"]: volume for volume in _pod(found)["volumes"]}
    assert volumes["mappings"]["configMap"]["name"] == "calls-mappings"
    assert [o["metadata"]["name"] for o in found if o["kind"] == "ConfigMap"] == ["calls-config"]


def test_numbers_of_the_configuration_arrive_as_they_were_given() -> None:
    """Helm reads numbers as floats; a byte count must not come out as 3.3554432e+07."""
    config = one(objects(values_of("everything")), "ConfigMap", "-config")["data"]["config.yaml"]
    assert "partition_bytes: 33554432\n" in config
    assert yaml.safe_load(config)["limits"]["drain_s"] == 45.5


def test_no_secret_can_be_made_from_values() -> None:
    """The chart has no template for a Secret: values lie in a release's history, readable for years."""
    for variant in VARIANTS:
        assert "Secret" not in {o["kind"] for o in objects(values_of(variant))}


def test_the_monitor_finds_the_service() -> None:
    """Labels and port name agree, and `job` becomes the release."""
    found = objects(values_of("everything"))
    monitor, service = one(found, "ServiceMonitor")["spec"], one(found, "Service")
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert monitor["jobLabel"] == "app.kubernetes.io/instance"
    assert service["spec"]["clusterIP"] == "None"


def test_the_dashboard_arrives_as_it_is_shipped() -> None:
    """Grafana's braces pass through Helm as they stand; only the address of the runbooks is the release's."""
    held = one(objects(values_of("everything")), "ConfigMap", "-dashboard")
    assert held["metadata"]["labels"]["grafana_dashboard"] == "1"
    shipped = (CHART / "dashboards" / "front-connector.json").read_text()
    expected = shipped.replace("docs/runbooks", "https://docs.example.com/runbooks")
    assert json.loads(held["data"]["front-connector.json"]) == json.loads(expected)


def test_long_release_names_stay_within_63_characters_and_apart() -> None:
    """A name is cut before its ending, so that two ConfigMaps never get the same one."""
    found = objects({"replicas": 2}, name="a" * 53)
    names = [(o["kind"], o["metadata"]["name"]) for o in found]
    assert all(len(name) <= 63 for _, name in names)
    assert len(set(names)) == len(names)


def test_a_packaged_chart_makes_the_same(tmp_path: Path) -> None:
    """What .helmignore leaves out is nothing that the templates read."""
    packed = helm.package(CHART, destination=tmp_path)
    values = values_of("everything")
    with helm.Chart.load(packed) as chart:
        assert chart.render(values, name="demo", namespace="voice") == render(values)


def test_the_chart_carries_the_version_of_the_connector() -> None:
    """The image's tag is the chart's appVersion."""
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__
