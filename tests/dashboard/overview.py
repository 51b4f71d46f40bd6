"""The first row: is it healthy, how far behind is it, what is stuck. In words, for somebody who was woken by it."""

from tests.dashboard.colours import BAD, CALM, GOOD, NEUTRAL, OTHER, WATCH
from tests.dashboard.parts import Part, Query, S, mine, one_hot, or_zero

TITLE = "Is it healthy, how far behind is it, what is stuck"

STATES = {
    0: ("NOT SEEN", BAD),
    1: ("HEALTHY", GOOD),
    2: ("STARTING", CALM),
    3: ("PAUSED", OTHER),
    4: ("STOPPING", CALM),
    5: ("PARTLY HELD", WATCH),
    6: ("NOTHING MOVES", BAD),
    7: ("FRONT IS DOWN", BAD),
    8: ("SECRET REFUSED", BAD),
    9: ("FAILED", BAD),
}
"""The worst of all processes, and what holds for the release as a whole, by a number that grows with the trouble."""

_NEXT = {
    0: "No process answers. Look at the pods and at their last logs; a scrape that fails looks the same.",
    1: "Nothing. Records flow and nothing waits.",
    2: "It starts: waiting for brokers or for its partitions. Look again if this lasts minutes.",
    3: "Somebody paused it. It does not go on until somebody resumes it.",
    4: "A process ends or rebuilds its client. This passes.",
    5: "Something waits, the rest flows. Look at Held now and Blocked keys below, then at /status of a process.",
    6: "Records wait, and none was settled for 5 minutes. See Front and Kafka below; then /status of a process.",
    7: "Front does not answer or fails. Nothing is lost: it goes on by itself. See Front below.",
    8: "Front refuses every app's token. Correct the secret; it is taken up without a restart.",
    9: "A process has given up and ends. Read its last log lines and its exit code.",
}

_POD_STATES = {
    1: ("running", GOOD),
    2: ("starting", CALM),
    3: ("paused", OTHER),
    4: ("draining", NEUTRAL),
    7: ("circuit_open", BAD),
    8: ("held_auth", BAD),
    9: ("failed", BAD),
}


_OF_PODS = one_hot("state", {number: word for number, (word, _) in _POD_STATES.items()})
"""One number a process."""

_UNREAD = f"clamp_min({mine('consumer_end_offset')} - {mine('consumer_position_offset')}, 0)"
_WAITING = f"sum({mine('consumer_unsettled_records')} + {_UNREAD})"
"""Records known and not settled, and those not read yet."""
_SETTLED = f"sum(rate({mine('records_processed_total')}[5m]))"
# Not: some wait now. The first record after a quiet night is on its way for a moment, and nothing was settled before it.
_WAITED = f"(max(min_over_time({mine('consumer_lag_records')}[5m])) > bool 0)"
# What waits behind a blocked key, with all else read and settled, is held and not stalled: the alert Stalled sees it so too.
_NOT_ONLY_KEYS = f"((sum({mine('blocked_keys')}) == bool 0) + (sum({_UNREAD}) > bool 0) > bool 0)"
_PAUSED = mine("state", S + ',state="paused"')

# `or` keeps a series only if its labels are new, so each part below is summed by a label of its own.
_HEALTH = or_zero(
    f"max({_OF_PODS}"
    f" or max by (scope) ({mine('holds')} > bool 0) * 5"
    f" or max by (instance) (time() - ({mine('oldest_blocked_key_timestamp_seconds')} > 0) > bool 60) * 5"
    f" or {_WAITED} * {_NOT_ONLY_KEYS} * ({_SETTLED} == bool 0) * (max({_PAUSED}) == bool 0) * 6)"
)

_BAD_OUTCOMES = mine("records_processed_total", S + ',outcome=~"dead_lettered|parked"')
_ON_TIME = mine("record_end_to_end_latency_seconds_bucket", S + ',le="60.0"')

ROW: tuple[Part, ...] = (
    Part(
        title="Health",
        says=(
            "The worst state of any process, in a word. PARTLY HELD: something waits (a hold, a blocked key), the rest "
            "flows. NOTHING MOVES: records wait and none was settled for 5 minutes. Worry at anything red."
        ),
        form="words",
        queries=(Query(_HEALTH, "health"),),
        words=STATES,
        width=6,
        height=5,
        runbook="FrontConnectorStalled",
    ),
    Part(
        title="What to do",
        says="The next step for the word at the left. Each alert has a page that says more: the link Runbooks above.",
        form="words",
        queries=(Query(_HEALTH, "next step"),),
        words={number: (text, STATES[number][1]) for number, text in _NEXT.items()},
        width=10,
        height=5,
        small=True,
    ),
    Part(
        title="Behind by",
        says=(
            "How old the oldest record is that is not settled, by its Kafka timestamp. 0: it keeps up. One record that "
            "is held makes this grow although others flow; worry when it nears the topic's retention."
        ),
        form="number",
        queries=(Query(f"max({mine('consumer_lag_seconds')})", "oldest unsettled"),),
        unit="s",
        width=4,
        height=5,
        steps=((60, WATCH), (900, BAD)),
        empty="no partition is assigned",
        runbook="FrontConnectorRetentionThreat",
        decimals=0,
    ),
    Part(
        title="Records that wait",
        says=(
            "Known and not settled, and not read yet. A number that stays while records are accepted is a held key; one "
            "that grows is a backlog."
        ),
        form="number",
        queries=(Query(_WAITING, "waiting"),),
        width=4,
        height=5,
        steps=((1000, WATCH), (100_000, BAD)),
        empty="no partition is assigned",
        runbook="FrontConnectorBacklog",
        decimals=0,
    ),
    Part(
        title="Held now",
        says=(
            "What is stuck on purpose, by scope and reason: an app or a channel that Front refuses, a dead-letter topic "
            "that cannot be written, a partition whose records are gone. Everything outside that scope flows."
        ),
        form="number",
        queries=(
            Query(
                or_zero(
                    f'label_join(sum by (scope, reason) ({mine("holds")}) > 0, "what", ": ", "scope", "reason")',
                    what="nothing is held",
                ),
                "{{what}}",
            ),
        ),
        width=8,
        height=5,
        steps=((1, WATCH),),
        names=True,
        runbook="FrontConnectorHoldChannel",
    ),
    Part(
        title="Blocked keys",
        says=(
            "Order keys (a call, a conversation) whose first record waits after a failure or in a hold; the records "
            "behind it wait too, other keys do not. A few that come and go are retries at work."
        ),
        form="number",
        queries=(Query(f"sum({mine('blocked_keys')})", "blocked keys"),),
        width=4,
        height=5,
        steps=((1, WATCH), (50, BAD)),
        runbook="FrontConnectorBlockedKey",
    ),
    Part(
        title="Oldest blocked for",
        says="For how long the oldest blocked key has waited. Worry from a quarter of an hour on: retries do not help it.",
        form="number",
        queries=(
            Query(
                or_zero(f"max(time() - ({mine('oldest_blocked_key_timestamp_seconds')} > 0))"),
                "oldest blocked key",
            ),
        ),
        unit="s",
        width=4,
        height=5,
        steps=((60, WATCH), (900, BAD)),
        runbook="FrontConnectorBlockedKey",
        decimals=0,
    ),
    Part(
        title="Last accepted, ago",
        says=(
            "Time since Front last accepted a record. Without traffic it grows and means nothing: worry only while "
            "records wait."
        ),
        form="number",
        queries=(
            Query(
                f"time() - max({mine('last_record_accepted_timestamp_seconds')} > 0)", "since last accepted"
            ),
        ),
        unit="s",
        width=4,
        height=5,
        empty="none yet",
        runbook="FrontConnectorStalled",
        decimals=0,
    ),
    Part(
        title="Ready processes",
        says="How many processes are ready. Fewer than you run: one starts, stops, or has its secret refused.",
        form="number",
        queries=(Query(or_zero(f"sum({mine('ready')})"), "ready"),),
        width=4,
        height=5,
        base=BAD,
        steps=((1, GOOD),),
        runbook="FrontConnectorNotReady",
    ),
    Part(
        title="State of each process",
        says=(
            "The state that each process was in. running is well; a process that swings between states is restarting. "
            "circuit_open and held_auth end by themselves when Front takes requests again."
        ),
        form="timeline",
        queries=(Query(f"max by (pod, instance) ({_OF_PODS})", "{{pod}} {{instance}}"),),
        words=_POD_STATES,
        width=12,
        height=6,
        runbook="FrontConnectorHeldAuth",
    ),
    Part(
        title="Time to catch up",
        says=(
            "Records that wait, divided by how many are settled a second. Worry when it grows: more comes in than goes out."
        ),
        form="number",
        queries=(Query(f"{_WAITING} / ({_SETTLED} > 0) or {_WAITED} * 1e9", "to catch up"),),
        unit="s",
        width=3,
        height=6,
        steps=((300, WATCH), (3600, BAD)),
        ranges=((1e8, 1e10, "not moving", BAD),),
        empty="no partition is assigned",
        runbook="FrontConnectorBacklog",
        decimals=0,
    ),
    Part(
        title="Within 60 s, last hour",
        says="Share of the accepted records that Front had within 60 s of their Kafka timestamp. The objective is 99 %.",
        form="number",
        queries=(
            Query(
                f"sum(rate({_ON_TIME}[1h])) / "
                f"(sum(rate({mine('record_end_to_end_latency_seconds_count')}[1h])) > 0) or on() vector(1)",
                "within 60 s",
            ),
        ),
        unit="percentunit",
        width=3,
        height=6,
        base=BAD,
        steps=((0.9, WATCH), (0.99, GOOD)),
        runbook="FrontConnectorFreshnessBurnFast",
        decimals=1,
    ),
    Part(
        title="Error budget left, 30 days",
        says=(
            "Of every 1,000 records one may end as a dead letter or parked. 100 %: none did. Below 0 the objective of "
            "99.9 % is missed."
        ),
        form="number",
        queries=(
            Query(
                f"1 - sum(increase({_BAD_OUTCOMES}[30d])) / "
                f"(sum(increase({mine('records_processed_total')}[30d])) > 0) / 0.001 or on() vector(1)",
                "budget left",
            ),
        ),
        unit="percentunit",
        width=3,
        height=6,
        base=BAD,
        steps=((0, WATCH), (0.5, GOOD)),
        runbook="FrontConnectorAcceptanceBurnFast",
        decimals=0,
    ),
    Part(
        title="Versions",
        says="How many processes run which version. More than one for longer than a rollout: it has stopped half way.",
        form="number",
        queries=(Query(f"count by (version, revision) ({mine('build_info')})", "{{version}} {{revision}}"),),
        width=3,
        height=6,
        names=True,
        runbook="FrontConnectorConfigDrift",
    ),
)
