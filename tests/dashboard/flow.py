"""What comes in and goes out, and how long it takes."""

from tests.dashboard.colours import OUTCOMES, QUANTILES, WATCH
from tests.dashboard.parts import I, Part, Query, S, T, mine, or_zero, quantile

FLOW = "Flow"
LATENCY = "Latency"

FLOW_ROW: tuple[Part, ...] = (
    Part(
        title="Records in, by topic",
        says=(
            "Records a second taken from Kafka; redeliveries count again. Much more than Outcomes for long: a backlog, or "
            "the same records over and over."
        ),
        form="areas",
        queries=(
            Query(
                or_zero(f"sum by (topic) (rate({mine('records_received_total', T)}[{I}]))", topic="none yet"),
                "{{topic}}",
            ),
        ),
        unit="ops",
    ),
    Part(
        title="Outcomes",
        says=(
            "Records a second that were settled. Accepted means that Front answered 2xx, not that it delivered. Worry at "
            "dead_lettered: a person has to look at each."
        ),
        form="areas",
        queries=(
            Query(f"sum by (outcome) (rate({mine('records_processed_total', T)}[{I}]))", "{{outcome}}"),
        ),
        unit="ops",
        colours=OUTCOMES,
        runbook="FrontConnectorDeadLetters",
    ),
    Part(
        title="In flight and queued",
        says=(
            "Records being worked on, and those fetched that wait for their turn. Both high for long: Front or its quota "
            "is the narrow place. In flight and nothing accepted: see the oldest at the right axis."
        ),
        form="lines",
        queries=(
            Query(f"sum({mine('records_in_flight')})", "in flight"),
            Query(f"sum({mine('records_queued')})", "queued"),
            Query(
                or_zero(f"max(time() - ({mine('oldest_in_flight_record_timestamp_seconds')} > 0))"),
                "oldest in flight",
                unit="s",
            ),
        ),
        runbook="FrontConnectorRecordStuck",
    ),
)

LATENCY_ROW: tuple[Part, ...] = (
    Part(
        title="End to end",
        says=(
            "From the record's Kafka timestamp to Front's 2xx, accepted records only. Above the line at 60 s the objective "
            "is missed. A backlog that is worked off shows here for as long as it lasts."
        ),
        form="lines",
        queries=tuple(
            Query(quantile(q, "record_end_to_end_latency_seconds", T), name)
            for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
        ),
        unit="s",
        steps=((60, WATCH),),
        colours=QUANTILES,
        empty="nothing was accepted in this time",
        runbook="FrontConnectorFreshnessBurnFast",
    ),
    Part(
        title="Processing p95, by topic",
        says=(
            "From taken in hand to settled, retries, holds and throttling included. High while Front's own latency (below) "
            "is low: the time goes into waiting, for quota or between retries."
        ),
        form="lines",
        queries=(Query(quantile(0.95, "record_processing_duration_seconds", T, "topic"), "{{topic}}"),),
        unit="s",
        empty="nothing was settled in this time",
    ),
    Part(
        title="Retries and what may have happened twice",
        says=(
            "Attempts after the first, for each record received; attempts that may have reached Front without an answer; "
            "requests repeated although an earlier one may have been accepted. The last are possible duplicates in Front."
        ),
        form="lines",
        queries=(
            Query(
                or_zero(
                    f"sum(rate({mine('record_retries_total', T)}[{I}])) / "
                    f"(sum(rate({mine('records_received_total', T)}[{I}])) > 0)"
                ),
                "retries a record",
            ),
            Query(f"sum(increase({mine('unknown_outcomes_total')}[{I}]))", "unknown outcomes"),
            Query(f"sum(increase({mine('possible_duplicates_total', S)}[{I}]))", "possible duplicates"),
        ),
        runbook="FrontConnectorFrontErrors",
    ),
)
