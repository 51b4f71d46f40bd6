"""The chart as a cluster gets it: rendered by real Helm, checked against Kubernetes' own schemas."""

import itertools
import json
import re
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import yaml

from connector import __version__
from tests.chart.rendering import CHART, VARIANTS, Object, objects, one, render, values_of

OLDEST = re.search(r"[0-9.]+[0-9]", yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"])
NEWEST = kubernetes_validate.latest_version()

each_variant = pytest.mark.parametrize("variant", VARIANTS)


def _pod(found: list[Object]) -> dict[str, Any]:
    pod: dict[str, Any] = one(found, "Deployment")["spec"]["template"]["spec"]
    return pod


@each_variant
def test_helm_finds_nothing_to_warn_of(variant: str) -> None:
    """`helm lint --strict`; a missing icon is information, not a finding."""
    assert OLDEST is not None
    report = helm.lint(CHART, values_of(variant), strict=True, kube_version=f"v{OLDEST[0]}")
    assert report["errors"] == []
    assert [m for m in report["messages"] if m["severity"] > 1] == []


@each_variant
@pytest.mark.parametrize("version", ["oldest", "newest"])
def test_every_object_is_valid_in_the_oldest_and_newest_kubernetes(variant: str, version: str) -> None:
    """Strict: an unknown field is an error. Objects of operators' own kinds are checked elsewhere."""
    assert OLDEST is not None
    checked = 0
    for found in objects(values_of(variant)):
        if found["kind"] not in ("ServiceMonitor", "PrometheusRule"):
            kubernetes_validate.validate(found, {"oldest": OLDEST[0], "newest": NEWEST}[version], strict=True)
            checked += 1
    assert checked >= 3


def test_the_objects_of_a_release_with_default_values() -> None:
    """What comes without asking; monitoring and the disruption budget do not."""
    assert sorted(o["kind"] for o in objects({})) == [
        "ConfigMap",
        "ConfigMap",
        "Deployment",
        "Service",
        "ServiceAccount",
    ]


@each_variant
def test_the_pod_fits_the_restricted_security_level(variant: str) -> None:
    """Pod Security Standards, "restricted": the rules that a namespace may enforce."""
    pod = _pod(objects(values_of(variant)))
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert {volume_type for volume in pod["volumes"] for volume_type in volume.keys() - {"name"}} == {
        "configMap",
        "secret",
        "emptyDir",
    }


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
    (container,) = _pod(objects(values))["containers"]
    paths = {
        name: container[name]["httpGet"]["path"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    port = values.get("config", {}).get("telemetry", {}).get("port", 8080)
    assert container["ports"] == [{"name": "metrics", "containerPort": port, "protocol": "TCP"}]


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
    other_mapping = checksums({"mappings": {"files": {"a.yaml": "version: 1"}}})
    assert other_mapping[0] == config
    assert other_mapping[1] != mappings


def test_own_mapping_files_replace_the_examples() -> None:
    """A forgotten example would subscribe to a topic of its own."""
    mine = one(objects({"mappings": {"files": {"a.yaml": "version: 1\n"}}}), "ConfigMap", "-mappings")
    assert mine["data"] == {"a.yaml": "version: 1\n"}


def test_mapping_files_have_one_way_to_be_taken() -> None:
    """Those of the values by a rollout, somebody else's by watching; both at once are refused, neither may be wanted."""
    assert "reload" not in _reads({})
    assert _reads({"mappings": {"existingConfigMap": "mine"}})["reload"] == "watch"
    by_hand = {"config": {"mappings": {"reload": "restart"}}, "mappings": {"existingConfigMap": "mine"}}
    assert _reads(by_hand)["reload"] == "restart"
    said = _refused({"config": {"mappings": {"reload": "watch"}}})
    assert "config.mappings.reload is watch, but the pods are rolled already" in said


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


def test_the_dashboard_arrives_unchanged() -> None:
    """Grafana's braces pass through Helm as they stand."""
    held = one(objects(values_of("everything")), "ConfigMap", "-dashboard")
    assert held["metadata"]["labels"]["grafana_dashboard"] == "1"
    shipped = (CHART / "dashboards" / "front-connector.json").read_text()
    assert json.loads(held["data"]["front-connector.json"]) == json.loads(shipped)


def test_long_release_names_stay_within_63_characters_and_apart() -> None:
    """A name is cut before its ending, so that two ConfigMaps never get the same one."""
    found = objects({"replicas": 2}, name="a" * 53)
    names = [(o["kind"], o["metadata"]["name"]) for o in found]
    assert all(len(name) <= 63 for _, name in names)
    assert len(set(names)) == len(names)


def _notes(values: dict[str, Any]) -> str:
    return next(text for file, text in render(values).items() if file.endswith("NOTES.txt"))


def test_the_notes_say_what_is_still_a_placeholder() -> None:
    """Default values render; whoever installs them is told that they cannot run."""
    notes = _notes({})
    for said in ("STILL TO DO", "config.kafka.bootstrap_servers", "REPLACE-ME", "example.calls.v1"):
        assert said in notes
    assert "front-connector-secrets" in notes


def test_the_notes_name_only_the_placeholders_that_are_left() -> None:
    """One at a time, and none when all are replaced."""
    config = {
        "kafka": {"bootstrap_servers": "kafka:9092"},
        "registry": {"url": "https://registry:8081"},
        "front": {"apps": {"main": {"uid": "app_1"}}},
    }
    files = {"files": {"calls.yaml": "version: 1\n"}}
    assert "STILL TO DO" not in _notes({"config": config, "mappings": files})
    assert "STILL TO DO" not in _notes({"config": config, "mappings": {"existingConfigMap": "mine"}})
    example = {"files": {"calls.yaml": "version: 1\ntopics: {example.calls.v1: {}}\n"}}
    for mappings in ({}, example):
        notes = _notes({"config": config, "mappings": mappings})
        assert "the topic example.calls.v1" in notes
        assert "REPLACE-ME" not in notes
    notes = _notes({"config": {**config, "front": {}}, "mappings": files})
    assert "set the app's uid" in notes
    assert "example" not in notes


def test_the_chart_carries_the_version_of_the_connector() -> None:
    """The image's tag is the chart's appVersion."""
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__


# What is refused, and in which words


def _refused(values: dict[str, Any]) -> str:
    with pytest.raises(helm.HelmError) as refused:
        render(values)
    return str(refused.value)


def test_a_grace_below_the_drain_is_refused_with_the_number_to_set() -> None:
    """Else the pod is killed in the middle of its drain, and records are sent again."""
    assert "Make it at least 45 (drain + 15)" in _refused({"terminationGracePeriodSeconds": 44})
    assert "Make it at least 76 (drain + 15)" in _refused({"config": {"limits": {"drain_s": 60.5}}})
    assert objects({"terminationGracePeriodSeconds": 45})


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"front": {"apps": {"main": {"secret": "hush"}}}}, "config.front.apps.main.secret"),
        ({"front": {"apps": {"other": {"token": "hush"}}}}, "config.front.apps.other.token"),
        ({"registry": {"password": "hush"}}, "config.registry.password"),
        ({"kafka": {"properties": {"sasl.password": "hush"}}}, "sasl.password"),
    ],
)
def test_a_secret_among_the_values_is_refused(config: dict[str, Any], named: str) -> None:
    """It would lie in the release's history; the refusal says where it belongs, and not what it is."""
    said = _refused({"config": config, "existingSecret": "mine"})
    assert named in said
    assert "Put it into the Secret mine and name its file" in said
    assert "hush" not in said


@pytest.mark.parametrize(
    "name", ["FRONT_CONNECTOR_FRONT__APPS__MAIN__SECRET", "front_connector_registry__password"]
)
def test_a_secret_among_the_variables_is_refused_unless_it_is_referred_to(name: str) -> None:
    """A reference to a Secret holds no value."""
    said = _refused({"env": [{"name": name, "value": "hush"}]})
    assert f"env gives {name} a secret value" in said
    assert "hush" not in said
    assert objects({"env": [{"name": name, "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FRONT_CONNECTOR_LIMITS__DRAIN_S", "300"),
        ("front_connector_limits__drain_s", "300"),
        ("FRONT_CONNECTOR_LIMITS", '{"drain_s": 300}'),
    ],
)
def test_a_drain_set_by_a_variable_is_refused(name: str, value: str) -> None:
    """It would pass by the check of the grace; other limits may be set so."""
    said = _refused({"env": [{"name": name, "value": value}]})
    assert f"env sets {name}" in said
    assert "Set config.limits.drain_s instead." in said
    assert objects({"env": [{"name": "FRONT_CONNECTOR_LIMITS__IN_FLIGHT", "value": "32"}]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FRONT_CONNECTOR_TELEMETRY__PORT", "9999"),
        ("front_connector_telemetry__port", "9999"),
        ("FRONT_CONNECTOR_TELEMETRY", '{"port": 9999}'),
    ],
)
def test_a_port_set_by_a_variable_is_refused(name: str, value: str) -> None:
    """The probes would ask another port, and the kubelet would kill the pod for ever."""
    said = _refused({"env": [{"name": name, "value": value}]})
    assert f"env sets {name}" in said
    assert "they ask port 8080. Set config.telemetry.port instead." in said
    assert objects({"env": [{"name": "FRONT_CONNECTOR_TELEMETRY__LOG_LEVEL", "value": "debug"}]})


def test_two_sources_of_mappings_are_refused() -> None:
    """Which one counts must not be a guess."""
    said = _refused({"mappings": {"existingConfigMap": "mine", "files": {"a.yaml": "version: 1"}}})
    assert "only one can be mounted. Remove one of them." in said


def test_static_membership_is_refused() -> None:
    """All pods of a Deployment would claim one membership and throw one another out."""
    assert "group_instance_id cannot be set here" in _refused(
        {"config": {"kafka": {"group_instance_id": "a"}}}
    )


STATIC_ID = "FRONT_CONNECTOR_KAFKA__GROUP_INSTANCE_ID"


@pytest.mark.parametrize("name", [STATIC_ID, STATIC_ID.lower()])
def test_static_membership_by_a_variable_is_refused_unless_each_pod_has_its_own(name: str) -> None:
    """One text for all pods is refused; a pod's own name is none."""
    said = _refused({"env": [{"name": name, "value": "a"}]})
    assert f"env gives {name} one value for every pod: all would claim the same membership." in said
    assert objects({"env": [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]})
    assert objects({"env": [{"name": name, "value": "calls-$(POD_NAME)"}]})


def test_the_whole_kafka_section_in_a_variable_is_refused() -> None:
    """A static id could hide in it; single settings may be set so."""
    said = _refused({"env": [{"name": "FRONT_CONNECTOR_KAFKA", "value": '{"group_instance_id": "a"}'}]})
    assert "env sets FRONT_CONNECTOR_KAFKA, which the check of group_instance_id cannot see." in said
    assert "Set config.kafka instead, or one variable for each setting." in said
    assert objects({"env": [{"name": "FRONT_CONNECTOR_KAFKA__GROUP_ID", "value": "calls"}]})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replcas": 2}, "replcas"),
        ({"image": {"tga": "1"}}, "tga"),
        ({"config": {"kafak": {}}}, "kafak"),
        ({"config": {"instance": "one-name-for-all"}}, "instance"),
        ({"config": {"telemetry": {"port": 0}}}, "port"),
        ({"config": {"limits": None}}, "limits"),
        ({"mappings": {"files": {"folder/a.yaml": ""}}}, "folder/a.yaml"),
        ({"monitoring": {"dashboard": {"enable": True}}}, "enable"),
        ({"monitoring": {"prometheusRule": {"enable": True}}}, "enable"),
        ({"monitoring": {"prometheusRule": {"runbooks": "operations.md#alerts"}}}, "runbooks"),
        ({"existingSecret": ""}, "existingSecret"),
        ({"image": {"digest": "sha256:short"}}, "digest"),
    ],
)
def test_a_wrong_value_is_refused_by_name(values: dict[str, Any], named: str) -> None:
    """A misspelt key that is passed over is a setting that silently does nothing."""
    assert named in _refused(values)


def test_the_chart_can_be_a_subchart() -> None:
    """Helm hands `global` to every subchart; a strict schema must let it in."""
    assert objects({"global": {"imageRegistry": "registry.example.com"}})


def test_every_value_is_commented() -> None:
    """A value without a word about it is a value nobody dares to change."""
    lines = (CHART / "values.yaml").read_text().splitlines()
    uncommented = [
        line.strip()
        for before, line in itertools.pairwise(lines)
        if re.match(r" {0,4}[a-zA-Z_]+: \S", line) and not before.strip().startswith("#")
    ]
    # Parts of a group whose comment stands above the group.
    assert uncommented == ["cpu: 100m", "memory: 256Mi", "memory: 512Mi"]
