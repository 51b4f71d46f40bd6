"""Can every broker be reached by the address that it gives itself? Clients are sent there, whatever they began with."""

import asyncio
from collections.abc import Sequence

from connector.adapters.workers import Workers
from connector.config.problems import counted
from connector.workbench.doctor.kafka import Kafka
from connector.workbench.doctor.reach import connected
from connector.workbench.doctor.results import Fine, Result, Wrong


async def look(kafka: Kafka, names: Workers) -> Sequence[Result]:
    """A connection to each."""
    assert kafka.metadata is not None, "brokers ended well"
    brokers = sorted(kafka.metadata.brokers.values(), key=lambda broker: broker.id)
    tried = await asyncio.gather(*(connected(names, str(broker.host), broker.port) for broker in brokers))
    wrong = [
        Wrong(
            f"broker {broker.id} calls itself {broker.host}:{broker.port}: {failed.why}",
            "its advertised.listeners must name an address that this machine reaches",
        )
        for broker, failed in zip(brokers, tried, strict=True)
        if failed is not None
    ]
    return wrong or (Fine(f"{counted(len(brokers), 'broker')} reached at the advertised addresses"),)
