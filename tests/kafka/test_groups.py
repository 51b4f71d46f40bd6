"""Partitions that change hands, on a real broker and under both group protocols: nothing lost, repeated or out of order.

Members are real consumers and pipelines in this process; Front is scripted, so that what is in flight is known.
"""

import pytest

from connector.core.answers import Answered
from tests.kafka.inside import Front, Place, Request, Told, check_laws, until
from tests.kafka.member import PROTOCOLS, Protocol
from tests.support.guarded import GuardedCluster

pytestmark = [
    pytest.mark.kafka(java=True),
    pytest.mark.timeout(120),
    pytest.mark.parametrize("protocol", PROTOCOLS),
]


async def test_reb_11_the_next_owner_does_not_send_what_the_map_calls_settled(
    guarded_cluster: GuardedCluster, protocol: Protocol
) -> None:
    """0-2, 4, 6 and 7 are settled and told, 3 and 5 go on failing: their heir sends 3, 5 and what is new."""
    place = Place(guarded_cluster)
    place.front.script = lambda request: Answered(503 if request.offset in {3, 5} else 202)
    place.write(*(f"k{number}" for number in range(8)))
    async with place.member(protocol) as first, place.member(protocol) as second:
        await until(lambda: bool(first.owned or second.owned), "an owner")
        owner, heir = (first, second) if first.owned else (second, first)
        await until(
            lambda: place.committed() == Told(3, released=False, settled=frozenset({4, 6, 7})), "the map"
        )
        await owner.stop()
        place.front.script = lambda _request: Answered(202)
        place.write("k8", "k9")
        await until(lambda: place.committed().offset == 10, "the end")
        assert sorted(request.offset for request in place.front.of(heir)) == [3, 5, 8, 9]
    check_laws(place)
