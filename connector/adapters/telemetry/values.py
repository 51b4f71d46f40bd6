"""Which values each label may take: closed sets, and in words what bounds the others.

Of the closed ones every counter stands at zero from the start, the reference page lists them, and the budget of series is
reckoned with all of them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from connector.adapters.catalogue import PREFIX
from connector.adapters.telemetry import labels
from connector.core.call_states import ILLEGAL, CallStatus
from connector.core.certificates import CertificateName
from connector.core.dead_letter import REASONS
from connector.core.fetching import FetchResult
from connector.core.held_back import CAUSES
from connector.core.mapping import SkipReason
from connector.core.offset_map import MapRefusal
from connector.core.operations import OPERATIONS
from connector.ports import Outcome, Stage

_HOLD_SCOPES = tuple(dict.fromkeys(scope for scope, _ in labels.HOLD_PAIRS))
_HOLD_REASONS = tuple(dict.fromkeys(reason for _, reason in labels.HOLD_PAIRS))
_FRONT = tuple(OPERATIONS)
_CALLS: tuple[str, ...] = get_args(CallStatus)

_CLOSED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "state": {"state": labels.STATES},
    "config_last_reload_successful": {"kind": labels.RELOADED},
    "tls_certificate_expiry_timestamp_seconds": {"name": get_args(CertificateName)},
    "records_processed_total": {"outcome": get_args(Outcome)},
    "records_skipped_total": {"reason": get_args(SkipReason)},
    "record_errors_total": {"stage": get_args(Stage)},
    "dead_letter_records_total": {"reason": REASONS},
    "illegal_call_transitions_total": {"from": _CALLS, "to": _CALLS},
    "holds": {"scope": _HOLD_SCOPES, "reason": _HOLD_REASONS},
    "hold_started_timestamp_seconds": {"scope": _HOLD_SCOPES, "reason": _HOLD_REASONS},
    "consumer_paused_partitions": {"reason": labels.PAUSE_REASONS},
    "consumer_pauses_total": {"reason": labels.PAUSE_REASONS},
    "consumer_rebalances_total": {"event": get_args(labels.RebalanceEvent)},
    "consumer_commits_total": {"result": get_args(labels.CommitResult)},
    "maps_refused_total": {"reason": get_args(MapRefusal)},
    "front_requests_total": {"operation": _FRONT, "status": labels.STATUSES},
    "front_request_duration_seconds": {"operation": _FRONT},
    "unknown_outcomes_total": {"operation": _FRONT},
    "front_circuit_state": {"state": labels.CIRCUIT_STATES},
    "front_throttle_wait_seconds_total": {"cause": CAUSES},
    "front_other_secret_tries_total": {"result": get_args(labels.SecretResult)},
    "attachments_total": {"result": get_args(FetchResult)},
    "schema_registry_requests_total": {
        "operation": get_args(labels.RegistryOperation),
        "status": labels.STATUSES,
    },
}

_AT_FIRST: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "front_requests_total": {"status": ("202",)},
    "schema_registry_requests_total": {"operation": ("by_id",), "status": ("200",)},
}

VALUES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {PREFIX + name: values for name, values in _CLOSED.items()}
)
"""By metric and label."""
PAIRS: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        PREFIX + "illegal_call_transitions_total": ILLEGAL,
        PREFIX + "holds": labels.HOLD_PAIRS,
        PREFIX + "hold_started_timestamp_seconds": labels.HOLD_PAIRS,
    }
)
"""Of these not every pair of values can be."""
AT_FIRST: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {PREFIX + name: values for name, values in _AT_FIRST.items()}
)
"""Of these fewer stand at zero from the start: three hundred statuses that hardly any process sees would only be in the way."""

BOUNDS: Mapping[str, str] = MappingProxyType(
    {
        "topic": "the source topics",
        "partition": "gauges: of this process's assignment; counters: of every partition it has had",
        "app": "names in `front.apps`",
        "tier": f"`company`, or what Front's `x-front-tier` says; {labels.TIERS_MAX} at most, then `other`",
        "error_type": f"a fixed word, {labels.ERROR_TYPES_MAX} at most, or a status as in `status`; never a text",
        "code": f"librdkafka's symbolic names; {labels.CLIENT_CODES_MAX} at most, then `other`",
        "mapping": f"names of rules, empty without one; {labels.RULES_MAX} at most, then `other`",
        "version": "one a process",
        "revision": "one a process",
        "python": "one a process",
        "librdkafka": "one a process",
        "config_hash": "one at a time",
        "mappings_hash": "one at a time",
    }
)
"""What bounds a label that has no closed set."""
