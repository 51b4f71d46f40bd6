"""Which of an app's secrets a token is made with, while one takes the other's place.

A secret changes at Front and in its file, never in the same moment: Front may still know only the former one, or already
only the next. So the former stays for a while, and a 401 lets its channel's next attempt be made with the other. What is
accepted that way is the app's from then on. Tried for one channel only, so that a channel that is refused for another
reason disturbs no other; never in a circle, as each attempt is somebody else's decision. Logs nothing, shows no secret.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeAlias

OVERLAP_S: Final = 3600.0
"""For so long after a rotation the former secret may be taken up; in use, it stays until it is refused."""

Which: TypeAlias = Literal["newest", "former"]


class Secret(Protocol):
    """Where a secret comes from: fixed, or a watched file."""

    def value(self) -> str:
        """The secret as it is now."""

    def refresh(self) -> None:
        """It was refused: look again at once for a newer one."""


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One secret, told apart from others by being itself."""

    value: str = field(repr=False)


class RotationObserver(Protocol):
    """Hears what becomes of attempts with the other secret."""

    def other_secret(self, app: str, which: Which, *, accepted: bool) -> None:
        """After a 401 another secret of the app was tried. Accepted, it is the one in use from now on."""


class Rotation:
    """The secrets of one app that may be right. `monotonic` gives seconds."""

    def __init__(
        self,
        app: str,
        secret: Secret,
        monotonic: Callable[[], float],
        observer: RotationObserver,
        overlap_s: float = OVERLAP_S,
    ) -> None:
        self._app = app
        self._secret = secret
        self._monotonic = monotonic
        self._observer = observer
        self._overlap_s = overlap_s
        self._newest = self._in_use = Key(secret.value())
        self._former: Key | None = None
        self._accepted: Key | None = None
        self._rotated_at = 0.0
        self._trials: dict[str, Key] = {}

    def key(self, channel: str) -> Key:
        """What to make the next token of this channel with."""
        self._look()
        return self._trials.get(channel, self._in_use) if self._trials else self._in_use

    def refresh(self) -> None:
        """Look for a newer secret now."""
        self._secret.refresh()
        self._look()

    def accepted(self, channel: str, key: Key) -> None:
        """Front took a token made with `key` for authentic."""
        if key is self._in_use:
            self._accepted = key
        elif self._trials.get(channel) is key:
            self._trials.clear()
            self._in_use = self._accepted = key
            self._observer.other_secret(self._app, self._which(key), accepted=True)

    def refused(self, channel: str, key: Key) -> None:
        """Front answered 401 to a token made with `key`: the channel's next one is made with another, if there is one."""
        self.refresh()
        if self._trials.get(channel) is key:
            del self._trials[channel]
            self._observer.other_secret(self._app, self._which(key), accepted=False)
        elif key is self._in_use:
            other = self._other()
            if other is not None:
                self._trials[channel] = other

    def _look(self) -> None:
        value = self._secret.value()
        if value == self._newest.value:
            return
        # Of several that follow each other, the one that Front accepted is the one to fall back to.
        kept = self._accepted or self._in_use
        back = self._former is not None and self._former.value == value
        newest = self._former if back and self._former is not None else Key(value)
        self._former = kept if kept is not newest else self._newest
        self._newest = self._in_use = newest
        self._rotated_at = self._monotonic()
        self._trials.clear()

    def _other(self) -> Key | None:
        if self._in_use is not self._newest:
            return self._newest
        if self._former is not None and self._monotonic() - self._rotated_at > self._overlap_s:
            self._former = None
        return self._former

    def _which(self, key: Key) -> Which:
        return "newest" if key is self._newest else "former"
