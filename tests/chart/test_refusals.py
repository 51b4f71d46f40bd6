"""What the chart refuses, and in which words: by its schema the unknown, by sentences what cannot work together."""

import json
import re
from collections.abc import Iterator
from typing import Any

import helm_python as helm
import pytest

from connector.config.kafka_login import is_secret
from tests.chart.readme import described, leaves
from tests.chart.refusals import REFUSALS, Refusal
from tests.chart.rendering import CHART, ROOT, objects, render

EVERY = [refusal for refusals in REFUSALS.values() for refusal in refusals]
_HELPERS = sorted((CHART / "templates").glob("*.tpl"))
_FAIL = re.compile(r'fail \(?(?:printf )?"((?:[^"\\]|\\.)*)"')


def _refused(values: dict[str, Any]) -> str:
    with pytest.raises(helm.HelmError) as refused:
        render(values)
    return str(refused.value)


@pytest.mark.parametrize("refusal", EVERY, ids=lambda refusal: refusal.sentence[:60])
def test_what_cannot_work_is_refused_with_a_sentence(refusal: Refusal) -> None:
    """All of it, as the README shows it; and no secret."""
    said = _refused(dict(refusal.values))
    assert said.partition("): ")[2] == refusal.sentence
    assert "hush" not in said


def test_every_refusal_of_the_templates_has_a_case() -> None:
    """A sentence that nobody has seen may be wrong, or never said."""
    formats = [
        found[1].replace('\\"', '"')
        for path in _HELPERS
        for found in _FAIL.finditer(path.read_text(encoding="utf-8"))
    ]
    assert len(formats) > 30
    for pattern in formats:
        words = ".*".join(re.escape(part) for part in re.split(r"%[vs]", pattern))
        assert any(re.fullmatch(words, refusal.sentence) for refusal in EVERY), pattern


@pytest.mark.parametrize(
    "values",
    [
        {"terminationGracePeriodSeconds": 45},
        {"replicas": 3, "podDisruptionBudget": {"minAvailable": 2}},
        {"podDisruptionBudget": {"enabled": False, "maxUnavailable": 0}},
        {"config": {"kafka": {"group_protocol": "consumer", "session_timeout_s": 45}}},
        {"staticMembership": {"enabled": True}},
        {"staticMembership": {"enabled": True}, "config": {"kafka": {"session_timeout_s": 60}}},
        {"spoolSizeLimit": "1025Mi"},
        {"secretKeys": ["kafka-password", "front-secret"]},
        {"env": [{"name": "FRONT_CONNECTOR_LIMITS__IN_FLIGHT", "value": "32"}]},
        {"env": [{"name": "FRONT_CONNECTOR_TELEMETRY__LOG_LEVEL", "value": "debug"}]},
        {"env": [{"name": "FRONT_CONNECTOR_KAFKA__GROUP_ID", "value": "calls"}]},
        {"env": [{"name": "HTTP_PROXY", "value": "a"}, {"name": "http_proxy", "value": "a"}]},
        {"tmpSizeLimit": "2Gi", "config": {"attachments": {"spool": {"folder": "/tmp/spool"}}}},
        {
            "extraVolumes": [{"name": "disk", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "disk", "mountPath": "/data"}],
            "config": {"attachments": {"spool": {"folder": "/data"}}},
        },
        {"config": {"kafka": {"properties": {"ssl.ca.location": "probe"}}}},
        {"mappings": {"files": {"a.yaml": "", "b.yml": "", "channels.csv": "key"}}},
        {
            "mappings": {"existingConfigMap": "mine"},
            "config": {"front": {"channels": "/etc/front-connector/mappings/a.csv"}},
        },
        {
            "mappings": {"files": {"a.yaml": ""}},
            "config": {"front": {"channels": None, "channels_topic": "lines"}},
        },
        {
            "extraVolumes": [{"name": "git", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "git", "mountPath": "/mappings"}],
            "config": {
                "mappings": {"folder": "/mappings/current"},
                "front": {"channels": "/mappings/current/channels.csv"},
            },
        },
        {"env": [{"name": "FRONT_CONNECTOR_FRONT__NO_PROXY", "value": '["a.example.com"]'}]},
        {"env": [{"name": "FRONT_CONNECTOR_REGISTRY__URL", "value": "https://registry.example.com/v1@2"}]},
        {
            "env": [
                {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
                {"name": "NO_PROXY", "value": ".svc,10.0.0.0/8"},
            ]
        },
        {"env": [{"name": "HTTPS_PROXY", "value": "http://$(PROXY_USER):$(PROXY_PASSWORD)@proxy:3128"}]},
        {"env": [{"name": "HTTPS_PROXY", "value": "http://me:$(PROXY_PASSWORD)@proxy:3128"}]},
        {"env": [{"name": "OTEL_RESOURCE_ATTRIBUTES", "value": "{a}=b,mail=me@example.com"}]},
        {"env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4318"}]},
        {
            "env": [
                {"name": "AWS_ACCESS_KEY_ID", "value": "AKIA"},
                {"name": "AWS_REGION", "value": "eu-central-1"},
            ]
        },
        {"config": {"kafka": {"properties": {"sasl.username": "me@example.com"}}}},
        {"config": {"registry": {"url": "https://registry.example.com/a@b"}}},
        {"global": {"imageRegistry": "registry.example.com"}},
    ],
    ids=str,
)
def test_what_can_work_is_not_refused(values: dict[str, Any]) -> None:
    """The other side of each line. The last: Helm hands `global` to every subchart."""
    assert objects(values)


def test_files_of_tests_are_no_mapping_files() -> None:
    """Nor is the channels table."""
    for name in ("calls.tests.yaml", "calls.avsc"):
        said = _refused({"mappings": {"files": {name: "", "channels.csv": "key"}}})
        assert said.endswith(
            "mappings.files has no *.yaml: the connector would not start. Add a mapping file."
        )


STATIC_ID = "FRONT_CONNECTOR_KAFKA__GROUP_INSTANCE_ID"


@pytest.mark.parametrize("name", [STATIC_ID, "FRONT_CONNECTOR_INSTANCE"])
def test_a_name_of_each_pods_own_is_not_refused(name: str) -> None:
    """One text for all pods is; a pod's own name is none."""
    assert objects({"env": [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]})
    assert objects({"env": [{"name": name, "value": "calls-$(POD_NAME)"}]})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (STATIC_ID, "one value for every pod"),
        ("FRONT_CONNECTOR_LIMITS__DRAIN_S", "Set config.limits.drain_s instead."),
        ("FRONT_CONNECTOR_LIMITS", "Set config.limits.drain_s instead."),
        ("FRONT_CONNECTOR_TELEMETRY", "Set config.telemetry.port instead."),
        ("FRONT_CONNECTOR_REGISTRY__PASSWORD", "a secret value"),
    ],
)
def test_a_variable_is_known_in_small_letters_too(name: str, said: str) -> None:
    """The connector reads both."""
    for spelt in (name, name.lower()):
        assert f"{spelt}" in _refused({"env": [{"name": spelt, "value": "a"}]})
        assert said in _refused({"env": [{"name": spelt, "value": "a"}]})


def test_a_secret_among_the_variables_may_be_referred_to() -> None:
    """A reference to a Secret holds no value."""
    for name in (
        "FRONT_CONNECTOR_FRONT__APPS__MAIN__SECRET",
        "FRONT_CONNECTOR_FRONT__APPS",
        "AWS_SECRET_ACCESS_KEY",
    ):
        assert objects({"env": [{"name": name, "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replcas": 2}, "replcas"),
        ({"image": {"tga": "1"}}, "tga"),
        ({"config": {"kafak": {}}}, "kafak"),
        ({"config": {"instance": "one-name-for-all"}}, "instance"),
        ({"config": {"kafka": {"bootstrap_server": "kafka:9092"}}}, "bootstrap_server"),
        ({"config": {"registry": {"ulr": "http://registry:8081"}}}, "ulr"),
        ({"config": {"front": {"apps": {"main": {"uidd": "a"}}}}}, "uidd"),
        ({"config": {"front": {"retry": {"attempts": "many"}}}}, "attempts"),
        ({"config": {"telemetry": {"port": 0}}}, "port"),
        ({"config": {"limits": None}}, "limits"),
        ({"mappings": {"files": {"folder/a.yaml": ""}}}, "folder/a.yaml"),
        ({"monitoring": {"dashboard": {"enable": True}}}, "enable"),
        ({"monitoring": {"podMonitor": {"enable": True}}}, "enable"),
        ({"monitoring": {"prometheusRule": {"enable": True}}}, "enable"),
        ({"keda": {"prometheus": {"address": "a"}}}, "address"),
        ({"networkPolicy": {"world": {"exceptIPv4": ["private"]}}}, "exceptIPv4"),
        ({"podSecurityContext": {"runAsUser": 0}}, "runAsUser"),
        ({"podSecurityContext": {"privileged": True}}, "privileged"),
        ({"spoolSizeLimit": "a lot"}, "spoolSizeLimit"),
        ({"env": [{"name": "PORT", "value": 8080}]}, "/env/0/value"),
        ({"image": {"digest": "sha256:short"}}, "digest"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_by_name(values: dict[str, Any], named: str) -> None:
    """A misspelt key that is passed over is a setting that silently does nothing."""
    assert named in _refused(values)


def test_every_value_is_described_and_in_the_schema() -> None:
    """A value without a word about it is one that nobody dares to change; all but free maps are closed."""
    paths = [value.path for value in described()]
    assert [leaf for leaf in leaves() if not any(leaf[: len(path)] == path for path in paths)] == []
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    assert [leaf for leaf in leaves() if leaf[0] not in schema["properties"]] == []
    opened = {
        name
        for name, part in schema["properties"].items()
        for found in _objects_of(part)
        if "properties" in found and found.get("additionalProperties") is not False
    }
    # Kubernetes' own lists: we ask for names only.
    assert opened == {"extraVolumes", "extraVolumeMounts", "initContainers", "extraContainers"}
    for name, part in schema["definitions"].items():
        if name.startswith("config."):
            assert part["additionalProperties"] is False, name


def _objects_of(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield part
        for child in part.values():
            yield from _objects_of(child)
    elif isinstance(part, list):
        for child in part:
            yield from _objects_of(child)


@pytest.mark.parametrize(
    "name",
    [
        *("sasl.password", "ssl.key.password", "sasl.oauthbearer.client.secret", "ssl.key.pem", "ssl.ca.pem"),
        *("sasl.oauthbearer.assertion.private.key.passphrase", "sasl.oauthbearer.assertion.private.key.pem"),
        *(
            "ssl.key.location",
            "ssl.certificate.pem",
            "sasl.oauthbearer.assertion.private.key.file",
            "client.id",
        ),
    ],
)
def test_a_secret_for_librdkafka_is_one_for_the_chart_too(name: str) -> None:
    """Both draw the line at the same place; what names a file is no secret."""
    values = {"config": {"kafka": {"properties": {name: "/hush"}}}}
    if is_secret(name):
        assert f"holds a secret value, {name}," in _refused(values)
    else:
        assert objects(values)


def test_every_secret_of_the_configuration_is_known_to_be_one() -> None:
    """A new one whose name the chart does not know could be written into values."""
    config = json.loads((ROOT / "schemas" / "config.schema.json").read_text(encoding="utf-8"))
    names = {
        name
        for part in _objects_of(config)
        for name, child in part.get("properties", {}).items()
        if "writeOnly" in json.dumps(child)
    }
    assert {"secret", "token", "password", "header_value", "proxy_password"} <= names
    known = re.compile(r"^(.+_)?(secret|token|password|header_value|headers)$")
    assert [name for name in names if not known.match(name)] == []
    assert known.pattern in (CHART / "templates" / "_checks.tpl").read_text(encoding="utf-8")
