"""A producer that shares no code with ours: Kafka's own client and Avro's own library, in Java.

What lives here: the Python side of `jvm/kafka/AvroProducer.java`. What it writes is what a Java platform's
events look like, so a mistake that our encoder and our decoder both make is seen.
"""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.java import JVM_FLAGS, POMS, Missing
from tests.support.kafka import find_jars

PRODUCED_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class AvroJson:
    """A record as Avro's JSON encoding has it; its value None is a tombstone.

    There, the value of a union is wrapped in the name of its type: {"string": "x"}.
    """

    key: str | None
    value: Mapping[str, object] | None


def produce_with_jvm(
    bootstrap: str, topic: str, schema: str, schema_id: int, records: Sequence[AvroJson]
) -> None:
    """Write `records` to `topic` in order, framed with `schema_id`; returns once all are acknowledged.

    `schema` is the Avro schema's text. The test is marked `kafka(java=True)`, since it needs Java. Takes
    about 2 s.
    """
    jars = find_jars()
    assert not isinstance(jars, Missing), "the test lacks the marker `kafka(java=True)`"
    with tempfile.TemporaryDirectory() as folder:
        schema_file = Path(folder, "schema.avsc")
        schema_file.write_text(schema, "utf-8")
        lines = Path(folder, "records.jsonl")
        lines.write_text(
            "".join(json.dumps({"key": record.key, "value": record.value}) + "\n" for record in records),
            "utf-8",
        )
        source = POMS / "kafka" / "AvroProducer.java"
        flags = [*JVM_FLAGS, "-Xmx128m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]
        command = [str(jars.java.java), *flags, "-cp", f"{jars.folder}/*", str(source)]
        done = subprocess.run(
            [*command, bootstrap, topic, str(schema_file), str(schema_id), str(lines)],
            capture_output=True,
            text=True,
            timeout=PRODUCED_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"the Java producer failed:\n{done.stderr[-2000:]}"
