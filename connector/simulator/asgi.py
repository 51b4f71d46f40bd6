"""The door: which requests are Front's, which are for the control routes, which ask for the page.

Puts nothing in between: each part answers for itself.
"""

from collections.abc import Iterator
from email.utils import formatdate
from importlib import resources

from starlette.types import Receive, Scope, Send

from connector.simulator.control import Control
from connector.simulator.exchange import Exchanges
from connector.simulator.files_served import PREFIX, served, sha256_of
from connector.simulator.intake import Gone, Intake, TooLarge
from connector.simulator.replies import Header, Reply, as_json
from connector.simulator.state import State
from connector.simulator.wire import Wire

_CONTROL_BODY_MAX = 5_000_000


class App:
    """One simulator as an ASGI application."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._control = Control(state)
        self._exchanges = Exchanges(state)
        self._page = dict(_page_files())
        self._date = (0, b"")

    def close(self) -> None:
        """Let go of the requests that a fault holds; their connections must be closed already."""
        self._exchanges.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "the server is started without websockets and lifespan"
        path: bytes = scope["raw_path"]
        wire = Wire(scope, receive, send, self._now_date)
        if path == b"/_sim" or path.startswith(b"/_sim/"):
            await self._ours(scope, receive, wire)
        elif scope["method"] == "GET" and path in self._page:
            await wire.answer(self._page[path])
        else:
            await self._exchanges.carry_out(scope, receive, wire)

    async def _ours(self, scope: Scope, receive: Receive, wire: Wire) -> None:
        """A control request, or one for the bytes of a file."""
        intake = Intake(receive, _CONTROL_BODY_MAX)
        path: bytes = scope["raw_path"]
        query: str = scope["query_string"].decode("latin-1")
        try:
            content = await intake.whole()
        except TooLarge:
            await wire.answer(
                as_json(413, {"errors": [f"the body is larger than {_CONTROL_BODY_MAX} bytes"]})
            )
            return
        except Gone:
            return
        sha256 = sha256_of(path) if path.startswith(PREFIX) and scope["method"] == "GET" else None
        if sha256 is not None:
            wanted = dict(scope["headers"]).get(b"range")
            await wire.answer(served(self._state.front.blobs.path(sha256), query, wanted))
        else:
            await wire.answer(self._control.answer(scope["method"], path.decode("latin-1"), query, content))

    def _now_date(self) -> bytes:
        now = int(self._state.clock.wall())
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True).encode())
        return self._date[1]


_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; media-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", _PAGE_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
)
_PAGE_TYPES = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}


def _page_files() -> Iterator[tuple[bytes, Reply]]:
    """The inbox page: /, and whatever else lies in its folder of this package under /page/."""
    for file in resources.files("connector.simulator").joinpath("page").iterdir():
        content_type = _PAGE_TYPES.get(file.name.rpartition(".")[2])
        if content_type is not None:
            path = "/" if file.name == "index.html" else f"/page/{file.name}"
            yield path.encode(), Reply(200, file.read_bytes(), content_type, _PAGE_HEADERS)
