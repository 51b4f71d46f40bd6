"""The list of what is believed of Front and not documented, by the simulator's names for it. No behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

Value: TypeAlias = str | int | bool


@dataclass(frozen=True, slots=True)
class Belief:
    """`switch`: the simulator's name of it. `about`: what it says, in a few words.

    `believed`: None where every value would do, such as the limit of a plan. `look`: what a person can look at in Front
    when answers do not tell; None: nothing that we know of. `unseen`: what an answer that is as believed leaves open.
    """

    switch: str
    about: str
    believed: Value | None = None
    look: str | None = None
    unseen: str | None = None


_MESSAGES_IN_FRONT = "count the messages of the probe's conversation in Front that have this text"

_LIST = (
    Belief("dedupe", "a message whose external_id Front has", "accept_then_drop", _MESSAGES_IN_FRONT),
    Belief(
        "processing_delay_ms",
        "time from the 202 until a look-up knows the message",
        look="watch how long the probe's first message takes to show in Front",
    ),
    Belief("jwt_max_ttl_s", "how far ahead a token's exp may be", 30),
    Belief("jwt_leeway_s", "how long after exp a token still counts", 0),
    Belief("jti_replay", "a token used twice", "reject"),
    Belief("sub_mismatch", "a token for another channel than the path's", "reject"),
    Belief("static_token", "a fixed API token"),
    Belief("unknown_keys", "a key that Front does not document", "drop", unseen="what became of the key"),
    Belief("strict_body", "no body, a list, an empty `to`, an id that is too long", True),
    Belief("call_202_body", "what stands in the 202 of a call's creation", "empty"),
    Belief(
        "illegal_transition",
        "a call status that may not follow (ringing, then hangup)",
        "accept_ignore",
        "see whether the probe's second call in Front ended by hangup or was abandoned",
        unseen="whether the state changed",
    ),
    Belief("unknown_call", "an update or a summary of a call that was never created", "404"),
    Belief("repeat_call_create", "the same call created again", "accept_ignore", unseen="whether it changed"),
    Belief(
        "repeat_asset",
        "a second summary of a call",
        "append",
        "see whether the probe's second call in Front has one summary or two",
    ),
    Belief(
        "unknown_reference",
        "a reply to a message that Front does not have",
        "accept_unlinked",
        unseen="how it stands in Front",
    ),
    Belief("status_on_unknown_message", "a status for a message that was never sent", "404"),
    Belief("rpm", "requests a minute of the company", look="Front's page on the company's plan"),
    Belief("burst", "requests beyond it", look="Front's page on the company's plan"),
    Belief("tier_rps", "requests a second of one channel", look="Front's page on rate limits"),
    Belief("retry_after_style", "how a 429 says its wait", "seconds"),
    Belief("size_limit", "bytes of a request", 25_000_000),
    Belief("size_limit_per", "whether each file or the request is measured", "request"),
    Belief("size_limit_status", "the answer to more", "400"),
    Belief(
        "attachment_names",
        "which names of a file's part count",
        "all",
        "see which of the probe's three messages with a file show it in Front",
    ),
)

BELIEFS: Mapping[str, Belief] = MappingProxyType({belief.switch: belief for belief in _LIST})
"""By switch, in the order in which they are told."""
