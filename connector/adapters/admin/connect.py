"""This process, told in the words of Kafka Connect's REST API (KIP-26, KIP-465, KIP-558, KIP-875), for its clients to read.

One process is a worker with one sink connector, and the connector has one task: the process itself. Another process of the
group knows its own partitions, and is asked itself. Never here: routes and HTTP (`desk`), what is refused (`refusals`).
"""

from collections.abc import Mapping
from typing import Any, Final

from connector.adapters.admin.sources import AdminSources
from connector.core.status import Detail, Snapshot, State

TASK: Final = 0
CLASS: Final = "front-connector"
_STATES: Final[Mapping[State, str]] = {
    "running": "RUNNING",
    "circuit_open": "RUNNING",  # an outage of Front ends by itself, and a restart would not end it
    "paused": "PAUSED",
    "starting": "UNASSIGNED",
    "draining": "UNASSIGNED",
    "held_auth": "FAILED",  # nothing is sent until somebody acts
    "failed": "FAILED",
}


def worker(sources: AdminSources, detail: Detail) -> dict[str, Any]:
    """`/`"""
    build = sources.build
    return {"version": build.version, "commit": build.revision, "kafka_cluster_id": detail.kafka_cluster}


def plugins(sources: AdminSources) -> list[dict[str, str]]:
    """`/connector-plugins`"""
    return [{"class": CLASS, "type": "sink", "version": sources.build.version}]


def connectors(sources: AdminSources, now: Snapshot, expand: list[str]) -> list[str] | dict[str, Any]:
    """`/connectors`: names, or by name what `expand` asks for."""
    parts: dict[str, Any] = {}
    if "status" in expand:
        parts["status"] = status(sources, now)
    if "info" in expand:
        parts["info"] = info(sources)
    return {sources.name: parts} if parts else [sources.name]


def info(sources: AdminSources) -> dict[str, Any]:
    """`/connectors/{name}`"""
    return {
        "name": sources.name,
        "config": config(sources),
        "tasks": [{"connector": sources.name, "task": TASK}],
        "type": "sink",
    }


def config(sources: AdminSources) -> dict[str, str]:
    """`…/config`: texts only, as Connect's are; what every connector there has, and our settings by their names."""
    every = {
        "name": sources.name,
        "connector.class": CLASS,
        "tasks.max": "1",
        "topics": ",".join(sources.topics),
    }
    return {**sources.settings, **every}


def status(sources: AdminSources, now: Snapshot) -> dict[str, Any]:
    """`…/status`"""
    own = _state(sources, now)
    return {"name": sources.name, "connector": own, "tasks": [{"id": TASK, **own}], "type": "sink"}


def task_status(sources: AdminSources, now: Snapshot) -> dict[str, Any]:
    """`…/tasks/0/status`"""
    return {"id": TASK, **_state(sources, now)}


def tasks(sources: AdminSources) -> list[dict[str, Any]]:
    """`…/tasks`"""
    return [{"id": {"connector": sources.name, "task": TASK}, "config": config(sources)}]


def topics(sources: AdminSources) -> dict[str, Any]:
    """`…/topics`: those that the mapping files name."""
    return {sources.name: {"topics": list(sources.topics)}}


def offsets(now: Snapshot) -> dict[str, Any]:
    """`…/offsets`: of this process's partitions that have one; the next record to read, as committed."""
    return {
        "offsets": [
            {
                "partition": {"kafka_topic": part.topic, "kafka_partition": part.partition},
                "offset": {"kafka_offset": part.committed},
            }
            for part in sorted(now.partitions, key=lambda part: (part.topic, part.partition))
            if part.committed is not None
        ]
    }


def health(now: Snapshot) -> tuple[int, dict[str, str]]:
    """`/health` (KIP-1017): 503 while starting, 500 when somebody has to act."""
    if now.ready:
        return 200, {"status": "healthy", "message": "Ready; /status tells what waits."}
    said = "; ".join(now.reasons) or now.state
    if now.state in ("held_auth", "failed"):
        return 500, {"status": "unhealthy", "message": said}
    return 503, {"status": "starting" if now.state == "starting" else "stopping", "message": said}


def _state(sources: AdminSources, now: Snapshot) -> dict[str, str]:
    state = _STATES[now.state]
    trace = {"trace": "; ".join(now.reasons) or now.state} if state == "FAILED" else {}
    return {"state": state, "worker_id": sources.instance, **trace}
