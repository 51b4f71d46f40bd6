"""What Helm tells whoever installed a release: what is missing, where to look, what to ask."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import helm_python as helm
import pytest
import yaml

from tests.chart.rendering import CHART, EXAMPLES, notes, values_of


def test_the_notes_say_what_is_still_a_placeholder() -> None:
    """Default values render; whoever installs them is told that they cannot run."""
    told = notes({})
    for said in ("STILL TO DO", "config.kafka.bootstrap_servers", "REPLACE-ME", "example.calls.v1"):
        assert said in told
    assert "front-connector-secrets" in told


def test_the_notes_name_only_the_placeholders_that_are_left() -> None:
    """One at a time, and none when all are replaced."""
    config = {
        "kafka": {"bootstrap_servers": "kafka:9092"},
        "registry": {"url": "https://registry:8081"},
        "front": {"apps": {"main": {"uid": "app_1"}}},
    }
    files = {"files": {"calls.yaml": "version: 1\n", "channels.csv": "key"}}
    assert "STILL TO DO" not in notes({"config": config, "mappings": files})
    assert "STILL TO DO" not in notes({"config": config, "mappings": {"existingConfigMap": "mine"}})
    example = {"files": {**files["files"], "calls.yaml": "version: 1\ntopics: {example.calls.v1: {}}\n"}}
    for mappings in ({}, example):
        told = notes({"config": config, "mappings": mappings})
        assert "the topic example.calls.v1" in told
        assert "REPLACE-ME" not in told
    told = notes({"config": {**config, "front": {}}, "mappings": files})
    assert "set the app's uid" in told
    assert "example" not in told


def test_the_notes_say_that_private_brokers_have_to_be_let_out() -> None:
    """Behind a name such as kafka.example.com nothing else would say so."""
    peers = {"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}]}
    assert "networkPolicy.brokers.to" in notes({"networkPolicy": {"enabled": True}})
    assert "networkPolicy" not in notes({"networkPolicy": {"enabled": True, "brokers": peers}})
    assert "networkPolicy" not in notes({})


def test_the_notes_name_the_keys_of_the_secret() -> None:
    """Those that the configuration names, whatever it names them for."""
    told = notes(values_of("example-production"))
    keys = "front-secret, kafka-ca.pem, kafka-password, registry-password"
    assert f'It needs the Secret "calls-secrets" in this namespace, with the keys {keys}.' in told
    assert "kubectl -n voice describe secret calls-secrets" in told
    assert "Secret" not in notes(values_of("inside"))


@pytest.mark.parametrize("variant", ["default", *EXAMPLES])
def test_the_notes_name_things_that_are_there(variant: str) -> None:
    """The workload by its kind; the topic of dead letters; doctor and the test of Helm."""
    values = values_of(variant)
    told = notes(values)
    kind = "statefulset" if "staticMembership" in values else "deploy"
    assert f"port-forward {kind}/demo-front-connector 8083:8083" in told
    assert f"exec {kind}/demo-front-connector -- front-connector doctor" in told
    assert "helm -n voice test demo" in told
    topic = values.get("config", {}).get("dead_letter", {}).get("topic", "front-connector.dead-letters")
    assert f'lie in the topic "{topic}"' in told


SECRETS = "/api/v1/namespaces/voice/secrets"
_ABSENT = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


@contextmanager
def _cluster(
    secrets: Mapping[str, Mapping[str, str]], instead: Mapping[str, Any] | None = None
) -> Iterator[helm.Config]:
    """Helm's way to an API server that knows these Secrets, by name, and nothing else. `instead`: what it says of them."""
    kinds = {
        "name": "secrets",
        "singularName": "secret",
        "namespaced": True,
        "kind": "Secret",
        "verbs": ["get"],
    }
    answers: dict[str, Any] = {
        "/version": {"major": "1", "minor": "31", "gitVersion": "v1.31.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [kinds]},
    }
    for name, data in secrets.items():
        found = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}, "data": data}
        answers[f"{SECRETS}/{name}"] = instead or found

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0], _ABSENT)
            body = json.dumps(answer).encode()
            self.send_response(answer.get("code", 200))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not to the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with helm.Config(kubeconfig_content=_kubeconfig(server.server_port), namespace="voice") as config:
                yield config
        finally:
            server.shutdown()
            thread.join()


def _kubeconfig(port: int) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "one",
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
            "clusters": [{"name": "one", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "one", "user": {}}],
        }
    )


def _told_in(cluster: helm.Config, **values: Any) -> str:
    with helm.Chart.load(CHART) as chart:
        rendered = cluster.render(chart, values, name="demo", namespace="voice")
    return next(text for file, text in rendered.items() if file.endswith("NOTES.txt"))


def test_a_key_that_the_secret_lacks_is_warned_of() -> None:
    """Where Helm speaks to a cluster, it can look; what the keys hold is not told."""
    with _cluster({"front-connector-secrets": {"front-secret": "aHVzaA=="}}) as cluster:
        told = _told_in(cluster)
    assert 'WARNING: it has no key "kafka-password"; the connector will not start without it.' in told
    assert told.count("WARNING") == 1
    assert "aHVzaA==" not in told


def test_a_secret_that_is_whole_needs_no_warning_and_one_that_is_absent_a_word() -> None:
    """The pods wait for the latter."""
    with _cluster({"front-connector-secrets": {"front-secret": "YQ==", "kafka-password": "YQ=="}}) as cluster:
        told = _told_in(cluster)
    assert "WARNING" not in told
    assert "Until it exists" not in told
    with _cluster({}) as cluster:
        assert "Until it exists, the pods wait in ContainerCreating." in _told_in(cluster)


def test_nobody_is_asked_who_may_not_be() -> None:
    """Helm ends with an error where the API server refuses to show a Secret; the switch is for that."""
    refused = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}
    with _cluster({"front-connector-secrets": {}}, instead=refused) as cluster:
        with pytest.raises(helm.HelmError, match="error calling lookup"):
            _told_in(cluster)
        assert "Until it exists" in _told_in(cluster, secretLookup=False)
