"""`/status.json`: everything that the status page shows, as one document, and the verdict in words at its head.

Times are Unix seconds. No payload, key, handle or URL is in it: keys are hashes, reasons are words of closed lists, the rest
coordinates, numbers, and names from the configuration.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final, Literal, TypeAlias

from connector.adapters.admin.loggers import shown
from connector.adapters.admin.sources import AdminSources
from connector.core.status import Detail, Snapshot, State

Tone: TypeAlias = Literal["good", "attention", "bad", "neutral"]

_STATES: Final[Mapping[State, tuple[Tone, str]]] = {
    "running": ("good", "Running"),
    "paused": ("attention", "Paused by an operator: nothing new is sent"),
    "starting": ("neutral", "Starting"),
    "draining": ("neutral", "Stopping: what is in flight is awaited"),
    "circuit_open": ("bad", "Front does not answer, or fails: nothing is sent but probes"),
    "held_auth": ("bad", "Held: Front refuses every app, and somebody has to act"),
    "failed": ("bad", "Failed: the process is about to end"),
}


def document(sources: AdminSources) -> dict[str, Any]:
    """The process at this instant."""
    now, detail, at = sources.snapshot(), sources.detail(), sources.now_wall()
    tone, headline, because = _verdict(now, at)
    return {
        "generated_at": at,
        "started_at": sources.started_wall,
        "name": sources.name,
        "instance": sources.instance,
        "state": now.state,
        "ready": now.ready,
        "verdict": {"tone": tone, "headline": headline, "because": because},
        "counts": _counts(now),
        "last_accepted_at": now.last_accepted_wall,
        "last_poll_at": now.last_poll_wall,
        "lease_remaining_s": now.lease_remaining_s,
        "oldest_in_flight": detail.oldest and asdict(detail.oldest),
        "partitions": _partitions(now, detail),
        "blocked_keys": [asdict(key) for key in detail.blocked],
        "holds": [asdict(hold) for hold in now.holds],
        "paused": now.paused and asdict(now.paused),
        "circuits": [asdict(circuit) for circuit in now.circuits],
        "pacing": {
            "waits": [asdict(wait) for wait in detail.waits],
            "companies": [asdict(pace) for pace in detail.paces],
        },
        "mappings": {
            "hash": now.mappings_hash,
            "since": now.mappings_since_wall,
            "reloads": [{"kind": kind, "successful": good} for kind, good in now.reloaded],
        },
        "config_hash": now.config_hash,
        "recent": list(sources.recent()),
        "loggers": {name: shown(level) for name, level in sources.levels.all.items()},
        "versions": asdict(sources.build),
    }


def _counts(now: Snapshot) -> dict[str, int]:
    lags = [part.lag for part in now.partitions]
    return {
        "partitions": len(now.partitions),
        "lag": sum(lag for lag in lags if lag is not None),
        "unsettled": sum(part.unsettled for part in now.partitions),
        "in_flight": now.in_flight,
        "queued": now.queued,
        "blocked_keys": now.blocked_keys,
        "channel_rows": now.channel_rows,
        "records_without_line": now.records_without_line,
        "schema_cache_entries": now.schema_cache_entries,
    }


def _partitions(now: Snapshot, detail: Detail) -> list[dict[str, Any]]:
    return [
        {
            "topic": part.topic,
            "partition": part.partition,
            "committed": part.committed,
            "position": part.position,
            "end": part.end,
            "lag": part.lag,
            "unsettled": part.unsettled,
            "in_flight": detail.in_flight.get((part.topic, part.partition), 0),
            "paused": part.paused_reason,
        }
        for part in sorted(now.partitions, key=lambda part: (part.topic, part.partition))
    ]


def _verdict(now: Snapshot, at: float) -> tuple[Tone, str, list[str]]:
    """One tone and headline, and the sentences that say why, the gravest first."""
    tone, headline = _STATES[now.state]
    because = [_sentence(reason) for reason in now.reasons]
    because += _why(now, at)
    if tone == "good" and because:
        tone, headline = "attention", "Running, and something waits"
    elif tone == "good" and not now.partitions:
        because = ["No partition is assigned to this process: others of the group have them all."]
    return tone, headline, because


def _why(now: Snapshot, at: float) -> Iterator[str]:
    if (pause := now.paused) is not None:
        words = pause.reason or "no reason was given"
        yield f"The pause began {age(at - pause.since_wall)} ago, through {pause.by}: {words}."
    if len(now.holds) == 1:
        (hold,) = now.holds
        what = hold.name if hold.scope == "dead_letter" else f"{hold.scope} {hold.name}"
        reason = hold.reason.replace("_", " ")
        yield f"The {what} is held ({reason}), for {age(at - hold.since_wall)}."
    elif now.holds:
        since = min(hold.since_wall for hold in now.holds)
        yield f"{len(now.holds):,} holds, the oldest for {age(at - since)}."
    open_now = [circuit for circuit in now.circuits if circuit.state != "closed"]
    if open_now and now.state != "circuit_open":
        yield f"The circuit of {', '.join(sorted(circuit.app for circuit in open_now))} is not closed."
    if now.blocked_keys:
        long = age(at - (now.oldest_blocked_wall or at))
        if now.blocked_keys == 1:
            yield f"1 key waits after a failure, for {long}."
        else:
            yield f"{now.blocked_keys:,} keys wait after a failure, the longest for {long}."
    paused = [part for part in now.partitions if part.paused_reason is not None]
    if paused:
        yield f"{_count(len(paused), 'partition')} paused."
    if now.records_without_line:
        waits = "waits" if now.records_without_line == 1 else "wait"
        yield f"{_count(now.records_without_line, 'record')} {waits} for a row of the channel directory."
    for kind, good in now.reloaded:
        if not good:
            yield f"The last reload ({kind}) was refused: what was there before is in use."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def age(seconds: float) -> str:
    """A length of time in its two largest units: `3 h 20 min`."""
    whole = max(0, int(seconds))
    for size, unit, smaller, sub in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit} {rest} {sub}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"
