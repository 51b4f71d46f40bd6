"""Which order keys come from two partitions: between partitions there is no order, so their records may overtake each other.

A sample, as the keys of a day are too many to remember: one of `ONE_IN` is watched, chosen by its hash (the same ones in every
process), and of those only the ones seen last are remembered. What another process reads is not seen here.
Never here: order itself, which `dispatch` keeps for each partition on its own.
"""

from collections import OrderedDict
from zlib import crc32

from connector.core.records import OrderKey, TopicPartition, key_hash

ONE_IN = 16
REMEMBERED = 4096
"""Keys; less than a megabyte."""


class KeySample:
    """Where the watched keys were seen. Every call is O(1)."""

    __slots__ = ("_one_in", "_remembered", "_seen")

    def __init__(self, one_in: int = ONE_IN, remembered: int = REMEMBERED) -> None:
        self._one_in = one_in
        self._remembered = remembered
        self._seen: OrderedDict[str, TopicPartition | None] = OrderedDict()  # None: counted

    def strays(self, key: OrderKey, tp: TopicPartition) -> bool:
        """A record of this key came from `tp`. True once a key: when it was first seen in another partition.

        A channel's own key is looked at topic by topic: Front's settings and templates of a channel need no order between them.
        """
        if crc32("\0".join(key).encode("utf-8", "surrogatepass")) % self._one_in:
            return False
        hashed = key_hash((*key, tp.topic) if key[0] == "channel" else key)
        before = self._seen.get(hashed, tp)
        self._seen[hashed] = None if before != tp else tp
        self._seen.move_to_end(hashed)
        if len(self._seen) > self._remembered:
            self._seen.popitem(last=False)
        return before is not None and before != tp
