"""Published clients of Kafka Connect's REST API, unmodified, against a connector that really runs.

Three of different makes, each as its users call it: `kafka-connect-py` with its command `kc`, the objects of
`kafka-connect-api`, and the monitor `kafka-connect-healthcheck`. None of them has ever heard of this product.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from kafka_connect import KafkaConnect  # type: ignore[import-untyped]
from kafka_connect_api.errors import GenericNotFound  # type: ignore[import-untyped]
from kafka_connect_api.kafka_connect_api import Api, Cluster  # type: ignore[import-untyped]
from kafka_connect_healthcheck.health import Health  # type: ignore[import-untyped]

from connector import __version__
from connector.demo.broker import EmbeddedBroker
from connector.demo.companies import APP
from connector.demo.estate import DEAD_LETTER_TOPIC, SECRET, Estate
from connector.demo.events import TOPICS, generate
from connector.demo.registry import running_registry
from connector.simulator.server import running
from tests.support.estates import Publisher, world
from tests.support.service import Service, eventually

NAME = "front-connector"
RECORDS = 60
CONTROL_TOPIC = "connector-control"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A connector that has settled every record there is, and goes on running."""
    with EmbeddedBroker() as broker, running_registry() as registry, running(world()) as front:
        for topic in TOPICS:
            broker.create_topic(topic, 2)
        broker.create_topic(DEAD_LETTER_TOPIC, 1)
        broker.create_topic(CONTROL_TOPIC, 1)
        estate = Estate(
            bootstrap=broker.bootstrap,
            registry_url=registry.url,
            front_url=front.base_url,
            settings={"instance": "pod-7", "control": {"topic": CONTROL_TOPIC}},
        )
        service = Service(estate.write(tmp_path_factory.mktemp("connector")))
        with Publisher(broker.bootstrap, registry.url) as publisher:
            publisher.publish(generate(seed=3, records=RECORDS, calm=True))
        service.start()
        try:
            eventually(lambda: bool(service.log.exists() and service.events("connector.started")), 30)
            eventually(lambda: service.metric("front_connector_records_processed_total") >= RECORDS, 60)
            eventually(lambda: _committed(service.admin_url) == RECORDS, 30, "every record committed")
            yield service
            assert service.terminate() == 0
        finally:
            service.stop()


def _committed(url: str) -> int:
    """The sum of all offsets: partitions begin at 0, so as many records are behind them."""
    entries = requests.get(f"{url}/connectors/{NAME}/offsets", timeout=5).json()["offsets"]
    return sum(int(entry["offset"]["kafka_offset"]) for entry in entries)


@pytest.fixture
def client(service: Service) -> Any:
    """kafka-connect-py's."""
    return KafkaConnect(url=service.admin_url)


def kc(service: Service, *arguments: str) -> str:
    """What its command prints."""
    command = str(Path(sys.executable).with_name("kc"))
    asked = [command, "--url", service.admin_url, *arguments]
    return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_worker_and_its_one_connector_are_found(client: Any) -> None:
    """Version, revision and the cluster that the broker says it is; one sink, which runs with one task."""
    found = client.get_cluster_info()
    assert found["version"] == __version__
    assert found["kafka_cluster_id"].startswith("mockCluster")
    assert client.list_connectors() == [NAME]
    assert client.list_connectors(state="running") == [NAME]
    assert client.list_connectors(pattern="nothing") == []
    assert client.list_connector_plugins() == [{"class": NAME, "type": "sink", "version": __version__}]


def test_expanded_lists_are_what_the_single_questions_answer(client: Any) -> None:
    """`expand=status` and `expand=info`, as dashboards ask them."""
    status, info = client.get_connector_status(NAME), client.get_connector(NAME)
    assert client.list_connectors(expand="status") == {NAME: {"status": status}}
    assert client.list_connectors(expand="info") == {NAME: {"info": info}}
    running = {"state": "RUNNING", "worker_id": "pod-7"}
    assert status == {"name": NAME, "connector": running, "tasks": [{"id": 0, **running}], "type": "sink"}
    assert info["tasks"] == [{"connector": NAME, "task": 0}]


def test_tasks_topics_and_configuration_are_read(client: Any) -> None:
    """Texts only, secrets as asterisks; the topics are those of the mapping files."""
    config = client.get_connector_config(NAME)
    assert config == client.get_connector(NAME)["config"]
    assert {config["name"], config["connector.class"], config["tasks.max"]} == {NAME, "1"}
    assert all(isinstance(value, str) for value in config.values())
    assert config[f"front.apps.{APP}.secret"] == "**********"
    assert SECRET not in json.dumps(config)
    assert client.list_connector_tasks(NAME) == [{"id": {"connector": NAME, "task": 0}, "config": config}]
    assert client.get_connector_task_status(NAME, 0)["state"] == "RUNNING"
    assert client.list_connector_topics(NAME) == {NAME: {"topics": sorted(TOPICS)}}
    assert config["topics"].split(",") == sorted(TOPICS)


def test_what_would_change_something_is_refused_with_the_way_that_does(client: Any) -> None:
    """405 in Connect's shape, which the client passes on as its own error; the connector runs on."""
    for change in (client.restart_connector, client.delete_connector):
        with pytest.raises(requests.HTTPError) as raised:
            change(NAME)
        answer = raised.value.response
        assert answer is not None
        assert (answer.status_code, answer.json()["error_code"]) == (405, 405)
        assert "rollout" in answer.json()["message"] or "helm uninstall" in answer.json()["message"]
        assert "allow" in answer.headers
    assert client.get_connector_status(NAME)["connector"]["state"] == "RUNNING"


def test_the_command_line_reads_the_same(service: Service, client: Any) -> None:
    """`kc`, a process of its own."""
    assert json.loads(kc(service, "list")) == [NAME]
    assert json.loads(kc(service, "status", NAME)) == client.get_connector_status(NAME)
    assert json.loads(kc(service, "list-topics", NAME)) == client.list_connector_topics(NAME)
    assert "405" in kc(service, "restart", NAME)


def test_clients_pause_and_resume(service: Service, client: Any) -> None:
    """As their users do it: kafka-connect-py in a program, `kc` in a shell, and the objects of kafka-connect-api."""

    def is_now(state: str) -> None:
        eventually(lambda: client.get_connector_status(NAME)["connector"]["state"] == state, 60, state)
        assert client.get_connector_task_status(NAME, 0)["state"] == state
        assert client.list_connectors(state=state.lower()) == [NAME]

    client.pause_connector(NAME)
    is_now("PAUSED")
    assert {row["paused"] for row in _page(service)["partitions"]} == {"manual"}
    client.resume_connector(NAME)
    is_now("RUNNING")
    kc(service, "pause", NAME)
    is_now("PAUSED")
    kc(service, "resume", NAME)
    is_now("RUNNING")
    (connector,) = Cluster(Api(url=service.admin_url)).connectors.values()
    connector.pause()
    is_now("PAUSED")
    connector.resume()
    is_now("RUNNING")
    assert service.events("control.paused")[0]["by"] == "pod-7"


def _page(service: Service) -> Any:
    return requests.get(f"{service.admin_url}/status.json", timeout=10).json()


def test_a_client_of_objects_walks_from_the_cluster_to_the_task(service: Service) -> None:
    """kafka-connect-api: it asks with a slash at the end, and for what is not there."""
    cluster = Cluster(Api(url=service.admin_url))
    assert cluster.version == __version__
    (connector,) = cluster.connectors.values()
    assert (connector.name, connector.exists(), connector.state) == (NAME, True, "RUNNING")
    assert connector.connector_class == NAME
    (task,) = connector.tasks
    assert task.id == 0
    with pytest.raises(GenericNotFound):
        cluster.api.get("/connectors/another")


def test_a_logger_is_changed_by_a_client_and_the_log_tells(service: Service) -> None:
    """What was silent speaks, and the change is on record."""
    cluster = Cluster(Api(url=service.admin_url))
    assert cluster.loggers["front-connector"] == {"level": "INFO", "last_modified": None}
    assert cluster.set_logger_log_level("front-connector", "DEBUG") == ["front-connector"]
    assert cluster.loggers["front-connector"]["level"] == "DEBUG"
    assert cluster.set_logger_log_level("front-connector", "INFO") == ["front-connector"]
    actions = [line for line in service.events("admin.action") if line["action"] == "logger level"]
    assert [(line["name"], line["before"], line["after"]) for line in actions] == [
        ("front-connector", "info", "debug"),
        ("front-connector", "debug", "info"),
    ]


def test_a_monitor_finds_it_healthy(service: Service) -> None:
    """kafka-connect-healthcheck, as it is deployed beside a worker."""
    health = Health(service.admin_url, "pod-7", ["FAILED", "UNASSIGNED"], None, 0, ["CONNECTOR", "TASK"])
    found = health.get_health_result()
    assert (found["healthy"], found["failures"]) == (True, [])
