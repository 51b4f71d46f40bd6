"""The probe against a simulator in this event loop, on a clock that both share and whose waits take no time.

Beside it: random switches by seed, and what of them can be seen from outside.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any, Final

from connector.adapters.files import FixedSecret
from connector.adapters.front.aiohttp_carrier import AiohttpCarrier
from connector.adapters.front.carrier import CarrierOptions
from connector.adapters.front.tokens import JwtTokens, Tokens
from connector.simulator.clock import Clock
from connector.simulator.faults import Fault
from connector.simulator.server import Simulator
from connector.simulator.switches import Switches
from connector.simulator.world import DEMO_APP, DEMO_SECRET
from connector.workbench.probe.asking import Asker, Pace, Times, Whom
from connector.workbench.probe.findings import Finding, Measured, NotDecidable
from connector.workbench.probe.items import Items
from connector.workbench.probe.trials import Ended, probe

CHANNEL: Final = "cha_probe"
LIFE_S: Final = 15.0
TOKENS: Final = JwtTokens(app_uid=DEMO_APP, secret=FixedSecret(DEMO_SECRET), life_s=LIFE_S)


class Hasty:
    """Clocks that run as ours do, and jump ahead by what is waited for."""

    def __init__(self) -> None:
        self.waited_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.waited_s

    def wall(self) -> float:
        return time.time() + self.waited_s

    async def sleep(self, seconds: float) -> None:
        self.waited_s += seconds
        await asyncio.sleep(0)

    @property
    def times(self) -> Times:
        """For the probe."""
        return Times(self.monotonic, self.wall, self.sleep)

    def simulator(self, switches: Switches, faults: Sequence[Fault] = ()) -> Simulator:
        """One that lives in the same time."""
        return Simulator(switches=switches, clock=Clock(self.monotonic, self.wall), faults=tuple(faults))


async def asked(
    base_url: str,
    hasty: Hasty,
    *,
    tokens: Tokens = TOKENS,
    run: str = "test",
    large: bool = False,
    deadline_s: float = 5.0,
) -> tuple[Ended, Asker]:
    """One run of the probe against whoever answers there."""
    carrier = AiohttpCarrier(
        CarrierOptions(connect_timeout_s=deadline_s / 2, request_deadline_s=deadline_s, connections_max=1)
    )
    await carrier.start()
    try:
        asker = Asker(carrier, Whom(base_url, CHANNEL, tokens), hasty.times, Pace())
        return await probe(asker, Items(CHANNEL, run), large=large), asker
    finally:
        await carrier.close()


async def probed(switches: Switches, faults: Sequence[Fault] = (), *, deadline_s: float = 5.0) -> Ended:
    """One run against a simulator with these switches."""
    hasty = Hasty()
    async with hasty.simulator(switches, faults) as front:
        return (await asked(front.base_url, hasty, deadline_s=deadline_s))[0]


def random_switches(seed: int) -> Switches:
    """Every switch at random, but for the size of bodies, which takes large files to find out."""
    chance = random.Random(seed)
    pick = chance.choice
    return Switches.model_validate({
        "dedupe": pick(["accept_then_drop", "same_uid", "off"]),
        "processing_delay_ms": pick([0, 0, 40, 300, 1500, 4000, "never"]),
        "jwt_max_ttl_s": pick([5, 9, 10, 11, 17, 29, 30, 31, 45, 60, 100, 137, 600, 3600, 100_000]),
        "jwt_leeway_s": pick([0, 0, 1, 2, 3, 10, 59, 200]),
        "jti_replay": pick(["reject", "allow"]),
        "sub_mismatch": pick(["reject", "allow"]),
        "static_token": pick([None, "an-api-token"]),
        "unknown_keys": pick(["drop", "reject"]),
        "strict_body": pick([True, False]),
        "call_202_body": pick(["empty", "{}", '{"status":"accepted"}', "text"]),
        "illegal_transition": pick(["accept_ignore", "reject"]),
        "unknown_call": pick(["404", "accept_drop"]),
        "repeat_call_create": pick(["accept_ignore", "reject"]),
        "repeat_asset": pick(["append", "replace"]),
        "unknown_reference": pick(["accept_unlinked", "reject"]),
        "status_on_unknown_message": pick(["404", "204"]),
        "rpm": pick([0, 20, 50, 100, 200]),
        "burst": pick([0, 10, 25]),
        "tier_rps": pick([0, 1, 3, 5]),
        "retry_after_style": pick(["seconds", "fraction", "absent", "text_only"]),
        "attachment_names": pick(["all", "attachments[]", "attachments", "attachments[0]"]),
        "seed": seed,
    })  # fmt: skip


UNLIMITED: Final = 1_000_000
"""What the simulator's headers say where `rpm` is off."""
ALWAYS_HIDDEN: Final = frozenset(
    {"static_token", "repeat_asset", "tier_rps", "size_limit", "size_limit_per", "size_limit_status"}
)
"""What no answer shows, to one who signs tokens, goes beyond no limit and sends nothing large."""


def hidden(switches: Switches) -> set[str]:
    """Switches whose value no answer shows under these settings. `retry_after_style` depends on luck, and is not here."""
    found = set(ALWAYS_HIDDEN)
    if switches.processing_delay_ms == "never":
        found |= {"processing_delay_ms", "attachment_names", "illegal_transition"}
        if switches.dedupe != "same_uid":
            found.add("dedupe")
    if switches.unknown_call == "accept_drop" and switches.illegal_transition == "accept_ignore":
        found.add("illegal_transition")
    if switches.jwt_max_ttl_s > 86_401:
        found.add("jwt_max_ttl_s")
    if switches.burst == 0:
        found.add("burst")
    return found


def true_value(switches: Switches, name: str) -> Any:
    """As the probe would say it."""
    value: Any = getattr(switches, name)
    return UNLIMITED if name == "rpm" and value == 0 else value


def right(switches: Switches, name: str, finding: Measured) -> bool:
    """Whether a claim is true of this simulator."""
    value = true_value(switches, name)
    if name != "processing_delay_ms":
        return bool(finding.value == value)
    assert isinstance(finding.value, int)
    at_once = finding.value == 0 and value != "never" and value <= 500
    return bool(at_once or (value != "never" and (finding.low or 0) <= value <= finding.value))


def wrong_claims(switches: Switches, found: dict[str, Finding]) -> list[str]:
    """What the probe claims and is not so."""
    return [
        f"{name}: {finding}, and it is {true_value(switches, name)!r}"
        for name, finding in found.items()
        if not isinstance(finding, NotDecidable)
        and not (isinstance(finding, Measured) and right(switches, name, finding))
    ]


def missed(switches: Switches, found: dict[str, Finding]) -> list[str]:
    """What can be seen, and the probe did not say."""
    return [
        f"{name}: {finding}"
        for name, finding in found.items()
        if isinstance(finding, NotDecidable) and name not in hidden(switches) and name != "retry_after_style"
    ]
