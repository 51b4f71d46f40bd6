"""The consumer group protocol (KIP-848): the coordinator assigns, members reconcile one by one, by heartbeats.

A partition is given to its next owner when a heartbeat of the former one no longer names it. Each change of what a member
owns raises its epoch; a commit that carries an older one is answered 113.
"""

from tests.simulation.coordinator import OK, STALE_EPOCH, UNKNOWN_MEMBER, Group, Known, Member


class ConsumerGroup(Group):
    """See `coordinator.Group`."""

    group_epoch = 0

    def fences(self, known: Known, epoch: int) -> int:
        """By the member's own epoch."""
        return OK if epoch == known.epoch else STALE_EPOCH

    def join(self, client: Member, member_id: str | None) -> None:
        """Epoch 0: a new member, answered with what is free for it."""
        known, new = self._known(client, member_id)
        if new:
            self.rebalance()
        self.heartbeat(known.id, client)

    def heartbeat(self, member_id: str, client: Member) -> int:
        """Take back what it no longer holds, give what is free, and tell it what it owns."""
        known = self.members.get(member_id)
        if known is None:
            return UNKNOWN_MEMBER
        held = client.held
        returned = [tp for tp in known.current if tp not in known.target and tp not in held]
        for tp in returned:
            del known.current[tp]
        leaving = [tp for tp in known.current if tp not in known.target]
        free = (
            []
            if leaving  # first it must give these up
            else [tp for tp in known.target if tp not in known.current and self.owner(tp) is None]
        )
        known.current.update(dict.fromkeys(free))
        if returned or free or known.epoch == 0:
            self.group_epoch += 1
            known.epoch = self.group_epoch
        if returned:
            self._nudge(known)
        client.joined(known.id, known.epoch, [tp for tp in known.current if tp in known.target])
        return OK

    def rebalance(self) -> None:
        """New targets; every member hears of them by its next heartbeat."""
        members = list(self.members.values())
        if not members:
            return
        self._balanced(members, {known.id: list(known.current) for known in members})
        self._nudge(None)

    def _nudge(self, but: Known | None) -> None:
        for known in self.members.values():
            if known is not but and set(known.target) != set(known.current):
                known.client.poke()
