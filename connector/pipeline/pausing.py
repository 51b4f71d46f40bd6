"""Whether an operator has paused this process: asked before anything begins.

What is under way ends (an attempt, a fetch of one file, a call of a mapper, a letter in writing); nothing new begins until
the pause is over. Polls, claims, commits, rebalances and stops do not ask.
"""

import asyncio


class Pausing:
    """Of the whole process; on the event loop."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self._over.set()

    @property
    def on(self) -> bool:
        """Nothing new begins."""
        return not self._over.is_set()

    def begin(self) -> None:
        """From now on."""
        self._over.clear()

    def end(self) -> None:
        """What has waited goes on, in later steps of the loop."""
        self._over.set()

    async def over(self) -> None:
        """Return when nothing is paused."""
        while self.on:
            await self._over.wait()
