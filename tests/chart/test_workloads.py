"""Deployment or StatefulSet: what makes the pods, how they are told apart, and what an upgrade may change."""

import itertools
from typing import Any

import pytest
import yaml

from connector import __version__
from tests.chart import released
from tests.chart.rendering import VARIANTS, Object, objects, one, values_of, workload
from tests.chart.test_chart import each_variant

RELEASED = released.read()


def _container(found: list[Object]) -> dict[str, Any]:
    container: dict[str, Any] = workload(found)["spec"]["template"]["spec"]["containers"][0]
    return container


def _config(found: list[Object]) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(one(found, "ConfigMap", "-config")["data"]["config.yaml"])
    return config


# Static membership


STATIC = {"staticMembership": {"enabled": True}, "replicas": 3}


def test_each_pod_of_a_stateful_set_is_a_member_of_its_own() -> None:
    """The id is the pod's name, which it keeps; all start at once, and the Service that names them is there."""
    found = objects(STATIC)
    spec = one(found, "StatefulSet")["spec"]
    assert "Deployment" not in {o["kind"] for o in found}
    assert _container(found)["env"] == [
        {
            "name": "FRONT_CONNECTOR_KAFKA__GROUP_INSTANCE_ID",
            "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
        }
    ]
    assert (spec["replicas"], spec["podManagementPolicy"]) == (3, "Parallel")
    service = one(found, "Service")
    assert spec["serviceName"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"


def test_a_pod_of_a_stateful_set_is_the_same_as_one_of_a_deployment() -> None:
    """All but the membership: one template makes both."""
    ours, theirs = (workload(objects(values))["spec"]["template"] for values in (STATIC, {"replicas": 3}))
    del ours["spec"]["containers"][0]["env"]
    for template in (ours, theirs):
        del template["metadata"]["annotations"]  # the session's length is in the configuration
    assert ours == theirs


@pytest.mark.parametrize(
    ("kafka", "seconds"),
    [
        ({}, 90),
        ({"session_timeout_s": 120}, 120),
        ({"group_protocol": "consumer", "session_timeout_s": 60}, 60),
    ],
    ids=str,
)
def test_the_session_of_a_static_member_outlasts_a_restart(kafka: dict[str, Any], seconds: int) -> None:
    """Given or not; without static membership the connector's own default counts."""
    config = _config(objects({**STATIC, "config": {"kafka": kafka}}))
    assert config["kafka"]["session_timeout_s"] == seconds
    assert "session_timeout_s" not in _config(objects({}))["kafka"]


def test_the_name_of_a_stateful_set_leaves_room_for_the_label_of_its_revision() -> None:
    """Its pods carry <name>-<10 letters> as a label, which holds 63; a longer name makes no pod at all."""
    assert len(workload(objects(STATIC, name="a" * 53))["metadata"]["name"]) <= 52


# What the connector is told


def test_null_takes_back_a_default_and_a_key_of_ones_own() -> None:
    """Helm does the first; the second would arrive as null, which the connector refuses."""
    config = _config(
        objects(
            {"config": {"admin": None, "registry": None, "kafka": {"properties": {"sasl.mechanism": None}}}}
        )
    )
    assert "admin" not in config
    assert "registry" not in config
    assert "sasl.mechanism" not in config["kafka"]["properties"]


# Secrets


def test_the_keys_that_are_named_are_all_that_is_mounted() -> None:
    """So the kubelet names one that is missing, before the connector starts."""
    found = objects({"secretKeys": ["kafka-password", "front-secret"]})
    volumes = workload(found)["spec"]["template"]["spec"]["volumes"]
    (secret,) = [volume["secret"] for volume in volumes if "secret" in volume]
    assert secret["items"] == [{"key": key, "path": key} for key in ("kafka-password", "front-secret")]
    assert secret["defaultMode"] == 0o440


# Upgrades


def _selectors(found: list[Object]) -> dict[tuple[str, str], Any]:
    """What is chosen by labels, by kind and name; and the labels of the pods that must match."""
    return {
        (o["kind"], o["metadata"]["name"]): o["spec"].get("selector", o["spec"].get("podSelector"))
        for o in found
        if o["kind"] in ("Deployment", "StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy")
    }


def test_selectors_never_change_with_values() -> None:
    """Kubernetes refuses to change a workload's; one that chose by a version would lose its pods in a rollout."""
    plain = {"replicas": 2, "networkPolicy": {"enabled": True}}
    changed = {
        "commonLabels": {"team": "voice"},
        "podLabels": {"release": "blue"},
        "image": {"tag": "9.9.9"},
        "config": {"name": "other", "kafka": {"group_id": "other"}},
        "serviceAccount": {"name": "other"},
    }
    assert _selectors(objects({**plain, **changed})) == _selectors(objects(plain))
    assert "version" not in str(_selectors(objects(plain)))


@each_variant
def test_every_selector_finds_the_pods(variant: str) -> None:
    """Those of the workload; and no two objects of a kind have one name."""
    found = objects(values_of(variant))
    labels = workload(found)["spec"]["template"]["metadata"]["labels"]
    for (kind, name), selector in _selectors(found).items():
        if not name.endswith("-test"):
            assert (selector.get("matchLabels", selector)).items() <= labels.items(), (kind, name)
    names = [(o["kind"], o["metadata"]["name"]) for o in found]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("variant", RELEASED)
def test_an_upgrade_from_the_chart_before_changes_nothing_immutable(variant: str) -> None:
    """The values of then are still taken, no name is lost, and what Kubernetes holds on to is as it was."""
    before = RELEASED[variant]
    now = {(o["kind"], o["metadata"]["name"]): o for o in objects(before["values"])}
    for old in before["made"]:
        new = now[old["kind"], old["name"]]
        assert new["apiVersion"] == old["apiVersion"]
        kept = old.get("immutable", {})
        assert {key: new["spec"].get(key) for key in kept} == kept
    assert sum("immutable" in old for old in before["made"]) == 2


def test_a_release_writes_down_what_must_not_change() -> None:
    """In the form of the file that the test above reads, for every variant."""
    now = yaml.safe_load(released.as_text())
    assert now.keys() == VARIANTS.keys()
    (static,) = [o for o in now["example-static-membership"]["made"] if o["kind"] == "StatefulSet"]
    assert static["immutable"].keys() == {"serviceName", "podManagementPolicy", "selector"}
    for variant in RELEASED:
        ours, theirs = now[variant]["made"], RELEASED[variant]["made"]
        assert [o for o in theirs if "immutable" in o] == [o for o in ours if "immutable" in o]


def test_a_rollback_is_an_upgrade_too() -> None:
    """No object has a name with something of its content in it, which the other release would not know."""
    values = {"replicas": 2, "networkPolicy": {"enabled": True}}
    other = {**values, "config": {"kafka": {"group_id": "other"}}, "image": {"tag": "2"}}
    names = [sorted((o["kind"], o["metadata"]["name"]) for o in objects(v)) for v in (values, other)]
    assert names[0] == names[1]
    assert not [n for _, n in itertools.chain(*names) if __version__ in n]


def test_the_example_of_static_membership_and_the_deployment_share_no_workload() -> None:
    """Who changes from one to the other gets a new workload and loses the old; pods find the same config."""
    names = {o["kind"]: o["metadata"]["name"] for o in objects(values_of("example-static-membership"))}
    assert {"StatefulSet", "ConfigMap", "Service"} <= names.keys()
    assert "Deployment" not in names
    assert "example-static-membership" in VARIANTS
