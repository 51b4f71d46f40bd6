"""Mapping files changed under the running service, on the embedded broker and registry: a process, its signals, its files."""

import itertools
from pathlib import Path

from connector.demo.broker import EmbeddedBroker
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.events import TOPICS, generate
from connector.demo.registry import running_registry
from connector.simulator.server import running
from connector.simulator.switches import Switches
from tests.support.estates import Publisher, verdict, world
from tests.support.service import Service, eventually

RECORDS = 600


def test_mappings_swapped_under_traffic_lose_nothing_and_keep_order(tmp_path: Path) -> None:
    """A version with the same keys, an invalid one, and one whose keys are written differently; records flow all the time."""
    watch = {"mappings": {"reload": "watch"}}
    with (
        EmbeddedBroker() as broker,
        running_registry() as registry,
        running(world(), Switches(dedupe="off")) as front,
    ):
        for topic in TOPICS:
            broker.create_topic(topic, 3)
        broker.create_topic(DEAD_LETTER_TOPIC, 1)
        estate = Estate(
            bootstrap=broker.bootstrap, registry_url=registry.url, front_url=front.base_url, settings=watch
        )
        config = estate.write(tmp_path)
        for tests in (tmp_path / "mappings").glob(
            "*.tests.yaml"
        ):  # they are about other lines than the demo's
            tests.unlink()
        service = Service(config)
        with Publisher(broker.bootstrap, registry.url) as publisher:
            records = generate(seed=11, records=RECORDS)
            service.start()
            try:
                eventually(
                    lambda: service.log.exists() and bool(service.events("connector.started")), 30, "start"
                )
                publisher.publish(itertools.islice(records, 200))
                _change(service, tmp_path, "", "# another version\n", "config.reloaded")
                publisher.publish(itertools.islice(records, 200))
                _change(service, tmp_path, "", "nonsense: true\n", "config.reload.failed")
                assert service.metric("front_connector_config_last_reload_successful", kind="mapping") == 0
                _change(service, tmp_path, "channels[", "channels[ ", "config.reloaded")
                publisher.publish(records)
                eventually(lambda: _settled(service) >= RECORDS, 60, f"{RECORDS} records settled")
                shown = [line["mappings_hash"] for line in service.events("config.reloaded")]
                assert len(set(shown)) == 2
                assert service.metric("front_connector_config_info", mappings_hash=shown[-1]) == 1
                assert service.metric("front_connector_config_info") == 1
                assert service.metric("front_connector_config_last_reload_successful", kind="mapping") == 1
                assert service.terminate() == 0
            finally:
                service.stop()
        found = verdict(config, publisher, front, broker.bootstrap)
    assert found.ok, found.examples
    assert found.duplicates == 0
    assert sum(found.accepted.values()) + sum(found.dead_lettered.values()) + found.skipped == RECORDS


def _change(service: Service, path: Path, old: str, new: str, event: str) -> None:
    """Change every mapping file (at its end, if `old` is empty), and wait for what becomes of it."""
    before = len(service.events(event))
    for file in (path / "mappings").glob("*.yaml"):
        text = file.read_text(encoding="utf-8").replace("nonsense: true\n", "")
        file.write_text(text.replace(old, new) if old else text + new, encoding="utf-8")
    service.hang_up()
    eventually(lambda: len(service.events(event)) > before, 40, event)


def _settled(service: Service) -> float:
    assert service.running, service.log.read_text()[-3000:]
    return service.metric("front_connector_records_processed_total")
