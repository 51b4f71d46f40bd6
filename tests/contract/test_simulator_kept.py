"""What a simulator keeps from run to run: everything that was accepted, its log and its keys, also after a kill."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.simulator.server import running
from connector.simulator.store import Store, StoreError
from tests.contract.test_simulator_client import FrontClient, Hands, call, inbound, small_world

MESSAGES = "/channels/cha_1/inbound_messages"
OUTBOUND = {"to": [{"handle": "a"}], "body": "x"}
TEMPLATE = {
    "external_id": "tpl",
    "name": "n",
    "blurb": "b",
    "is_disabled": False,
    "status_name": "PENDING",
    "variable_mappings": [],
    "template_preview": "p",
}


@contextmanager
def kept(path: Path, hands: Hands) -> Iterator[FrontClient]:
    with running(small_world(), clock=hands.clock(), keep=path) as simulator:
        client = FrontClient(simulator.base_url, hands)
        try:
            yield client
        finally:
            client.http.close()


def fill(front: FrontClient) -> None:
    """One of everything."""
    front.control("POST", "/_sim/channels", {"id": "cha_new", "company": "initech", "aliases": ["new@x"]})
    front.message("m-1", "room-1")
    form = {
        "sender[handle]": "v",
        "body": "b",
        "metadata[external_id]": "m-2",
        "metadata[external_conversation_id]": "room-2",
    }
    front.send("POST", MESSAGES, data=form, files={"attachments[]": ("a.png", b"picture", "image/png")})
    metadata = {"external_id": "m-3", "external_conversation_id": "room-3"}
    front.send("POST", "/channels/cha_1/outbound_messages", json={**OUTBOUND, "metadata": metadata})
    front.message("m-4", "room-4")
    front.send(
        "PUT",
        "/channels/cha_1/conversations/room-3/messages/m-3/status",
        json={"status": "failed", "reason": "dead"},
    )
    for name in ("leg-1", "leg-2"):
        front.send("POST", "/channels/cha_1/calls", json=call(name))
    front.send("PATCH", "/channels/cha_1/calls/leg-1", json={"call_status": "connected"})
    front.send(
        "POST",
        "/channels/cha_1/calls/leg-1/recording",
        data={"recording_type": "call"},
        files={"attachments": ("a.mp3", b"sound", "audio/mpeg")},
    )
    front.send("PUT", "/channels/cha_1/application_message_templates", json=TEMPLATE)
    front.send("PATCH", "/channels/cha_1", json={"status": "offline"})
    front.send("POST", MESSAGES, json={})
    front.message("m-5", channel="cha_new")


def shown(front: FrontClient) -> dict[str, Any]:
    """All that the control routes tell."""
    paths = ("/_sim/accepted", "/_sim/requests?after=0&limit=1000", "/_sim/summary", "/_sim/world")
    found: dict[str, Any] = {path: front.control("GET", path) for path in paths}
    found["/_sim/summary"].pop("in_flight_peak")
    return found


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    """Conversations in their order, calls, templates, files, channels, counts and the log: all as before."""
    hands = Hands()
    with kept(tmp_path / "front.sqlite", hands) as front:
        fill(front)
        before = shown(front)
    with kept(tmp_path / "front.sqlite", hands) as front:
        after = shown(front)
        assert after == before
        assert list(front.inbox()["conversations"]) == ["room-1", "room-2", "room-4", "room-3"]
        (message,) = front.inbox()["conversations"]["room-2"]
        assert front.http.get(message["files"][0]["url"]).content == b"picture"


def test_a_restart_still_knows_what_it_has(tmp_path: Path) -> None:
    """A repeat is dropped, a uid is new and found, a call goes on, numbers go on."""
    hands = Hands()
    with kept(tmp_path / "front.sqlite", hands) as front:
        fill(front)
        uid = front.message("m-6", "room-6").json()["message_uid"]
        arrived = len(front.log())
    with kept(tmp_path / "front.sqlite", hands) as front:
        front._jtis = iter(range(1_000, 2_000))
        again = front.message("m-6", "room-6")
        assert front.log()[-1]["remark"] == "duplicate dropped"
        assert front.log()[-1]["seq"] == arrived + 1
        assert again.json()["message_uid"] != uid
        assert front.send("GET", f"/messages/alt:uid:{uid}").status_code == 200
        ended = front.send("PATCH", "/channels/cha_1/calls/leg-1", json={"call_status": "hangup"})
        assert ended.status_code == 202
        assert front.inbox()["calls"]["leg-1"]["status"] == "hangup"
        by_alias = front.send(
            "POST",
            "/channels/alt:address:new@x/inbound_messages",
            json=inbound("m-9"),
            token=front.token("cha_new"),
        )
        assert by_alias.status_code == 202


def test_a_new_start_forgets_for_good(tmp_path: Path) -> None:
    """DELETE /_sim is not undone by a restart."""
    hands = Hands()
    with kept(tmp_path / "front.sqlite", hands) as front:
        fill(front)
        front.control("DELETE", "/_sim")
    with kept(tmp_path / "front.sqlite", hands) as front:
        assert front.control("GET", "/_sim/accepted") == {"companies": {}}
        assert front.control("GET", "/_sim/summary")["arrived"] == 0
    assert list((tmp_path / "front.sqlite.files").iterdir()) == []


def test_a_killed_simulator_knows_what_it_answered(tmp_path: Path) -> None:
    """Written before the answer went out: SIGKILL right after it takes nothing away."""
    path = tmp_path / "front.sqlite"
    program = (
        "from pathlib import Path; from connector.simulator.server import run;"
        f"run('127.0.0.1', 0, keep=Path({str(path)!r}), announce=lambda url: print(url, flush=True))"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            front = FrontClient(url, Hands())
            front.control("PATCH", "/_sim/switches", {"static_token": "open"})
            for number in range(20):
                path_ = "/channels/cha_any/inbound_messages"
                assert front.send("POST", path_, json=inbound(f"m-{number}"), token="open").status_code == 202
            front.http.close()
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    with running(small_world(), keep=path) as simulator:
        front = FrontClient(simulator.base_url, Hands())
        (messages,) = front.inbox("cha_any")["conversations"].values()
        assert [one["external_id"] for one in messages] == [f"m-{number}" for number in range(20)]
        assert len(front.log()) == 20
        front.http.close()


def test_a_request_that_was_lost_with_the_process_leaves_its_number(tmp_path: Path) -> None:
    """A gap in the log is filled by an entry that says so, since numbers count arrivals."""
    hands = Hands()
    path = tmp_path / "front.sqlite"
    with kept(path, hands) as front:
        for number in range(3):
            front.message(f"m-{number}")
    store = Store(path)
    store._database.execute("DELETE FROM requests WHERE seq = 2")
    store.close()
    with kept(path, hands) as front:
        assert [(one["seq"], one["status"]) for one in front.log()] == [(1, 202), (2, "gone"), (3, 202)]
        assert front.log()[1]["remark"] == "under way when the simulator was killed"


def test_a_file_that_is_held_or_no_store_is_refused(tmp_path: Path) -> None:
    """With its name, and what to do."""
    path = tmp_path / "front.sqlite"
    store = Store(path)
    with pytest.raises(StoreError, match=r"front\.sqlite: cannot be used: .*; name another file, or stop"):
        Store(path)
    store.close()
    (tmp_path / "other").write_text("this is no database, whatever its name may say" * 10)
    with pytest.raises(StoreError, match="other: cannot be used"):
        Store(tmp_path / "other")
    newer = Store(tmp_path / "newer")
    newer._database.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(StoreError, match="newer: written by another version of the simulator"):
        Store(tmp_path / "newer")


def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    """A full disk is a 500 for the requests of the moment; what they brought is not forgotten when there is room again."""
    hands = Hands()
    path = tmp_path / "front.sqlite"
    with running(small_world(), clock=hands.clock(), keep=path) as simulator:
        front = FrontClient(simulator.base_url, hands)
        store = simulator.state._store
        assert store is not None
        pages = store._database.execute("PRAGMA page_count").fetchone()[0]
        store._database.execute(f"PRAGMA max_page_count={pages}")
        statuses = [
            front.send("POST", MESSAGES, json=inbound(f"m-{n}", body="x" * 9_000)).status_code
            for n in range(3)
        ]
        assert 500 in statuses
        store._database.execute("PRAGMA max_page_count=100000")
        assert front.message("m-9").status_code == 202
        front.http.close()
    with kept(path, hands) as front:
        names = [one["external_id"] for one in front.inbox()["conversations"]["room-1"]]
        assert names == ["m-0", "m-1", "m-2", "m-9"]
