"""The records of a scenario: the demo's traffic of all operations, written at a steady rate while faults happen.

What lives here: a producer in a thread of its own, whose own retries write nothing twice. In the end the logs are read:
what they hold is what must come out.
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connector.core.decode import SchemaId
from connector.demo import traffic
from connector.demo.events import BadRecord, DemoRecord, generate, payload
from tests.support.estates import Publisher, read_topic
from tests.support.service import eventually

RECORDS_MAX = 12_000
"""No scenario writes so many; bad records stand evenly among them, one of each kind for every two thousand."""
TICK_S = 0.02
HOUR_MS = 3_600_000


class Load(Publisher):
    """Begins with `begin`, ends with `end`. `topics`: the demo's topics, and under which names they are written."""

    def __init__(self, bootstrap: str, registry_url: str, topics: Mapping[str, str], seed: int) -> None:
        super().__init__(bootstrap, registry_url)
        self._bootstrap = bootstrap
        self._acknowledged = 0
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                # A frozen broker must not keep the load waiting for the client's default minute.
                "socket.timeout.ms": 3000,
                "request.timeout.ms": 3000,
                "log_level": 0,
            }
        )
        # Not from long ago: the broker's retention goes by the records' timestamps.
        start_ms = int(time.time() * 1000) - HOUR_MS
        self._records = generate(seed=seed, records=RECORDS_MAX, start_ms=start_ms)
        self.topics = topics
        self._owed = 0.0
        self._rate = 0.0
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self.new_schemas = False
        """Write by schemas that nobody has seen before."""
        self.planned_letters = 0
        """Bad records so far."""

    def begin(self, rate: float) -> None:
        """Write `rate` records a second from now on; may be called again for another rate."""
        self._rate = rate
        if not self._thread.is_alive():
            self._thread.start()

    def burst(self, count: int) -> None:
        """Write so many at once, besides; returns when the brokers have them."""
        before = self._acknowledged
        self._owed += count
        eventually(lambda: self._acknowledged >= before + count, 30, "a burst of records")

    def end(self) -> None:
        """Write no more; wait until the brokers have what was written, and read what that is."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(60)
        if self._failure is not None:
            raise self._failure
        assert self._producer.flush(60) == 0, "the brokers have not taken all records"
        for topic in self.topics.values():
            for message in read_topic(self._bootstrap, topic):
                super()._delivered(None, message)
        assert len(self.produced) == self._acknowledged, "the cluster itself lost or repeated something"

    def encoded(self, record: DemoRecord) -> bytes:
        """As it is, or by a schema that the registry has just got."""
        if not self.new_schemas or isinstance(record, BadRecord):
            return super().encoded(record)
        definition = json.loads(traffic.definition(record))
        definition["fields"].append({"name": "trace_id", "type": ["null", "string"], "default": None})
        known = self._written_by.get((record.topic, f"{record.schema_name} with trace_id"))
        if known is None:
            known = self._register(record.topic, record.schema_name, json.dumps(definition))
            self._written_by[record.topic, f"{record.schema_name} with trace_id"] = known
        assert isinstance(known.ref, SchemaId)
        return payload(record, known.avro, known.ref.id)

    def _run(self) -> None:
        try:
            last = time.monotonic()
            while not self._ended.wait(TICK_S):
                now = time.monotonic()
                self._owed += self._rate * (now - last)
                last, whole = now, int(self._owed)
                self._owed -= whole
                for record in islice(self._records, whole):
                    self._write(replace(record, topic=self.topics[record.topic]))
                self._producer.poll(0)
        except BaseException as error:
            self._failure = error

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        # Where it lies is read in the end: a retry that the broker knew already is acknowledged without a place.
        if error is not None:
            raise KafkaException(error)
        self._acknowledged += 1

    def _write(self, record: DemoRecord) -> None:
        self.planned_letters += isinstance(record, BadRecord)
        self._produce(record.topic, record.key.encode(), self.encoded(record), record.at_ms)
