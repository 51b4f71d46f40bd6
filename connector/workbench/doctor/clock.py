"""This machine's clock beside Front's: tokens live seconds, so a clock that is off makes every request a 401."""

from collections.abc import Mapping, Sequence

from connector.core.clock_skew import CORRECTED_MAX_S, WARN_ABOVE_S
from connector.workbench.doctor.front import Front
from connector.workbench.doctor.results import Fine, NotChecked, Result, Warn, Wrong


async def look(front: Front) -> Sequence[Result]:
    """What the answers so far told of the time."""
    urls = {app.base_url for app in front.settings.apps.values()}
    return judged({url: front.skew(url) for url in sorted(urls)})


def judged(skews: Mapping[str, float | None]) -> Sequence[Result]:
    """By base URL: our clock less its, in seconds; None: it told nothing."""
    known = {url: skew for url, skew in skews.items() if skew is not None}
    if not known:
        return (NotChecked("no answer of Front told its time"),)
    return tuple(_one(url, skew) for url, skew in known.items())


def _one(url: str, skew: float) -> Result:
    if abs(skew) <= WARN_ABOVE_S:
        return Fine(f"agrees with {url}")
    off = f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} that of {url}"
    if abs(skew) <= CORRECTED_MAX_S:
        return Warn(f"{off}: tokens are corrected by it", "mend the clock (NTP)")
    return Wrong(f"{off}: too much to correct tokens by, so Front refuses them", "mend the clock (NTP)")
