"""Refusals about the NetworkPolicy: what its rules would not let out. Nothing of the pods."""

from collections.abc import Mapping
from typing import Any

from tests.chart.refusals.case import Refusal, env

_TOKEN_URL = "sasl.oauthbearer.token.endpoint.url"


def _walled(config: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"networkPolicy": {"enabled": True}, "config": config or {}, **more}


def _inside(what: str, where: str, peers: str) -> str:
    return (
        f"networkPolicy is enabled, and {what} is {where}, which lies inside the cluster or a private network, where the rule "
        f"for the world does not lead: every request would time out. Say where it lies in {peers}."
    )


def _unseen(variable: str) -> str:
    return (
        f"networkPolicy is enabled, but env sets {variable}, which its rules cannot see: the host may not be reached. Set it "
        "in config instead."
    )


def _referred(name: str) -> dict[str, Any]:
    return {"env": [{"name": name, "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]}


NETWORK = (
    Refusal(
        _walled(**env("KAFKA__BOOTSTRAP_SERVERS", "kafka:9095")),
        "networkPolicy is enabled, but env sets FRONT_CONNECTOR_KAFKA__BOOTSTRAP_SERVERS, whose ports its rules cannot see: "
        "the brokers would not be reached. Give networkPolicy.brokers.ports, or set config.kafka.bootstrap_servers instead.",
    ),
    Refusal(
        _walled(**env("REGISTRY__URL", "https://registry:8443")),
        _unseen("FRONT_CONNECTOR_REGISTRY__URL"),
    ),
    Refusal(_walled(**_referred("FRONT_CONNECTOR_REGISTRY")), _unseen("FRONT_CONNECTOR_REGISTRY")),
    Refusal(_walled(**_referred("FRONT_CONNECTOR_FRONT__PROXY")), _unseen("FRONT_CONNECTOR_FRONT__PROXY")),
    Refusal(
        _walled(env=[{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4318"}]),
        _unseen("OTEL_EXPORTER_OTLP_ENDPOINT"),
    ),
    Refusal(
        _walled({"kafka": {"bootstrap_servers": "kafka-1.example.com:9093, kafka-2.voice.svc:9093"}}),
        _inside("config.kafka.bootstrap_servers", "kafka-2.voice.svc:9093", "networkPolicy.brokers.to"),
    ),
    Refusal(
        _walled({"registry": {"url": "http://169.254.169.254:8081"}}),
        _inside("config.registry.url", "http://169.254.169.254:8081", "networkPolicy.registry.to"),
    ),
    Refusal(
        _walled({"front": {"proxy": "http://proxy:3128"}}),
        _inside("config.front.proxy", "http://proxy:3128", "networkPolicy.proxy.to"),
    ),
    Refusal(
        _walled({"attachments": {"proxy": "http://[fd00::1]:3128"}}),
        _inside("config.attachments.proxy", "http://[fd00::1]:3128", "networkPolicy.proxy.to"),
    ),
    Refusal(
        _walled({"registry": {"url": "https://registry.kafka.svc"}}),
        _inside("config.registry.url", "https://registry.kafka.svc", "networkPolicy.registry.to"),
    ),
    Refusal(
        _walled({"front": {"apps": {"main": {"base_url": "https://10.1.2.3:8443"}}}}),
        _inside("config.front.apps.main.base_url", "https://10.1.2.3:8443", "networkPolicy.front.to"),
    ),
    Refusal(
        _walled({"tracing": {"enabled": True, "endpoint": "https://collector.tracing.svc"}}),
        _inside("config.tracing.endpoint", "https://collector.tracing.svc", "networkPolicy.tracing.to"),
    ),
    Refusal(
        _walled({"kafka": {"properties": {_TOKEN_URL: "https://idp:8443"}}}),
        _inside(f"config.kafka.properties {_TOKEN_URL}", "https://idp:8443", "networkPolicy.extraEgress"),
    ),
    Refusal(
        _walled({"front": {"proxy": "environment"}}),
        "networkPolicy is enabled, and config.front.proxy is environment, whose port its rules cannot see: Front would not be "
        "reached. Give networkPolicy.proxy.ports, or the proxy's URL in config.front.proxy.",
    ),
)
