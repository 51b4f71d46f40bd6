"""The demo's Front: who lives there, how fast it lets them go, and what it does wrong. Decides only; starts nothing.

Scaled, so that a run takes about as long whatever its number of records, and pacing is seen: a company's limit has a
window of a minute, in which a demo is over, so the limit that bites here is that of a channel.
"""

from typing import Any, Final

from pydantic import SecretStr

from connector.demo.estate import SECRET, UID
from connector.demo.events import COMPANIES_DEFAULT, channels_table
from connector.simulator.switches import Switches
from connector.simulator.world import Channel, World

_RECORDS_PER_RPS: Final = 570
"""The busiest channel gets some 3% of all requests: at one a second for so many records, it needs about 18 s."""
_SLOW_CHANNEL: Final = 1
"""Its row in the channels table."""


def world(companies: int = COMPANIES_DEFAULT) -> World:
    """Apps, companies and channels as `channels_table(companies)` names them."""
    rows = channels_table(companies)
    names = tuple(dict.fromkeys(row["company"] for row in rows))
    channels = {row["channel"]: Channel(company=row["company"], app=UID) for row in rows}
    return World(apps={UID: SecretStr(SECRET)}, companies=names, channels=channels)


def switches(records: int, seed: int, *, calm: bool) -> Switches:
    """A limit for each channel, none when calm; no deduplication: a Front that hides repeats says nothing about them."""
    return Switches(dedupe="off", tier_rps=0 if calm else _requests_per_second(records), seed=seed)


def rate_limit(records: int, *, calm: bool) -> dict[str, int]:
    """The connector's own limits: a little above Front's, so that Front says 429; when calm none, to see how fast it is."""
    return {
        "company_per_minute": 0,
        "channel_per_second": 0 if calm else _requests_per_second(records) + 1,
    }


def trouble(records: int, *, calm: bool) -> list[dict[str, Any]]:
    """Fault rules for `PUT /_sim/faults`. The first that strikes wins."""
    if calm:
        return []
    return [
        {"effect": "status", "status": 500, "share": 0.02},
        # Carried out, and the connection closed before the answer: each makes a duplicate.
        {"effect": "drop_after", "every": max(25, records // 10), "times": 8},
        {"effect": "delay", "delay_ms": 250, "channel": channels_table()[_SLOW_CHANNEL]["channel"]},
    ]


def _requests_per_second(records: int) -> int:
    return max(3, records // _RECORDS_PER_RPS)
