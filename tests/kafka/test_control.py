"""Pausing a whole group and settling a record by hand, on a real Kafka: judged by what the simulated Front received."""

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.kafka.conftest import CHAT, Alone, Connector, Site, Topic
from tests.kafka.letters import Place
from tests.support.guarded import describe_configs, join, read, write
from tests.support.service import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.registry, pytest.mark.timeout(300)]

NAME = "front-connector"
WITHIN_S = 90.0


def control_topic(site: Site) -> str:
    return site.kafka.create_topic(config={"cleanup.policy": "compact"})


def settings(control: str, instance: str) -> dict[str, object]:
    return {"control": {"topic": control}, "instance": instance}


def put(connector: Connector, action: str, reason: str | None = None) -> None:
    """Pause or resume the group, asked of this process."""
    body = {} if reason is None else {"reason": reason}
    answer = httpx.put(f"{connector.admin_url}/connectors/{NAME}/{action}", json=body, timeout=30)
    assert (answer.status_code, answer.content) == (202, b""), answer.text


def state(connector: Connector) -> str:
    """In Connect's words, of the connector and of its task alike."""
    status = httpx.get(f"{connector.admin_url}/connectors/{NAME}/status", timeout=30).json()
    assert status["tasks"][0]["state"] == status["connector"]["state"]
    return str(status["connector"]["state"])


def page(connector: Connector) -> dict[str, object]:
    """What the status page shows."""
    told: dict[str, object] = httpx.get(f"{connector.admin_url}/status.json", timeout=30).json()
    return told


def partitions(connector: Connector) -> list[tuple[int, str | None]]:
    """Those that it has, and why each is paused."""
    rows = page(connector)["partitions"]
    assert isinstance(rows, list)
    return [(row["partition"], row["paused"]) for row in rows]


def all_are(word: str, *members: Connector) -> None:
    eventually(lambda: all(state(member) == word for member in members), WITHIN_S, f"all are {word}")


class Traffic:
    """Messages of ten rooms over six partitions, as long as the block lasts."""

    def __init__(self, site: Site, topic: Topic) -> None:
        self._site, self._topic = site, topic
        self._rooms = [site.new_id("room") for _ in range(10)]
        self.written: dict[str, list[str]] = {room: [] for room in self._rooms}
        self._ends = threading.Event()

    def write(self, turn: int) -> None:
        """One message."""
        room = self._rooms[turn % 10]
        said = self._site.message(self._topic, partition=turn % 10 % 6, conversation_id=room)
        self.written[room].append(said)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        writer = threading.Thread(target=self._flow)
        writer.start()
        try:
            yield
        finally:
            self._ends.set()
            writer.join(60)

    def _flow(self) -> None:
        for turn in itertools.count():
            if self._ends.wait(0.05):
                return
            self.write(turn)

    @property
    def ids(self) -> list[str]:
        return list(itertools.chain.from_iterable(self.written.values()))

    def arrived(self) -> int:
        """Requests at Front for any of them."""
        return len(self._site.requests(*self.ids))


def test_a_pause_stops_every_process_and_whoever_comes_and_a_resume_continues(site: Site) -> None:
    """Three processes of a group under traffic. Paused through one: nothing more arrives at Front, while one is restarted,
    one is killed and one joins. Resumed through the one that came last: all arrives, once and in order."""
    control, topic = control_topic(site), site.topic(partitions=6)
    first = site.connector(topic, settings=settings(control, "pod-0"))
    others = [
        site.connector(topic, settings=settings(control, f"pod-{number}"), group=first.group)
        for number in (1, 2, 3)
    ]
    second, third, late = others
    for member in (first, second, third):
        member.begin_and_join()
    traffic = Traffic(site, topic)
    with traffic.flowing():
        eventually(lambda: traffic.arrived() > 20, WITHIN_S, "traffic")
        put(second, "pause", "Front moves house")
        all_are("PAUSED", first, second, third)
        for member in (first, second, third):
            eventually(lambda m=member: m.metric("front_connector_records_in_flight") == 0, WITHIN_S, "rest")  # type: ignore[misc]
        before = traffic.arrived()
        assert second.metric("front_connector_state", state="paused") == 1
        assert first.ready()[0] == 200
        paused = page(third)["paused"]
        assert isinstance(paused, dict)
        assert (paused["by"], paused["reason"]) == ("pod-1", "Front moves house")
        assert third.events("control.paused")[-1]["by"] == "pod-1"

        assert second.terminate() == 0
        second.begin()
        third.kill()
        late.begin()
        all_are("PAUSED", first, second, late)
        members = (first, second, late)
        eventually(
            lambda: (
                sorted(number for member in members for number, _ in partitions(member)) == list(range(6))
            ),
            WITHIN_S,
            lambda: f"the rebalance: {[partitions(member) for member in members]}",
        )
        assert {why for member in members for _, why in partitions(member)} == {"manual"}
        manual = [m.metric("front_connector_consumer_paused_partitions", reason="manual") for m in members]
        assert sum(manual) == 6
        assert traffic.arrived() == before, "something was sent in a pause"
        put(late, "resume")
        all_are("RUNNING", first, second, late)
    site.wait_accepted(*traffic.ids, within_s=WITHIN_S)
    for room, ids in traffic.written.items():
        sent = [row["external_id"] for row in site.requests(*ids)]
        assert sent == ids, f"not once and in order: {room}"
    site.wait_committed(first, topic, within_s=WITHIN_S)
    assert site.letters.none_of(topic.name)
    assert [line["action"] for line in late.events("admin.action")] == ["resume"]
    for member in members:
        assert member.terminate() == 0


def post(connector: Connector, place: Place, reason: str = "ticket 7") -> httpx.Response:
    """Settle a record by hand."""
    body = {"topic": place.topic, "partition": place.partition, "offset": place.offset, "reason": reason}
    return httpx.post(f"{connector.admin_url}/admin/settle", json=body, timeout=60)


def test_a_poison_record_is_settled_and_its_room_goes_on(site: Site) -> None:
    """Front answers it with 503 for ever. The process that does not have its partition says so and does nothing."""
    topic = site.topic()
    owner = site.connector(topic)
    idle = site.connector(topic, group=owner.group)
    owner.begin_and_join()
    room = site.new_id("room")
    site.set_faults({"effect": "status", "status": 503})
    poison = site.message(topic, conversation_id=room)
    with site.faulty({"external_id": f"^{poison}$", "effect": "status", "status": 503}):
        behind = [site.message(topic, conversation_id=room) for _ in range(3)]
        eventually(lambda: len(site.requests(poison)) >= 2, WITHIN_S, "two attempts")
        idle.begin_and_join()
        eventually(
            lambda: sorted(map(len, (partitions(owner), partitions(idle)))) == [0, 1], WITHIN_S, "one owner"
        )
        has, has_not = (owner, idle) if partitions(owner) else (idle, owner)
        answer = post(has_not, Place(topic.name, 0, 0))
        assert (answer.status_code, answer.json()["error_code"]) == (409, 409)
        assert "ask the process that has it" in answer.json()["message"]
        assert site.letters.none_of(topic.name)
        assert site.requests(*behind) == []
        eventually(lambda: post(has, Place(topic.name, 0, 0)).status_code == 200, WITHIN_S, "settled")
        site.wait_accepted(*behind, within_s=WITHIN_S)
    assert [row["external_id"] for row in site.requests(*behind)] == behind
    letter = dict(site.letters.of(Place(topic.name, 0, 0)).headers() or [])
    assert letter["front.reason"] == b"operator_skip"
    assert letter["__connect.errors.exception.message"] == b"ticket 7"
    site.wait_committed(has, topic)
    settled = has.events("admin.action")[-1]
    assert (settled["offset"], settled["outcome"], settled["reason"]) == (0, "dead_lettered", "ticket 7")
    assert has.metric("front_connector_dead_letter_records_total", reason="operator_skip") == 1
    assert post(has, Place(topic.name, 0, 0)).status_code == 409
    for member in (owner, idle):
        assert member.terminate() == 0


def test_a_wall_is_settled_while_paused_and_what_is_behind_flows_after_the_resume(site: Site) -> None:
    """A record that waits for the row of its line; and what a stranger, or another group, writes into the topic is nothing."""
    control, topic = control_topic(site), site.topic()
    connector = site.connector(topic, settings=settings(control, "pod-0"))
    (file,) = (connector.config.parent / "mappings").glob("*.yaml")
    waiting = topic.mapping_file().replace("    start:", "    on_unknown_channel: wait\n    start:")
    file.write_text(waiting, "utf-8")
    connector.begin_and_join()
    unknown = site.message(topic, line_id="+3725551234")
    eventually(lambda: connector.metric("front_connector_unknown_channel_lines") == 1, WITHIN_S, "it waits")
    put(connector, "pause")
    all_are("PAUSED", connector)
    behind = site.message(topic, line_id=CHAT.id)
    assert post(connector, Place(topic.name, 0, 0)).status_code == 200
    assert dict(site.letters.of(Place(topic.name, 0, 0)).headers() or [])["front.reason"] == b"operator_skip"
    write_setting(site, control, connector.group, b"no json")
    write_setting(site, control, "another-group", b'{"paused": false}')
    eventually(lambda: bool(connector.events("control.refused")), WITHIN_S, "the refusal")
    assert state(connector) == "PAUSED"
    assert site.requests(unknown, behind) == []
    write_setting(site, control, connector.group, None)  # as one who deletes the record
    all_are("RUNNING", connector)
    site.wait_accepted(behind, within_s=WITHIN_S)
    site.wait_committed(connector, topic)
    assert connector.terminate() == 0
    assert "3725551234" not in connector.log.read_text("utf-8")


def write_setting(site: Site, control: str, group: str, value: bytes | None) -> None:
    """As another tool would."""
    site._producer.produce(control, value, group.encode(), partition=0)
    assert site._producer.flush(30) == 0


def test_a_control_topic_that_is_of_no_use_ends_the_start(alone: Alone) -> None:
    """Not compacted, not there: 78. No right to read: 77. No right to write: it starts, and a pause is refused."""
    site = alone.site
    topic, control = site.topic(), control_topic(site)
    deleted = site.kafka.create_topic(config={"cleanup.policy": "delete"})
    kafka = {**alone.cluster.login(), "session_timeout_s": 6.0}

    def connector(control: str) -> Connector:
        made = site.connector(topic, settings={"kafka": kafka, "control": {"topic": control}})
        alone.cluster.grant(
            read(topic.name),
            join(made.group),
            write(site.letters.topic),
            describe_configs(deleted),
            read(deleted),
        )
        return made

    forgets = connector(deleted)
    assert forgets.why() == (
        f"control.topic {deleted} is not only compacted (cleanup.policy=delete): it would forget a pause, and who starts "
        "then would send. Set cleanup.policy=compact."
    )
    denied = connector(control)
    assert denied.why(77) == (
        f"Kafka does not allow this user: Read on topic {control}. Grant this right (an ACL)."
    )
    alone.cluster.grant(read(control), read("no-control"))
    assert connector("no-control").why() == (
        "topic does not exist: no-control. Create it (cleanup.policy=compact), or correct its name."
    )
    denied.begin_and_join()
    assert {line["topic"] for line in denied.events("control.policy_unknown")} == {control}
    answer = httpx.put(f"{denied.admin_url}/connectors/{NAME}/pause", timeout=60)
    assert answer.status_code == 503
    assert "Nothing has changed" in json.loads(answer.text)["message"], answer.text
    assert state(denied) == "RUNNING"
    assert denied.terminate() == 0


def test_a_paused_group_does_not_begin_to_send_because_a_process_cannot_read(alone: Alone) -> None:
    """The brokers are away when it starts: it is starting, and says why; when they are back it is paused."""
    site = alone.site
    control, topic = control_topic(site), site.topic()
    connector = site.connector(topic, settings=settings(control, "pod-0"))
    connector.begin_and_join()
    put(connector, "pause")
    all_are("PAUSED", connector)
    assert connector.terminate() == 0
    one = site.message(topic)
    alone.cluster.stop(1)
    try:
        connector.begin()
        eventually(
            lambda: connector.ready()[0] == 503 and control in str(connector.ready()), WITHIN_S, "the reason"
        )
    finally:
        alone.cluster.start(1)
    all_are("PAUSED", connector)
    eventually(lambda: partitions(connector) == [(0, "manual")], WITHIN_S, "its partition")
    assert site.requests(one) == []
    put(connector, "resume")
    site.wait_accepted(one, within_s=WITHIN_S)
    assert connector.terminate() == 0
