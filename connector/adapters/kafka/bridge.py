"""The one crossing between the polling thread and the event loop. It refuses the wrong side.

librdkafka runs its callbacks in the thread that polls; nothing there may touch the loop but through here.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec

from connector.adapters.kafka.protocols import Client, Command

P = ParamSpec("P")


class Bridge:
    """Made on the loop; the polling thread calls `enter` first."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread: int | None = None
        self._commands: SimpleQueue[Command] = SimpleQueue()

    # --- the polling thread's side ---------------------------------------------------------------------------

    def enter(self) -> None:
        """The calling thread is the polling thread from now on."""
        self._thread = threading.get_ident()

    def tell_loop(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `function` on the loop, in the order of these calls. Does not wait. A loop that has ended hears nothing."""
        self._check_thread()
        assert not kwargs, "call_soon_threadsafe passes positional arguments only"
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            assert self._loop.is_closed()

    def ask_loop(self, question: Coroutine[Any, Any, None], bound_s: float, consumer: Client) -> bool:
        """Run a coroutine on the loop and wait for it, doing meanwhile what the loop asks for (its commits, above all).

        False when it had not ended after `bound_s`.
        """
        self._check_thread()
        if not self._loop.is_running():
            question.close()
            return False
        future = asyncio.run_coroutine_threadsafe(question, self._loop)
        ends = time.monotonic() + bound_s
        while not future.done():
            if time.monotonic() >= ends:
                future.cancel()
                return False
            try:
                self._commands.get(timeout=0.02)(consumer)
            except Empty:
                continue
        future.result()
        return True

    def commands(self) -> Iterator[Command]:
        """What the loop has asked for since the last call."""
        self._check_thread()
        while True:
            try:
                yield self._commands.get_nowait()
            except Empty:
                return

    def _check_thread(self) -> None:
        assert threading.get_ident() == self._thread, "only the polling thread may call this"

    # --- the loop's side -------------------------------------------------------------------------------------

    def tell_thread(self, command: Command) -> None:
        """Have something done to the consumer after its current poll."""
        assert threading.get_ident() != self._thread, "the polling thread acts on its consumer itself"
        self._commands.put(command)
