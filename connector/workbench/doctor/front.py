"""Front, as far as it can be asked without a token: name, proxy, TCP, TLS, and that something answers HTTP."""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from connector import __version__
from connector.adapters.front.carrier import Carrier
from connector.adapters.workers import Workers
from connector.config.front import FrontSettings
from connector.core.answers import Answer, Answered, NotSent
from connector.core.clock_skew import ServerClock
from connector.workbench.doctor.reach import Unreached, addresses
from connector.workbench.doctor.results import Fine, Result, Warn, Wrong

USER_AGENT = f"front-connector/{__version__} (doctor)"


@dataclass(slots=True)
class Front:
    """What the checks of Front share. `clocks`: by base URL, what answers told of the time there."""

    settings: FrontSettings
    carrier: Carrier
    clocks: dict[str, ServerClock] = field(default_factory=dict)

    async def ask(self, base_url: str, method: str, path: str, **more: str) -> Answer:
        """One request without a body, or with an empty JSON map; its `Date` is heard. `more`: headers."""
        headers = {"Accept": "application/json", "User-Agent": USER_AGENT, **more}
        began = time.monotonic()
        content = b"{}" if "Content-Type" in headers else b""
        answer = await self.carrier.send(method, base_url + path, headers, content)
        if isinstance(answer, Answered):
            clock = self.clocks.setdefault(base_url, ServerClock())
            date = _unix_seconds(answer.headers.get("date"))
            if date is not None:
                clock.heard(date, began, time.monotonic(), time.time())
        return answer

    def skew(self, base_url: str) -> float | None:
        """Our wall clock less that one's, in seconds; None if it told nothing."""
        clock = self.clocks.get(base_url)
        return None if clock is None else clock.skew(time.time(), time.monotonic())


async def look(front: Front, app: str, names: Workers) -> Sequence[Result]:
    """`GET /` of the app's base URL, without a token."""
    base_url = front.settings.apps[app].base_url
    if front.settings.proxy is None:
        # aiohttp and httpx would ask the resolver in threads that hold up the end.
        found = await addresses(names, urlsplit(base_url).hostname or "")
        if isinstance(found, Unreached):
            return (
                Wrong(
                    f"{base_url}: {found.why}",
                    f"check front.apps.{app}.base_url, and this machine's resolver",
                ),
            )
    return (judged(app, base_url, await front.ask(base_url, "GET", "/"), proxy=front.settings.proxy),)


def judged(app: str, base_url: str, answer: Answer, *, proxy: str | None) -> Result:
    """What the answer says of the way there; any status but 5xx is as good as another."""
    through = "" if proxy is None else f" through the proxy ({proxy})"
    if isinstance(answer, Answered):
        if answer.status >= 500:
            return Warn(
                f"{base_url} answers with status {answer.status}{through}", "look at Front's status page"
            )
        return Fine(f"{base_url} answers{through}")
    do = f"check front.apps.{app}.base_url" + (
        ", and whether this machine needs front.proxy" if proxy is None else ", front.proxy and its password"
    )
    if answer.error == "tls":
        do = "check front.ca_file: whoever signed that certificate must be trusted; a proxy may have put in its own"
    sent = "" if isinstance(answer, NotSent) else " after the request was sent"
    return Wrong(f"{base_url}{through}: {answer.detail or answer.error}{sent}", do)


def _unix_seconds(date: str | None) -> float | None:
    try:
        return None if date is None else parsedate_to_datetime(date).replace(tzinfo=dt.UTC).timestamp()
    except (ValueError, OverflowError):
        return None
