"""Makes the status page's pictures: `python -m tests.browser.status_pictures [folder]`, by default docs/pictures.

Of a connector that really runs, on the embedded broker, with a Front that refuses one channel and fails for one operation:
two wide ones, in light and in dark, and a narrow one.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from connector.demo.broker import EmbeddedBroker
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.events import TOPICS, generate
from connector.demo.registry import running_registry
from connector.simulator.faults import Fault
from connector.simulator.server import running
from tests.browser.conftest import NARROW, WIDE
from tests.browser.palette import smaller
from tests.browser.pictures import FOLDER, SIZE_MAX, Scheme
from tests.support.chromium import find_chromium, launch_arguments
from tests.support.estates import Publisher, world
from tests.support.java import Missing
from tests.support.service import Service, eventually

RECORDS = 700
SETTINGS = {
    "name": "shop-connector",
    "instance": "shop-connector-7c9d6bf5b4-x2x8p",
    "kafka": {"session_timeout_s": 45.0},
    "front": {"rate_limit": {"company_per_minute": 50, "channel_per_second": 5}},
}


def main(folder: Path) -> None:
    """Run it, look at its page, stop it."""
    program = find_chromium()
    if isinstance(program, Missing):
        sys.exit(program.reason)
    folder.mkdir(parents=True, exist_ok=True)
    taken: dict[str, bytes] = {}
    with troubled() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=launch_arguments())
        schemes: tuple[Scheme, ...] = ("light", "dark")
        for name, viewport in (("status", WIDE), ("status-narrow", NARROW)):
            for scheme in schemes if viewport is WIDE else ("light",):
                page = browser.new_page(viewport=viewport, color_scheme=scheme, locale="en-GB")
                page.goto(f"{url}/status")
                page.locator("#main[aria-busy=false]").wait_for()
                taken[f"{name}-{scheme}.png"] = page.screenshot()
        browser.close()
    for name, png in taken.items():
        data = smaller(png)
        assert len(data) <= SIZE_MAX, "docs are read over slow lines too"
        (folder / name).write_bytes(data)
        print(f"{folder / name}: {len(data):,} bytes")


@contextmanager
def troubled() -> Iterator[str]:
    """The address of its page, some keys blocked and one channel held."""
    refuses = next(iter(world().channels))
    faults = (
        Fault(channel=refuses, effect="status", status=403),
        Fault(operation=("add-call-summary",), effect="status", status=503, share=0.6),
    )
    with (
        TemporaryDirectory() as folder,
        EmbeddedBroker() as broker,
        running_registry() as registry,
        running(world(), faults=faults) as front,
    ):
        for topic in TOPICS:
            broker.create_topic(topic, 3)
        broker.create_topic(DEAD_LETTER_TOPIC, 1)
        estate = Estate(
            bootstrap=broker.bootstrap,
            registry_url=registry.url,
            front_url=front.base_url,
            settings=SETTINGS,
        )
        service = Service(estate.write(Path(folder)))
        with Publisher(broker.bootstrap, registry.url) as publisher:
            publisher.publish(generate(seed=11, records=RECORDS))
        service.start()
        try:
            eventually(lambda: bool(service.log.exists() and service.events("connector.started")), 30)
            eventually(lambda: bool(service.events("hold.started")), 60, "a hold")
            eventually(lambda: service.metric("front_connector_blocked_keys") >= 2, 60, "blocked keys")
            eventually(lambda: service.metric("front_connector_records_processed_total") >= RECORDS / 2, 60)
            yield service.admin_url
        finally:
            service.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
