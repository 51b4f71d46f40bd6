"""A real Schema Registry for tests: one that was given, or Apicurio's server started as a process.

What lives here: where it comes from, and its start. The embedded registry is the product's
(`connector/demo/registry.py`); `tests/contract/test_schema_registry.py` holds it against this one.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import httpx

from tests.support.java import JVM_FLAGS, Java, Missing, fetch, find_java
from tests.support.kafka import free_ports
from tests.support.process import Guarded

URL_ENV = "SCHEMA_REGISTRY_URL"
NEEDED = f"set {URL_ENV} to a registry's address, or install Java 17+ and Maven"

# Apicurio Registry's documentation: the root of the API that Confluent's clients speak.
CONFLUENT_API = "/apis/ccompat/v7"

HEAP = "-Xmx256m"
READY_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Given:
    """A registry that somebody else runs. Tests leave subjects behind, under names that nobody else has."""

    url: str


@dataclass(frozen=True, slots=True)
class Server:
    """Apicurio's server, unpacked, and the Java to run it."""

    java: Java
    folder: Path


Source: TypeAlias = Given | Server


@cache
def find_registry() -> Source | Missing:
    """The first of: an address given, Java. May fetch the server the first time; starts nothing."""
    given = os.environ.get(URL_ENV)
    if given:
        return Given(given)
    java = find_java()
    if isinstance(java, Missing):
        return java
    folder = fetch("registry", "unpack")
    return folder if isinstance(folder, Missing) else Server(java, folder)


@contextmanager
def running_registry(source: Source, directory: Path) -> Iterator[str]:
    """The address of the registry of `source`, started if it must be. It keeps everything in memory."""
    match source:
        case Given(url):
            yield url
        case Server(java, folder):
            (port,) = free_ports(1)
            (jar,) = folder.glob("*-runner.jar")
            options = (
                "-Dquarkus.http.host=127.0.0.1",
                f"-Dquarkus.http.port={port}",
                "-Dquarkus.log.level=WARN",
            )
            process = Guarded(
                [str(java.java), *JVM_FLAGS, HEAP, *options, "-jar", str(jar)],
                log=directory / "registry.log",
                directory=directory,
            )
            url = f"http://127.0.0.1:{port}{CONFLUENT_API}"
            try:
                _wait(process, url)
                yield url
            finally:
                process.kill()


def _wait(process: Guarded, url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    with httpx.Client(timeout=2.0, trust_env=False) as client:
        while time.monotonic() < deadline and process.alive:
            try:
                if client.get(f"{url}/subjects").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise RuntimeError(f"The registry did not start. The end of its log:\n{process.log_tail()}")
