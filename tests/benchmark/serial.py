"""What the connector is compared with: a consumer as one writes it first. One record at a time, one connection.

`python -m tests.benchmark.serial --config F` reads the same configuration and mapping files, decodes with fastavro,
maps by the same code, signs a token, posts by aiohttp, waits for the answer, and commits every 250 records.
No retries, no telemetry, no order across a restart: nothing but the work. It ends when it is terminated.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path

import aiohttp
import httpx
import jwt
from confluent_kafka import Consumer, Message

from connector.config import Loaded, load
from connector.core.decode import ParsedSchema, SchemaId, SchemaRef, parse_schema
from connector.core.mapping import Plan
from connector.core.operations import Request
from connector.core.prepare import prepare
from connector.core.records import Epoch, Record
from connector.demo.estate import SECRET, UID

COMMIT_EVERY = 250


class Schemas:
    """Schemas by id, fetched once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._known: dict[SchemaRef, ParsedSchema] = {}

    def __call__(self, ref: SchemaRef) -> ParsedSchema:
        """The schema of a record."""
        if ref not in self._known:
            assert isinstance(ref, SchemaId)
            document = httpx.get(f"{self._url}/schemas/ids/{ref.id}").raise_for_status().json()
            parsed = parse_schema(json.loads(document["schema"]), ref)
            assert isinstance(parsed, ParsedSchema)
            self._known[ref] = parsed
        return self._known[ref]


async def consume(loaded: Loaded) -> None:
    """For ever."""
    settings = loaded.settings
    assert settings.registry is not None
    schemas = Schemas(settings.registry.url)
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka.bootstrap_servers,
            "group.id": "serial",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(list(loaded.mappings.topics))
    [app] = settings.front.apps.values()
    done = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        while True:
            message = consumer.poll(1.0)
            if message is None:
                continue
            assert message.error() is None, message.error()
            record = _record(message)
            plan = prepare(record, loaded.mappings.topics[record.topic], schemas, time.time())
            assert isinstance(plan, Plan), plan
            for request in plan.requests:
                url = app.base_url + request.http.path
                async with session.post(
                    url, headers=_headers(request), data=request.http.content
                ) as response:
                    await response.read()
                    assert response.status == 202, response.status
            done += 1
            if done % COMMIT_EVERY == 0:
                consumer.commit(message=message, asynchronous=False)


def _record(message: Message) -> Record:
    return Record(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        epoch=Epoch(0),
        value=message.value(),
        key=message.key(),
    )


def _headers(request: Request) -> dict[str, str]:
    claims = {
        "iss": UID,
        "sub": request.channel.real_id,
        "jti": str(time.time_ns()),
        "exp": int(time.time()) + 15,
    }
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json",
        "Content-Type": request.http.content_type or "",
    }


def main() -> None:
    """Consume until terminated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args()
    loaded = load(arguments.config)
    assert isinstance(loaded, Loaded), loaded
    asyncio.run(consume(loaded))


if __name__ == "__main__":
    main()
