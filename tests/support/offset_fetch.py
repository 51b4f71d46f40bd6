"""The request OffsetFetch as librdkafka writes it, answered by a test in the coordinator's place.

What lives here: version 9, for one group. Source: Kafka protocol guide, OffsetFetch; KIP-709, KIP-848.
"""

import struct

from tests.support.offset_commit import Reader, varint
from tests.support.wire import Request


def refusal(request: Request, error: int) -> bytes:
    """The answer that gives the group this error, and no offsets."""
    assert request.version in {8, 9}, f"OffsetFetch version {request.version} is not known here"
    body = Reader(request.body)
    body.varint()  # the header's tags
    assert body.varint() == 2, "a question about one group"
    group = body.text()
    assert group is not None
    named = varint(len(group) + 1) + group
    # The header's tags, throttle time, one group: no topics, the error, tags.
    return b"\0" + struct.pack(">i", 0) + varint(2) + named + varint(1) + struct.pack(">h", error) + b"\0\0"
