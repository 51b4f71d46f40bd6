"""`doctor` on the demo's embedded parts: nothing is wrong, and what a broker of that kind cannot tell is said."""

from pathlib import Path
from urllib.parse import urlsplit

from typer.testing import CliRunner

from connector.cli import app
from connector.demo.broker import EmbeddedBroker
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.events import TOPICS
from connector.demo.front import world
from connector.demo.registry import running_registry
from connector.simulator.server import running


def test_beside_embedded_parts_nothing_is_wrong(tmp_path: Path) -> None:
    """librdkafka's own broker knows no rights, and nothing of topics' settings or groups' members."""
    with EmbeddedBroker() as broker, running_registry() as registry, running(world()) as front:
        for topic in (*TOPICS, DEAD_LETTER_TOPIC):
            broker.create_topic(topic, 2)
        files = {
            "hosts": {urlsplit(front.base_url).netloc: {"plain_text": True}},
            "allow_private": ["127.0.0.0/8"],
        }
        estate = Estate(
            bootstrap=broker.bootstrap,
            registry_url=registry.url,
            front_url=front.base_url,
            settings={"attachments": files},
        )
        config = estate.write(tmp_path)
        result = CliRunner().invoke(app, ["doctor", "--config", str(config), "--ask-front"])
    shown = result.stdout
    assert result.exit_code == 0
    assert "ok           rights: librdkafka's mock cluster knows no rights" in shown
    assert "not checked  group: librdkafka's mock cluster cannot be asked this" in shown
    assert "not checked  dead letters: librdkafka's mock cluster cannot be asked this" in shown
    assert shown.count("ok           offsets: ") == shown.count("warning      registry: ") == len(TOPICS)
    assert shown.splitlines()[-1] == f"nothing is wrong; {len(TOPICS)} warnings, 2 not checked"
