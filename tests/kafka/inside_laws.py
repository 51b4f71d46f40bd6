"""Laws of delivery that hold whatever a test has done to the members of a group: judged when all have stopped.

What lives here: what Front saw, held against what the coordinator wrote down. Starts and stops nothing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from connector.core.offset_map import MAX_METADATA
from connector.core.records import TopicPartition
from tests.kafka.inside import Place, Request

CLOCK_S = 0.002
"""Brokers tell milliseconds."""


def check_laws(place: Place) -> None:
    """When all have stopped. Commits tell the truth and never fall; a key's requests come in order, one at a time."""
    history = place.history()
    accepted: dict[tuple[TopicPartition, int], float] = {}
    for request in place.front.requests:
        if request.accepted and request.ended is not None:
            accepted.setdefault((request.tp, request.offset), request.ended)
    records = [(place.tp(partition), offset) for partition, offset in place.written]
    for tp, commits in history.items():
        offsets = [commit.offset for commit in commits]
        assert offsets == sorted(offsets), f"{tp}: committed offsets fell"
        for commit in commits:
            assert commit.metadata.isascii()
            assert len(commit.metadata) <= MAX_METADATA
            lies = [
                offset
                for at, offset in records
                if at == tp
                and commit.covers(offset)
                and accepted.get((tp, offset), float("inf")) > commit.at + CLOCK_S
            ]
            assert not lies, f"{tp}: a commit covers {lies}, which nobody had accepted"
    _check_keys(place.front.requests, accepted)


def _check_keys(requests: Sequence[Request], accepted: Mapping[tuple[TopicPartition, int], float]) -> None:
    by_key: dict[tuple[TopicPartition, str], list[Request]] = defaultdict(list)
    for request in requests:
        by_key[request.tp, request.key].append(request)
    bodies: dict[tuple[TopicPartition, int], bytes] = {}
    for of_key in by_key.values():
        before: Request | None = None
        for request in of_key:
            assert bodies.setdefault((request.tp, request.offset), request.content) == request.content
            if before is not None:
                assert before.cut_off or (before.ended is not None and before.ended <= request.at), (
                    f"{request.tp}: two requests of {request.key} at once"
                )
                if request.offset > before.offset:
                    settled = accepted.get((request.tp, before.offset), float("inf"))
                    assert settled <= request.at, "its predecessor was open"
            before = request
