"""KEDA, and the monitors that Prometheus needs to see a release."""

from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, objects, one, values_of, workload

KEDA = values_of("example-keda")


def test_keda_and_nothing_else_says_how_many_pods_there_are() -> None:
    """A number in the Deployment would be set again with every upgrade, and a second autoscaler would fight."""
    found = objects(KEDA)
    assert "replicas" not in workload(found)["spec"]
    assert "HorizontalPodAutoscaler" not in {o["kind"] for o in found}
    target = one(found, "ScaledObject")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", workload(found)["metadata"]["name"])


def test_keda_asks_for_a_recording_rule_of_this_release() -> None:
    """One that the release's own rules make; of the namespace and job that its monitor gives."""
    found = objects(KEDA, name="calls")
    (trigger,) = one(found, "ScaledObject")["spec"]["triggers"]
    query = trigger["metadata"]["query"]
    assert query == 'job:front_connector_consumer_unsettled:sum{namespace="voice",job="calls"}'
    made = [
        rule.get("record")
        for group in one(found, "PrometheusRule")["spec"]["groups"]
        for rule in group["rules"]
    ]
    assert query.partition("{")[0] in made
    assert trigger["metadata"]["ignoreNullValues"] == "false"


def test_keda_signs_in_with_what_a_secret_holds() -> None:
    """By a TriggerAuthentication of the release, or by one that exists."""
    found = objects(KEDA)
    trigger = one(found, "ScaledObject")["spec"]["triggers"][0]
    assert trigger["authenticationRef"]["name"] == one(found, "TriggerAuthentication")["metadata"]["name"]
    prometheus = {
        "serverAddress": "http://prometheus:9090",
        "authentication": {"modes": "basic", "existing": "mine"},
    }
    own = objects({**KEDA, "keda": {"enabled": True, "prometheus": prometheus}})
    assert one(own, "ScaledObject")["spec"]["triggers"][0]["authenticationRef"] == {"name": "mine"}
    assert "TriggerAuthentication" not in {o["kind"] for o in own}


def test_fewer_pods_come_slowly() -> None:
    """KEDA's cooldown counts only towards none; the autoscaler's window does for every other step."""
    spec = one(objects(KEDA), "ScaledObject")["spec"]
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert spec["cooldownPeriod"] == down["stabilizationWindowSeconds"] == 600


def test_the_name_leaves_room_for_the_autoscaler_of_keda() -> None:
    """It is called keda-hpa-<name>, and its name is a label too."""
    name = one(objects(KEDA, name="a" * 53), "ScaledObject")["metadata"]["name"]
    assert len(f"keda-hpa-{name}") <= 63


def test_the_budget_counts_the_pods_that_keda_may_start() -> None:
    """There may be one now and six in a minute."""
    assert one(objects(KEDA), "PodDisruptionBudget")
    alone = {**KEDA, "keda": {**KEDA["keda"], "maxReplicaCount": 1}}
    assert "PodDisruptionBudget" not in {o["kind"] for o in objects(alone)}


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PodMonitor"])
def test_the_two_monitors_see_the_same(kind: str) -> None:
    """Port, path, job and namespace: rules and dashboard cannot tell them apart."""
    key = kind[0].lower() + kind[1:]
    settings = {key: {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}}}
    found = objects({"monitoring": settings})
    spec = one(found, kind)["spec"]
    endpoints: list[dict[str, Any]] = spec.get("endpoints") or spec["podMetricsEndpoints"]
    assert endpoints == [{"port": "metrics", "path": "/metrics", "interval": "15s"}]
    assert spec["jobLabel"] == "app.kubernetes.io/instance"
    assert spec["namespaceSelector"] == {"matchNames": ["voice"]}
    labels = workload(found)["spec"]["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert one(found, kind)["metadata"]["labels"]["release"] == "prometheus"


def test_the_retention_of_the_topics_reaches_the_rules() -> None:
    """Whatever of the rules speaks of a week speaks of the given time."""
    week = "604800"
    plain = yaml.safe_dump(
        yaml.safe_load((CHART / "rules" / "front-connector.yaml").read_text(encoding="utf-8"))
    )
    rules = {"prometheusRule": {"enabled": True}}
    found = yaml.safe_dump(
        one(objects({"monitoring": rules, "alerts": {"retentionSeconds": 3600}}), "PrometheusRule")
    )
    assert week not in found
    assert found.count("3600") >= plain.count(week) >= 1
