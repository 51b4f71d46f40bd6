"""Kafka Connect's API as it is served on loopback: what each route answers, in which words, and what is refused how.

That clients written for Connect read it is proven in tests/contract/test_connect_clients.py.
"""

from collections.abc import AsyncIterator

import pytest

from connector.adapters.admin.refusals import ELSEWHERE
from connector.core.status import Detail, State
from tests.unit.admin_stage import NAME, RUNNING, Desk

ONE = f"/connectors/{NAME}"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.listener.start()
    yield desk
    await desk.listener.close()


async def test_the_root_names_version_revision_and_cluster(desk: Desk) -> None:
    """Before the first assignment no cluster is known: null, as with a worker that does not know its own."""
    assert await desk.get("/") == {"version": "1.2.3", "commit": "abc", "kafka_cluster_id": "cluster-1"}
    desk.detail = Detail()
    assert (await desk.get("/"))["kafka_cluster_id"] is None


async def test_connectors_are_listed_and_expanded(desk: Desk) -> None:
    """Both expansions may be asked for at once; one that Connect does not know is ignored, as there."""
    assert await desk.get("/connectors") == [NAME]
    assert await desk.get("/connectors?expand=colour") == [NAME]
    both = (await desk.get("/connectors?expand=status&expand=info"))[NAME]
    assert both == {"status": await desk.get(f"{ONE}/status"), "info": await desk.get(ONE)}


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("running", "RUNNING"),
        ("circuit_open", "RUNNING"),
        ("paused", "PAUSED"),
        ("starting", "UNASSIGNED"),
        ("draining", "UNASSIGNED"),
        ("held_auth", "FAILED"),
        ("failed", "FAILED"),
    ],
)
async def test_every_state_has_a_word_of_connects(desk: Desk, state: State, shown: str) -> None:
    """FAILED where somebody has to act, with the reasons as its trace; an outage of Front is none of those."""
    desk.be(state=state, reasons=("why it is so",))
    status = await desk.get(f"{ONE}/status")
    own = {"state": shown, "worker_id": "pod-1"} | ({"trace": "why it is so"} if shown == "FAILED" else {})
    assert status == {"name": NAME, "connector": own, "tasks": [{"id": 0, **own}], "type": "sink"}
    assert await desk.get(f"{ONE}/tasks/0/status") == {"id": 0, **own}


async def test_a_failure_without_reasons_still_has_a_trace(desk: Desk) -> None:
    """Clients print it."""
    desk.be(state="failed")
    assert (await desk.get(f"{ONE}/status"))["connector"]["trace"] == "failed"


async def test_the_configuration_is_flat_text(desk: Desk) -> None:
    """Ours by dotted names, beside what every connector has."""
    assert await desk.get(f"{ONE}/config") == {
        "kafka.group_id": "front",
        "front.apps.main.secret": "**********",
        "name": NAME,
        "connector.class": "front-connector",
        "tasks.max": "1",
        "topics": "calls,chat",
    }


async def test_offsets_are_a_sinks_and_only_committed_ones(desk: Desk) -> None:
    """In order; 0 is an offset, and a partition that holds none is left out."""
    calls = [{"kafka_topic": "calls", "kafka_partition": number} for number in (0, 1)]
    assert await desk.get(f"{ONE}/offsets") == {
        "offsets": [
            {"partition": calls[0], "offset": {"kafka_offset": 0}},
            {"partition": calls[1], "offset": {"kafka_offset": 5}},
        ]
    }


async def test_topics_and_tasks(desk: Desk) -> None:
    """One task, with the connector's configuration."""
    assert await desk.get(f"{ONE}/topics") == {NAME: {"topics": ["calls", "chat"]}}
    (task,) = await desk.get(f"{ONE}/tasks")
    assert task == {"id": {"connector": NAME, "task": 0}, "config": await desk.get(f"{ONE}/config")}


@pytest.mark.parametrize(
    ("state", "ready", "status", "word"),
    [
        ("running", True, 200, "healthy"),
        ("starting", False, 503, "starting"),
        ("draining", False, 503, "stopping"),
        ("held_auth", False, 500, "unhealthy"),
    ],
)
async def test_health_is_asked_as_of_a_worker(
    desk: Desk, state: State, ready: bool, status: int, word: str
) -> None:
    """KIP-1017's codes."""
    desk.be(state=state, ready=ready)
    answer = await desk.ask("GET", "/health")
    assert (answer.status_code, answer.json()["status"]) == (status, word)


@pytest.mark.parametrize("path", ["/connectors/other", "/connectors/other/status", f"{ONE}/tasks/1/status"])
async def test_who_is_not_here_is_404_with_who_is(desk: Desk, path: str) -> None:
    """In Connect's shape."""
    answer = await desk.ask("GET", path)
    assert (answer.status_code, answer.json()["error_code"]) == (404, 404)
    assert NAME in answer.json()["message"]


@pytest.mark.parametrize("entry", ELSEWHERE, ids=lambda entry: entry.path)
async def test_each_change_that_connect_knows_is_refused_with_what_to_do(desk: Desk, entry: object) -> None:
    """Of the whole table: the code, the sentence, and what the path does allow."""
    for row in (entry,):
        assert isinstance(row, type(ELSEWHERE[0]))
        path = row.path.replace("(/tasks/[^/]+)?", "/tasks/0")
        path = path.replace("[^/]+", NAME)
        for method in row.methods:
            answer = await desk.ask(method, path)
            assert answer.json() == {"error_code": row.status, "message": row.instead}
            assert answer.status_code == row.status
            reads = (await desk.ask("GET", path)).status_code == 200
            assert answer.headers["allow"] == ("GET, HEAD" if reads else "")
    assert await desk.get(f"{ONE}/status")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_any_other_method_is_405_with_what_is_allowed(desk: Desk, method: str) -> None:
    """No CORS either: OPTIONS is a method like the others, and no answer allows an origin."""
    answer = await desk.ask(method, f"{ONE}/status")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json() == {"error_code": 405, "message": "Here it is only read: use GET."}
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_slash_at_the_end_changes_nothing_and_head_has_no_body(desk: Desk) -> None:
    """Clients are not of one mind about either."""
    assert await desk.get("/connectors/") == [NAME]
    head = await desk.ask("HEAD", f"{ONE}/status")
    assert (head.status_code, head.content) == (200, b"")


async def test_a_defect_of_ours_shows_nothing_of_itself(desk: Desk) -> None:
    """Its text may quote anything; the log has the place, and the next request is answered."""
    desk.snapshot = None  # type: ignore[assignment]
    answer = await desk.ask("GET", f"{ONE}/offsets")
    assert (answer.status_code, answer.json()["error_code"]) == (500, 500)
    assert "NoneType" not in answer.text
    assert any("desk.py" in line for line in desk.said("library.log")[0]["stack"])
    desk.snapshot = RUNNING
    assert await desk.get(f"{ONE}/offsets")
