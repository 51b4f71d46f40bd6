"""The polling thread as a greenlet: it runs until a real thread would block, then virtual time goes on.

`Runtime`'s parts for `KafkaSource`: a bridge, a flag and `spawn` that switch where the real ones wait.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import greenlet

from connector.adapters.kafka.protocols import Client, Command
from tests.simulation.kernel import Life, Process


class PollThread:
    """One thread of one process."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.commands: deque[Command] = deque()
        self.attention: Callable[[], None] = lambda: None
        """Called when there is a command or the flag is set; whoever blocks decides when it notices."""
        self._token = 0
        self._greenlet: greenlet.greenlet | None = None

    def spawn(self, function: Callable[[], None]) -> None:
        """Start it."""
        self._greenlet = greenlet.greenlet(function)
        self.process.after(0.0, self._greenlet.switch)

    def block(self, seconds: float) -> Any:
        """Wait to be woken, `seconds` at most; what it was woken with, None if by time. Called by the thread."""
        self._token += 1
        self.process.after(seconds, self._resume, self._token, None)
        assert self._greenlet is not None
        assert self._greenlet.parent is not None
        return self._greenlet.parent.switch()

    def waker(self) -> Callable[[Any], None]:
        """Wakes the next `block`, and none after it. Called by the thread before it blocks."""
        token = self._token + 1

        def wake(value: Any) -> None:
            self._resume(token, value)

        return wake

    def wake_at(self, when: float) -> None:
        """Let the `block` under way end then at the latest."""
        delay = max(0.0, when - self.process.kernel.now)
        self.process.after(delay, self._resume, self._token, None)

    def kill(self) -> None:
        """With its process: nothing that it was about to do is done."""
        assert self.process.life is Life.DEAD
        if self._greenlet is not None and self._greenlet:
            self._greenlet.throw()

    def _resume(self, token: int, value: Any) -> None:
        if token != self._token or self._greenlet is None:
            self.process.kernel.steps -= 1
            return
        self._token += 1
        self._greenlet.switch(value)


class SimBridge:
    """See `connector.adapters.kafka.bridge.Bridge`."""

    def __init__(self, thread: PollThread) -> None:
        self._thread = thread
        self._process = thread.process

    def enter(self) -> None:
        """There is only one thread."""

    def tell_loop(self, function: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Call it on the loop."""
        assert not kwargs
        self._process.loop.call_soon_threadsafe(function, *args)

    def ask_loop(self, question: Coroutine[Any, Any, None], bound_s: float, consumer: Client) -> bool:
        """Run it on the loop and wait, serving commands meanwhile."""
        thread, kernel = self._thread, self._process.kernel
        done: list[asyncio.Task[None]] = []
        started: list[asyncio.Task[None]] = []

        def start() -> None:
            task = self._process.loop.create_task(question)
            started.append(task)
            task.add_done_callback(ended)

        def ended(task: asyncio.Task[None]) -> None:
            done.append(task)
            thread.attention()

        self._process.loop.call_soon(start)
        ends = kernel.now + bound_s
        while not done:
            if kernel.now >= ends:
                self._process.loop.call_soon(started[0].cancel)
                return False
            if thread.commands:
                thread.commands.popleft()(consumer)
            else:
                thread.attention = partial(self._process.after, 0.0, thread.waker(), None)
                thread.block(ends - kernel.now)
                thread.attention = lambda: None
        done[0].result()
        return True

    def commands(self) -> Iterator[Command]:
        """What the loop has asked for."""
        while self._thread.commands:
            yield self._thread.commands.popleft()

    def tell_thread(self, command: Command) -> None:
        """To be done after the current poll."""
        self._thread.commands.append(command)
        self._thread.attention()


class SimFlag:
    """See `threading.Event`."""

    def __init__(self, thread: PollThread) -> None:
        self._thread = thread
        self._set = False

    def set(self) -> None:
        """Whoever waits is woken."""
        self._set = True
        self._thread.attention()

    def is_set(self) -> bool:
        """Whether it was."""
        return self._set

    def wait(self, timeout: float) -> bool:
        """Until it is set; called by the thread."""
        if not self._set:
            wake = self._thread.waker()
            self._thread.attention = partial(self._thread.process.after, 0.0, wake, None)
            self._thread.block(timeout)
            self._thread.attention = lambda: None
        return self._set
