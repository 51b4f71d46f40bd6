"""Where Front's behaviour is not documented, a switch says what this Front does.

The defaults are what the connector's designers believe of Front; the other values are what it must survive.
To add one: a field here, its use in the room that decides it, and a test of each value.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    SecretStr,
)


def _text_of_status(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text_of_body(value: Any) -> Any:
    """A body may be written as the JSON that it is."""
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict) else value


def _strictness(value: Any) -> Any:
    return {"on": True, "schema_only": False}.get(value, value) if isinstance(value, str) else value


class Switches(BaseModel):
    """One frozen set of answers; PATCH /_sim/switches replaces it as a whole, between two requests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dedupe: Literal["accept_then_drop", "same_uid", "off"] = "accept_then_drop"
    """A message whose `external_id` the channel has: 202 and dropped, with a new uid or the first one's; or stored twice."""

    processing_delay_ms: NonNegativeInt | Literal["never"] = 0
    """How long after its 202 a call or message is still unknown to look-up, updates, assets and statuses."""

    jwt_max_ttl_s: NonNegativeFloat = 30
    """How far ahead `exp` may be."""

    jwt_leeway_s: NonNegativeFloat = 0
    """How long after `exp` a token still counts."""

    jti_replay: Literal["reject", "allow"] = "reject"
    """A token that was used before: 401, or let through."""

    sub_mismatch: Literal["reject", "allow"] = "reject"
    """A token whose `sub` is another channel than the path's: 401, or let through."""

    static_token: SecretStr | None = None
    """An API token that is taken beside the JWTs."""

    unknown_keys: Literal["drop", "reject"] = "drop"
    """Keys that the contract does not name: left out silently, or 400."""

    strict_body: Annotated[bool, BeforeValidator(_strictness)] = True
    """Close the contract's gaps: a body must be there and an object, `to` not empty, ids at most 200 UTF-16 units.

    `on` and `schema_only` are other words for true and false.
    """

    call_202_body: Annotated[
        Literal["empty", "{}", '{"status":"accepted"}', "text"], BeforeValidator(_text_of_body)
    ] = "empty"
    """What stands in the 202 of a call's operations, which the contract leaves open."""

    illegal_transition: Literal["accept_ignore", "reject"] = "accept_ignore"
    """A call status that its state does not allow: 202 and no change, or 400."""

    unknown_call: Annotated[Literal["404", "accept_drop"], BeforeValidator(_text_of_status)] = "404"
    """An update, recording, summary or transcript of a call that is not there (yet)."""

    repeat_call_create: Literal["accept_ignore", "reject"] = "accept_ignore"
    """A call whose `external_call_id` the channel has: 202 and no change, or 400."""

    repeat_asset: Literal["append", "replace"] = "append"
    """A second recording, summary or transcript of a call: beside the first, or in its place."""

    unknown_reference: Literal["accept_unlinked", "reject"] = "accept_unlinked"
    """A `referenced_message_external_id` that the channel does not have: stored without the link, or 400."""

    status_on_unknown_message: Annotated[Literal["404", "204"], BeforeValidator(_text_of_status)] = "404"
    """A status for a message that is not there (yet)."""

    rpm: NonNegativeInt = 0
    """Requests a minute for each company; 0 = no limit, and the headers show one that is never reached."""

    burst: NonNegativeInt = 0
    """Requests of a company beyond `rpm`, given back over ten minutes; 0 = none."""

    tier_rps: NonNegativeInt = 0
    """Requests a second for each channel; 0 = no limit."""

    retry_after_style: Literal["seconds", "fraction", "absent", "text_only"] = "seconds"
    """How a 429 says its wait: whole seconds of at least 1, a fraction, not at all, milliseconds in the text only."""

    size_limit: Annotated[int, Field(gt=0)] = 25_000_000
    """Bytes that a request, or each of its files, may have."""

    size_limit_per: Literal["request", "file"] = "request"
    """What `size_limit` measures. With `file` the rest of a request must keep to it too."""

    size_limit_status: Annotated[Literal["400", "413"], BeforeValidator(_text_of_status)] = "400"
    """The answer to more."""

    attachment_names: Literal["all", "attachments[]", "attachments", "attachments[0]"] = "all"
    """Which spellings of a message's file parts count; another is a key that Front does not document."""

    seed: int = 0
    """Makes message uids and the shares of fault rules repeat from run to run."""
