"""Front or the registry refuses, is wrong, or is away: records wait, none is given up for it, and it ends by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from connector.demo.estate import SECRET
from connector.demo.registry import Credentials, EmbeddedRegistry, running_registry
from connector.resources import schemas_dir
from tests.kafka.conftest import (
    CALLS,
    CHAT,
    MESSAGE,
    OTHER_CHAT,
    Connector,
    Site,
    Topic,
    message,
)
from tests.kafka.letters import headers
from tests.support.kafka import free_ports
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.registry, pytest.mark.timeout(120)]

GRACE_S = 4.0


@dataclass(frozen=True, slots=True)
class Running:
    """The module's connector, its messages (one partition) and its calls (two)."""

    connector: Connector
    messages: Topic
    calls: Topic


@pytest.fixture(scope="module")
def running(site: Site) -> Iterator[Running]:
    """The module's connector, consuming."""
    messages, calls = site.topic(), site.topic(CALLS, partitions=2)
    connector = site.connector(messages, calls, settings={"front": {"retry": {"not_found_grace_s": GRACE_S}}})
    connector.begin_and_join()
    yield Running(connector, messages, calls)
    assert connector.terminate() == 0


def test_brk_07_a_wrong_secret_holds_the_app_and_a_corrected_file_ends_it_without_a_restart(
    site: Site,
) -> None:
    """Every request is answered 401: nothing is given up, readiness says which app, and all is accepted afterwards."""
    topic = site.topic()
    running = Running(site.connector(topic), topic, topic)
    secret = running.connector.config.parent / "front-secret"
    secret.write_text("the-secret-of-somebody-else\n")
    running.connector.begin_and_join()
    ids = [site.message(topic, line_id=line.id) for line in (CHAT, OTHER_CHAT)]
    eventually(lambda: running.connector.ready()[0] == 503, 15, "the hold")
    _, body = running.connector.ready()
    assert body["state"] == "held_auth"
    assert "Front refuses every request of app demo" in str(body["checks"])
    assert ("app", "unauthorized", "demo") in [
        (hold["scope"], hold["reason"], hold["name"]) for hold in body["holds"]
    ]
    assert site.requests(*ids)[-1]["status"] == 401
    assert running.connector.get("/livez").status_code == 200

    secret.write_text(SECRET + "\n")
    site.wait_accepted(*ids)
    site.wait_committed(running.connector, running.messages)
    eventually(lambda: _ready_without_holds(running), 10, "readiness")
    assert site.letters.none_of(running.messages.name)
    assert SECRET not in running.connector.log.read_text()
    assert running.connector.terminate() == 0


def test_brk_08_a_channel_that_front_forbids_holds_that_channel_alone(site: Site, running: Running) -> None:
    """403 on one channel: its records wait, the other channel's flow, readiness stays 200 and names the channel."""
    with site.faulty({"effect": "status", "status": 403, "channel": CHAT.channel}):
        held = site.message(running.messages, line_id=CHAT.id)
        eventually(lambda: bool(running.connector.ready()[1]["holds"]), 15, "the hold")
        site.wait_accepted(site.message(running.messages, line_id=OTHER_CHAT.id))
        status, body = running.connector.ready()
        assert (status, body["status"]) == (200, "degraded")
        ((scope, reason, name),) = [(hold["scope"], hold["reason"], hold["name"]) for hold in body["holds"]]
        assert (scope, reason, name) == ("channel", "forbidden", CHAT.channel)
        assert running.connector.metric("front_connector_holds", scope="channel", reason="forbidden") == 1
    site.wait_accepted(held)
    site.wait_committed(running.connector, running.messages)
    eventually(lambda: _ready_without_holds(running), 10, "readiness")
    assert site.letters.none_of(running.messages.name)


def test_ord_16_a_recording_waits_for_the_creation_of_its_call(site: Site, running: Running) -> None:
    """Creation is asynchronous and may come by another partition: 404 is asked again, and then accepted."""
    call_id = site.new_id("call")
    site.call(running.calls, "CallRecordingReady", call_id=call_id, kind="VOICEMAIL", audio=AUDIO)
    eventually(lambda: [row["status"] for row in site.requests(call_id)].count(404) > 0, 15, "a 404")
    site.call(
        running.calls, "CallCreated", call_id=call_id, partition=1, direction="INCOMING", remote_party=PARTY
    )
    eventually(lambda: len(_accepted(site, call_id)) == 2, 15, "the recording")
    assert _accepted(site, call_id) == ["create-call", "add-call-recording"]
    site.wait_committed(running.connector, running.calls)
    assert site.letters.none_of(running.calls.name)


def test_ord_16_a_recording_of_a_call_that_never_comes_is_given_up_after_the_grace_and_not_before(
    site: Site, running: Running
) -> None:
    """`not_found`, with Front's words; another call of the partition was not delayed by it."""
    lost, fine = site.new_id("call"), site.new_id("call")
    place = site.call(running.calls, "CallRecordingReady", call_id=lost, kind="VOICEMAIL", audio=AUDIO)
    site.call(running.calls, "CallCreated", call_id=fine, direction="INCOMING", remote_party=PARTY)
    site.wait_accepted(fine)
    told = headers(site.letters.of(place))
    assert (told["front.reason"], told["front.http.status"]) == ("not_found", "404")
    tries = site.requests(lost)
    assert {row["status"] for row in tries} == {404}
    assert GRACE_S - 0.5 <= tries[-1]["at"] - tries[0]["at"] <= GRACE_S + 2.0
    site.wait_committed(running.connector, running.calls)


def test_a_wrong_base_url_holds_the_app(site: Site) -> None:
    """Front's "No such route" is nobody's bad record: nothing is given up or committed, and readiness says why."""
    topic = site.topic()
    apps = {"demo": {"base_url": f"{site.front.base_url}/wrong"}}
    connector = site.connector(topic, settings={"front": {"apps": apps}})
    site.message(topic)
    connector.begin()
    eventually(lambda: bool(connector.ready()[1]["holds"]), 20, "the hold")
    status, body = connector.ready()
    assert (status, body["state"]) == (503, "held_auth")
    assert [(hold["scope"], hold["reason"]) for hold in body["holds"]] == [("app", "wrong_base_url")]
    assert connector.terminate() == 0
    assert site.committed(connector.group)[topic.name, 0].offset == 0
    assert site.letters.none_of(topic.name)


def test_reg_02_a_registry_that_is_down_delays_records_and_gives_none_up(site: Site) -> None:
    """Connections refused, then 503: records wait, readiness stays 200; when it answers, all are accepted."""
    topic, (port,) = site.topic(), free_ports(1)
    connector = site.connector(
        topic, settings={"registry": {"url": f"http://127.0.0.1:{port}", "timeout_s": 1.0}}
    )
    ids = [_sent_with_schema(site, topic, 1) for _ in range(3)]
    connector.begin_and_join()
    eventually(lambda: _registry_answers(connector, "connect") > 0, 15, "a refused connection")
    with running_registry(port=port) as registry:
        registry.fault = 503
        _register(registry)
        eventually(lambda: _registry_answers(connector, "503") > 0, 15, "a 503")
        assert connector.ready()[0] == 200
        assert connector.get("/livez").status_code == 200
        assert not site.requests(*ids)
        assert site.committed(connector.group)[topic.name, 0].offset == 0
        registry.fault = None
        site.wait_accepted(*ids)
        site.wait_committed(connector, topic)
        assert connector.terminate() == 0
    assert site.letters.none_of(topic.name)


def test_reg_05_a_registry_that_refuses_us_delays_records_until_the_password_is_right(
    site: Site, tmp_path: Path
) -> None:
    """401 of the registry gives no record up; a corrected password file is used without a restart."""
    password = tmp_path / "registry-password"
    password.write_text("not-the-password\n")
    topic = site.topic()
    with running_registry(credentials=Credentials("connector", "the-password")) as registry:
        section = {"url": registry.url, "username": "connector", "password_file": str(password)}
        connector = site.connector(topic, settings={"registry": section})
        _register(registry, ("connector", "the-password"))
        one = _sent_with_schema(site, topic, 1)
        connector.begin_and_join()
        eventually(lambda: _registry_answers(connector, "401") > 0, 15, "a 401")
        assert not site.requests(one)
        password.write_text("the-password\n")
        site.wait_accepted(one)
        site.wait_committed(connector, topic)
        assert connector.terminate() == 0
    assert site.letters.none_of(topic.name)
    assert "the-password" not in connector.log.read_text()


PARTY = {"number": "+12025550100", "display_name": None}
AUDIO = {"name": "call.wav", "content_type": "audio/wav", "content": b"RIFF....WAVEfmt ", "url": None}


def _accepted(site: Site, call_id: str) -> list[str]:
    return [row["operation"] for row in site.requests(call_id) if row["accepted"]]


def _ready_without_holds(running: Running) -> bool:
    status, body = running.connector.ready()
    return status == 200 and not body["holds"]


def _registry_answers(connector: Connector, status: str) -> float:
    return connector.metric("front_connector_schema_registry_requests_total", status=status)


def _register(registry: EmbeddedRegistry, auth: tuple[str, str] | None = None) -> None:
    """Give it the schema of messages, which becomes its number 1, trouble or not."""
    text = (schemas_dir() / "avro" / "messaging" / "MessageReceived.avsc").read_text("utf-8")
    fault, registry.fault = registry.fault, None
    answer = httpx.post(f"{registry.url}/subjects/messages/versions", json={"schema": text}, auth=auth)
    registry.fault = fault
    assert answer.json()["id"] == 1


def _sent_with_schema(site: Site, topic: Topic, schema_id: int) -> str:
    """A good message that names its schema by the number of another registry."""
    value = message(site.new_id("m"))
    encoded = site.encode(topic, MESSAGE, value)
    site.send(topic, b"\0" + schema_id.to_bytes(4, "big") + encoded[5:], key=b"key")
    return str(value["message_id"])
