"""What all trials share: the run's requests, its items, and what was found out so far.

Findings are kept as they come, so that a run that ends early still tells them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from connector.core.answers import Answered
from connector.workbench.probe.asking import Asker
from connector.workbench.probe.deciding import TAKEN, json_of, no_route
from connector.workbench.probe.findings import Finding, Measured, NotDecidable, Otherwise
from connector.workbench.probe.items import Items


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look-up said: there or not; None: nothing. `files`: how many it shows, if it shows such a list."""

    there: bool | None
    id: str | None = None
    files: int | None = None
    forbidden: bool = False


@dataclass(slots=True)
class Trial:
    """One run."""

    asker: Asker
    items: Items
    found: dict[str, Finding] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    """That may have been created and have not ended."""
    messages: int = 0
    """That Front took: they stay."""
    known_within_s: float | None = None
    """After so long a look-up knew a message; None: never, or it is not allowed."""

    def undecided(self, switches: Iterable[str], why: str) -> None:
        """Nothing can be said of these, unless it was said already."""
        for switch in switches:
            self.found.setdefault(switch, NotDecidable(why))

    async def look(self, uid: str) -> Looked:
        """Look a message up by its uid; asked again where there is no usable answer."""
        for _ in range(2):
            # Explicitly with the usual token: a 401 here may be for want of a scope, and says nothing of tokens.
            answer = await self.asker.ask(self.items.look_up(uid), self.asker.usual_token)
            self.asker.expect(answer, (200, 401, 403, 404))
            if not isinstance(answer, Answered):
                continue
            body = json_of(answer)
            if answer.status == 200 and isinstance(body, dict) and isinstance(body.get("id"), str):
                files = body.get("attachments")
                return Looked(
                    there=True, id=body["id"], files=len(files) if isinstance(files, list) else None
                )
            if answer.status == 404 and not no_route(answer):
                return Looked(there=False)
            if answer.status in (401, 403):
                return Looked(there=None, forbidden=True)
        return Looked(there=None)

    async def look_again(self, uid: str) -> Looked:
        """Look up a message that was there before: not to find it has no reason."""
        looked = await self.look(uid)
        if looked.there is False:
            self.asker.for_no_reason.add(404)
        return looked


def only_if(sound: bool, finding: Finding, why: str) -> Finding:
    """A finding that rests on what was taken; nothing, if Front also takes what it must refuse."""
    by_taking = isinstance(finding, Measured | Otherwise) and bool(finding.rests_on & TAKEN)
    return finding if sound or not by_taking else NotDecidable(why)
