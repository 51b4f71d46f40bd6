"""The service on the embedded broker and registry: the whole of it where nothing is installed."""

from pathlib import Path

from connector.demo.broker import EmbeddedBroker
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.events import TOPICS, generate
from connector.demo.faults import REASONS
from connector.demo.registry import running_registry
from connector.simulator.server import running
from connector.simulator.switches import Switches
from tests.support.estates import Publisher, verdict, world
from tests.support.service import Service, eventually

RECORDS = 600


def test_a_run_without_anything_installed_loses_nothing_and_keeps_order(tmp_path: Path) -> None:
    """600 records of all topics with every fault: each accepted, skipped or dead-lettered, in order, none twice."""
    switches = Switches(dedupe="off")  # a Front that hides repeats proves nothing about them
    with EmbeddedBroker() as broker, running_registry() as registry, running(world(), switches) as front:
        for topic in TOPICS:
            broker.create_topic(topic, 3)
        broker.create_topic(DEAD_LETTER_TOPIC, 1)
        estate = Estate(bootstrap=broker.bootstrap, registry_url=registry.url, front_url=front.base_url)
        config = estate.write(tmp_path)
        with Publisher(broker.bootstrap, registry.url) as publisher:
            publisher.publish(generate(seed=7, records=RECORDS))
        service = Service(config)
        service.start()
        try:
            eventually(
                lambda: service.log.exists() and bool(service.events("connector.started")), 30, "start"
            )
            eventually(lambda: _settled(service) >= RECORDS, 60, f"{RECORDS} records settled")
            assert service.terminate() == 0
        finally:
            service.stop()
        found = verdict(config, publisher, front, broker.bootstrap)
    assert found.ok, found.examples
    assert found.duplicates == 0
    assert found.produced == RECORDS
    assert sum(found.accepted.values()) + sum(found.dead_lettered.values()) + found.skipped == RECORDS
    assert set(found.dead_lettered) == set(REASONS.values())


def _settled(service: Service) -> float:
    assert service.running, service.log.read_text()[-3000:]
    return service.metric("front_connector_records_processed_total")
