"""Whose turn it is among items of many partitions: topics take turns, in a topic partitions, in a partition items.

What has had its turn goes behind the others of its level, and so does what comes anew: nothing is passed over twice by the
same neighbour. What a partition has waiting therefore never delays another partition by more than a turn.
Never here: what an item is, whether it may start (`dispatch`).
"""

from collections import OrderedDict
from typing import Generic, TypeVar

from connector.core.records import TopicPartition

T = TypeVar("T")


class Turns(Generic[T]):
    """A queue that is fair between topics, partitions and items, which are hashable. Every call is O(1)."""

    __slots__ = ("_topics",)

    def __init__(self) -> None:
        # Ordered by whose turn it is, first to last; nothing empty is kept. Not dicts: to find the first entry of a dict
        # costs a step for every deleted one before it.
        self._topics: OrderedDict[str, OrderedDict[TopicPartition, OrderedDict[T, None]]] = OrderedDict()

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._topics)

    def add(self, tp: TopicPartition, item: T) -> None:
        """Queue an item behind those of its partition. It must not wait already."""
        partitions = self._topics.get(tp.topic)
        if partitions is None:
            partitions = self._topics[tp.topic] = OrderedDict()
        items = partitions.get(tp)
        if items is None:
            items = partitions[tp] = OrderedDict()
        assert item not in items, f"an item of {tp} waits already"
        items[item] = None

    def take(self) -> T:
        """Remove and return the next item. Something must wait."""
        topic, partitions = next(iter(self._topics.items()))
        tp, items = next(iter(partitions.items()))
        item = next(iter(items))
        self._topics.move_to_end(topic)
        partitions.move_to_end(tp)
        self.remove(tp, item)
        return item

    def remove(self, tp: TopicPartition, item: T) -> None:
        """Take an item out of its turn; it must wait. The others keep their places."""
        partitions = self._topics[tp.topic]
        items = partitions[tp]
        del items[item]
        if not items:
            del partitions[tp]
        if not partitions:
            del self._topics[tp.topic]
