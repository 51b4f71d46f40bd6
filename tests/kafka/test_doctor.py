"""`doctor` on set-ups that are broken in one place each: real brokers with rights, a registry, the simulator of Front."""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx
import pytest
from confluent_kafka import Consumer
from typer.testing import CliRunner

from connector.cli import app
from connector.demo.registry import Credentials, running_registry
from tests.kafka.conftest import VOICE, Alone, Topic
from tests.support.broken_setups import BROKEN, Broken
from tests.support.certificates import Certificates, make_certificates
from tests.support.estates import raw_log
from tests.support.guarded import join, read
from tests.support.kafka import free_ports
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka(java=True), pytest.mark.registry, pytest.mark.timeout(120)]

Names = dict[str, str]
Arranged = tuple[Path, Names]
"""The configuration, and what stands for the names in the lines."""


def place(alone: Alone, *, topic: Topic | None = None, **settings: Mapping[str, Any]) -> Arranged:
    """A configuration in which all is well but for these settings; its topic holds a message."""
    made = topic or alone.site.topic()
    if topic is None:
        alone.site.message(made)
    connector = alone.site.connector(made, settings={"attachments": fetched(alone), **settings})
    names = {
        "topic": made.name,
        "letters": alone.site.letters.topic,
        "group": connector.group,
        "bootstrap": str(settings.get("kafka", {}).get("bootstrap_servers", alone.cluster.bootstrap)),
        "registry": str(settings.get("registry", {}).get("url", alone.site.registry)),
        "front": alone.site.front.base_url,
        "channel": VOICE.channel,
        "config": str(connector.config),
    }
    return connector.config, names


def fetched(alone: Alone) -> dict[str, Any]:
    """A host of files that answers, since the mapping names files by URL: the simulator serves some."""
    host = urlsplit(alone.site.front.base_url).netloc
    return {"hosts": {host: {"plain_text": True}}, "allow_private": ["127.0.0.0/8"]}


@contextmanager
def nothing(alone: Alone) -> Iterator[Arranged]:
    yield place(alone)


@contextmanager
def unreadable(alone: Alone) -> Iterator[Arranged]:
    yield place(alone, kafka={"goup_id": "front"})


@contextmanager
def brokers_down(alone: Alone) -> Iterator[Arranged]:
    kafka, registry, front = (f"127.0.0.1:{port}" for port in free_ports(3))
    config, names = place(
        alone,
        kafka={"bootstrap_servers": kafka},
        registry={"url": f"http://{registry}"},
        front={"apps": {"demo": {"base_url": f"http://{front}"}}},
    )
    yield config, {**names, "front": f"http://{front}"}


@contextmanager
def security_protocol(alone: Alone) -> Iterator[Arranged]:
    yield place(alone, kafka={"bootstrap_servers": alone.cluster.guarded})


@contextmanager
def certificate(alone: Alone) -> Iterator[Arranged]:
    with TemporaryDirectory() as folder:
        made = make_certificates(Path(folder))
        with _tls_listener(made.server_context()) as at:
            yield place(alone, kafka={"bootstrap_servers": at, "properties": {"security.protocol": "SSL"}})


@contextmanager
def expired(alone: Alone) -> Iterator[Arranged]:
    with TemporaryDirectory() as folder:
        made = make_certificates(Path(folder))
        with _tls_listener(made.server_context(expired=True)) as at:
            yield place(alone, kafka=_trusting(made, at))


@contextmanager
def client_certificate(alone: Alone) -> Iterator[Arranged]:
    with TemporaryDirectory() as folder:
        made = make_certificates(Path(folder))
        with _tls_listener(made.server_context(ask_client=True)) as at:
            yield place(alone, kafka=_trusting(made, at))


@contextmanager
def token_endpoint(alone: Alone) -> Iterator[Arranged]:
    with TemporaryDirectory() as folder:
        (Path(folder) / "secret").write_text("hush")
        url = f"http://127.0.0.1:{free_ports(1)[0]}/token"
        kafka = {
            "bootstrap_servers": alone.cluster.guarded,
            "properties": {
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "OAUTHBEARER",
                "sasl.oauthbearer.method": "oidc",
                "sasl.oauthbearer.client.id": "me",
                "sasl.oauthbearer.token.endpoint.url": url,
            },
            "properties_from_files": {"sasl.oauthbearer.client.secret": f"{folder}/secret"},
        }
        config, names = place(alone, kafka=kafka)
        yield config, {**names, "idp": urlsplit(url).netloc}


@contextmanager
def extra(alone: Alone) -> Iterator[Arranged]:
    with patch("connector.adapters.kafka.msk_iam.installed", return_value=False):
        yield place(alone, kafka={"msk_iam": {"region": "eu-central-1"}})


def _trusting(made: Certificates, at: str) -> dict[str, Any]:
    return {
        "bootstrap_servers": at,
        "properties": {"security.protocol": "SSL", "ssl.ca.location": str(made.ca)},
    }


@contextmanager
def _tls_listener(context: ssl.SSLContext) -> Iterator[str]:
    """A listener with TLS and nothing behind it: nobody comes so far. Gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        listening = threading.Thread(target=_shake_hands, args=(server, context), daemon=True)
        listening.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        listening.join(5)


def _shake_hands(server: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                secured.recv(1)


@contextmanager
def password(alone: Alone) -> Iterator[Arranged]:
    yield place(alone, kafka=alone.cluster.login("wrong"))


@contextmanager
def rights(alone: Alone) -> Iterator[Arranged]:
    config, names = place(alone, kafka=alone.cluster.login())
    granted = read(names["topic"]), join(names["group"])
    alone.cluster.grant(*granted)
    yield config, names
    alone.cluster.withdraw(*granted)


@contextmanager
def misspelt(alone: Alone) -> Iterator[Arranged]:
    made = alone.site.topic()
    config, names = place(alone, topic=replace(made, name=f"{made.name}s"))
    yield config, {**names, "topic": made.name}


@contextmanager
def group(alone: Alone) -> Iterator[Arranged]:
    config, names = place(alone)
    theirs = alone.site.topic()
    other = Consumer(
        {
            "bootstrap.servers": alone.cluster.bootstrap,
            "group.id": names["group"],
            "client.id": "billing",
            "partition.assignment.strategy": "range",
            "log_level": 0,
        }
    )
    other.subscribe([theirs.name])
    eventually(lambda: other.poll(0.2) is None and bool(other.assignment()), 30, "the other's assignment")
    yield config, names
    other.close()


@contextmanager
def offset(alone: Alone) -> Iterator[Arranged]:
    config, names = place(alone)
    alone.site.reset(names["group"], {(names["topic"], 0): 7})
    yield config, names


@contextmanager
def letter_size(alone: Alone) -> Iterator[Arranged]:
    with alone.site.letters.refused_above(1_000_000):
        yield place(alone)


@contextmanager
def channels(alone: Alone) -> Iterator[Arranged]:
    topic = alone.site.topic()
    alone.site.message(topic)
    directory = {"channels": None, "channels_topic": f"{topic.name}-channels"}
    yield place(alone, topic=topic, front=directory)


@contextmanager
def registry(alone: Alone) -> Iterator[Arranged]:
    with running_registry(credentials=Credentials("connector", "right")) as guarded:
        yield place(alone, registry={"url": guarded.url, "username": "connector", "password": "wrong"})


@contextmanager
def base_url(alone: Alone) -> Iterator[Arranged]:
    yield place(alone, front={"apps": {"demo": {"base_url": f"{alone.site.front.base_url}/api"}}})


@contextmanager
def secret(alone: Alone) -> Iterator[Arranged]:
    config, names = place(alone)
    (config.parent / "front-secret").write_text("the-secret-of-another-app-of-theirs\n")
    yield config, names


@contextmanager
def clock(alone: Alone) -> Iterator[Arranged]:
    route = f"{alone.site.front.base_url}/_sim/clock"
    httpx.patch(route, json={"skew_s": 600}).raise_for_status()
    yield place(alone)
    httpx.patch(route, json={"skew_s": 0}).raise_for_status()


@contextmanager
def port(alone: Alone) -> Iterator[Arranged]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        (admin,) = free_ports(1)
        config, names = place(alone, telemetry={"port": number}, admin={"port": admin})
        yield config, {**names, "port": str(number)}


ARRANGE: Mapping[str, Callable[[Alone], AbstractContextManager[Arranged]]] = {
    made.__name__: made
    for made in (
        nothing, unreadable, extra, brokers_down, security_protocol, certificate, expired, client_certificate, password,
        token_endpoint, rights, group, offset, letter_size, channels, registry, base_url, secret, clock, port,
    )
} | {"topic": misspelt}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: str(broken.name))
def test_doctor_says_what_is_wrong_what_to_do_and_what_it_could_not_check(
    alone: Alone, broken: Broken
) -> None:
    """Every line but those of what is well, in order, and the exit code."""
    with ARRANGE[broken.name](alone) as (config, names):
        result = CliRunner().invoke(app, ["doctor", "--config", str(config), "--ask-front"])
    told = [line for line in result.stdout.splitlines() if not re.match("ok ", line)]
    assert told == broken.lines(names)
    assert result.exit_code == broken.exit_code
    assert not result.stderr


def test_doctor_leaves_nothing_behind(alone: Alone) -> None:
    """No offset, no member, no record; of the Channel API Front saw one request, which stored nothing."""
    config, names = place(alone)
    before = len(raw_log(alone.site.front))
    ends = alone.site.ends((names["topic"], names["letters"]))
    result = CliRunner().invoke(app, ["doctor", "--config", str(config), "--ask-front"])
    assert result.exit_code == 0
    assert not alone.site.committed(names["group"])
    assert alone.site.ends((names["topic"], names["letters"])) == ends
    asked = [(row["method"], row["status"], row["stored"]) for row in raw_log(alone.site.front)[before:]]
    assert asked == [("PATCH", 204, False)]
    with alone.site.kafka.new_admin() as admin:
        groups = admin.list_consumer_groups().result().valid
    assert names["group"] not in {group.group_id for group in groups}


def test_without_leave_front_is_shown_no_token(alone: Alone) -> None:
    """What is then not known is said, and is nothing wrong."""
    config, _ = place(alone)
    before = len(raw_log(alone.site.front))
    result = CliRunner().invoke(app, ["doctor", "--config", str(config)])
    assert raw_log(alone.site.front)[before:] == []
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-3:] == [
        "not checked  credential demo: a token is signed for uid app_demo; whether Front takes it is asked with --ask-front: "
        "PATCH /channels/<id> with {}, which changes nothing",
        "ok           attachments: 127.0.0.1 leads to 127.0.0.1",
        "nothing is wrong; 1 not checked",
    ]


def test_beside_a_running_connector_all_is_well(alone: Alone) -> None:
    """Its port is its own, its member one of ours, and what it has committed is no first start."""
    (number,) = free_ports(1)
    topic = alone.site.topic()
    connector = alone.site.connector(
        topic, settings={"telemetry": {"port": number}, "attachments": fetched(alone)}
    )
    sent = alone.site.message(topic)
    connector.begin()
    alone.site.wait_accepted(sent)
    alone.site.wait_committed(connector, topic)
    shown = CliRunner().invoke(app, ["doctor", "--config", str(connector.config), "--ask-front"]).stdout
    assert f"a connector that runs here answers at 127.0.0.1:{number}" in shown
    assert f"ok           group: {connector.group} has 1 member: front-connector-" in shown
    assert f"ok           offsets: {topic.name}: 0 records waiting" in shown
    assert shown.splitlines()[-1] == "all is well"
    assert connector.terminate() == 0
