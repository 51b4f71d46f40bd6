"""The classic group protocol with cooperative-sticky assignment: a rebalance is a barrier that all members must reach.

Partitions that move are first taken from their owner, which joins again when it has given them up; the second rebalance
gives them to the next. Sources: KIP-429; GroupCoordinator's states Stable, PreparingRebalance, CompletingRebalance.
"""

from typing import Literal

from tests.simulation.coordinator import (
    ILLEGAL_GENERATION,
    OK,
    REBALANCING,
    UNKNOWN_MEMBER,
    Group,
    Known,
    Member,
)


class ClassicGroup(Group):
    """See `coordinator.Group`."""

    phase: Literal["stable", "preparing", "completing"] = "stable"
    generation = 0
    _round = 0

    def fences(self, known: Known, epoch: int) -> int:
        """Generation first, then the state: while members synchronise nobody may commit."""
        if epoch != self.generation:
            return ILLEGAL_GENERATION
        return REBALANCING if self.phase == "completing" else OK

    def join(self, client: Member, member_id: str | None) -> None:
        """The join that completes the barrier ends it."""
        known, _ = self._known(client, member_id)
        if self.phase != "preparing":
            self.rebalance()
        known.joined = True
        self._perhaps_complete()

    def heartbeat(self, member_id: str, client: Member) -> int:
        """25 to a stranger, 27 during a rebalance."""
        known = self.members.get(member_id)
        if known is None:
            return UNKNOWN_MEMBER
        return REBALANCING if self.phase == "preparing" and not known.joined else OK

    def rebalance(self) -> None:
        """Everybody must join again."""
        if not self.members:
            self.phase = "stable"
            return
        if self.phase == "preparing":
            self._perhaps_complete()
            return
        self.phase = "preparing"
        self._round += 1
        for known in self.members.values():
            known.joined = False
            known.client.poke()
        self.kernel.after(self.times.rebalance, self._too_late, self._round)

    def _too_late(self, number: int) -> None:
        if self.phase == "preparing" and number == self._round:
            for known in [known for known in self.members.values() if not known.joined]:
                self.kernel.trace("coordinator", f"{known.id} expelled: did not join in time")
                del self.members[known.id]
            self._perhaps_complete()

    def _perhaps_complete(self) -> None:
        if self.phase == "preparing" and all(known.joined for known in self.members.values()):
            self.kernel.after(self.random.uniform(0.001, 0.1), self._complete, self._round)

    def _complete(self, number: int) -> None:
        members = list(self.members.values())
        if number != self._round or self.phase != "preparing" or not all(known.joined for known in members):
            return
        if not members:
            self.phase = "stable"
            return
        self.phase = "completing"
        self.generation += 1
        held = {known.id: list(known.client.held) for known in members}
        self._balanced(members, held)
        for known in members:
            others = {tp for other in members if other is not known for tp in held[other.id]}
            given = [tp for tp in known.target if tp not in others]
            known.epoch = self.generation
            known.current = dict.fromkeys(given)
            self.kernel.after(
                self.random.uniform(0.002, 0.05), known.client.joined, known.id, self.generation, given
            )
        self.kernel.after(self.random.uniform(0.002, 0.06), self._stable, self._round)

    def _stable(self, number: int) -> None:
        if number == self._round and self.phase == "completing":
            self.phase = "stable"
