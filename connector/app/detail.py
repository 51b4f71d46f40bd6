"""What a person asks who looks closer: which keys wait and why, what is in flight longest, who may not send yet.

Reads the pipeline, changes nothing. Order keys leave here as hashes only.
"""

from collections import Counter

from connector.core.dispatch import Slot
from connector.core.records import key_hash
from connector.core.status import (
    DETAIL_ROWS,
    BlockedKey,
    ChannelWait,
    CompanyPace,
    Detail,
    RequestInFlight,
)
from connector.pipeline import Pipeline
from connector.pipeline.work import Work
from connector.ports import Clock


def detail(pipeline: Pipeline, clock: Clock) -> Detail:
    """Now. Takes time in proportion to the keys in memory: some milliseconds for ten thousand."""
    now, to_wall = clock.monotonic(), clock.wall() - clock.monotonic()
    flying = [slot for slot, in_flight in pipeline.dispatch.slots() if in_flight]
    begun = ((slot, at) for slot, at in pipeline.dispatch.begun.items() if slot not in pipeline.blocked)
    oldest = next(begun, None)
    blocked = sorted(pipeline.blocked.items(), key=lambda item: item[1])[:DETAIL_ROWS]
    pacing = pipeline.gates.pacing
    waits = [
        ChannelWait(scope=scope, name=name, until_wall=until + to_wall)
        for (scope, name), until in pacing.closed(now).items()
    ]
    paces = [
        CompanyPace(company=name, started=used.started, limit=used.limit)
        for name, used in pacing.companies(now).items()
    ]
    clusters = (part.log.cluster_id for part in pipeline.partitions.values())
    return Detail(
        blocked=tuple(_blocked(slot, since, now, to_wall) for slot, since in blocked),
        oldest=None if oldest is None else _in_hand(*oldest, to_wall),
        in_flight=Counter((slot.tp.topic, slot.tp.partition) for slot in flying),
        waits=tuple(sorted(waits, key=lambda wait: -wait.until_wall)[:DETAIL_ROWS]),
        paces=tuple(sorted(paces, key=lambda pace: -pace.started / pace.limit)[:DETAIL_ROWS]),
        kafka_cluster=next(clusters, None) or None,
    )


def _blocked(slot: Slot[Work], since_wall: float, now: float, to_wall: float) -> BlockedKey:
    work, next_at = slot.head, slot.retry_at
    return BlockedKey(
        key_hash=key_hash(slot.key),
        topic=slot.tp.topic,
        partition=slot.tp.partition,
        offset=work.record.offset,
        since_wall=since_wall,
        reason=work.failed_with,
        attempts=work.tries,
        operation=work.request.operation,
        next_wall=next_at + to_wall if next_at is not None and next_at > now else None,
    )


def _in_hand(slot: Slot[Work], begun_at: float, to_wall: float) -> RequestInFlight:
    work = slot.head
    return RequestInFlight(
        topic=slot.tp.topic,
        partition=slot.tp.partition,
        offset=work.record.offset,
        since_wall=begun_at + to_wall,
        attempts=work.tries,
        operation=work.request.operation,
    )
