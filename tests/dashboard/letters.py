"""What was refused, what waits, and since when."""

from tests.dashboard.colours import BAD, OTHER, WATCH
from tests.dashboard.parts import I, Part, Query, S, T, mine, or_zero

TITLE = "Dead letters, holds and blocked keys"

ROW: tuple[Part, ...] = (
    Part(
        title="Dead letters, by reason",
        says=(
            "Records that the dead-letter topic acknowledged. Each one waits there for a person: read it, mend the cause, "
            "send it again. Many of one reason after a release: roll back."
        ),
        form="bars",
        queries=(
            Query(
                or_zero(
                    f"sum by (reason) (increase({mine('dead_letter_records_total', T)}[{I}])) > 0",
                    reason="none",
                ),
                "{{reason}}",
            ),
        ),
        runbook="FrontConnectorDeadLetters",
    ),
    Part(
        title="Dead letters and failed writes, in all",
        says=(
            "Dead letters, and those that could not be written. A failed write holds on purpose: nothing is lost, and "
            "nothing goes on until the topic takes records again."
        ),
        form="lines",
        queries=(
            Query(f"sum(increase({mine('dead_letter_records_total', T)}[{I}]))", "dead letters"),
            Query(f"sum(increase({mine('dead_letter_failures_total', T)}[{I}]))", "failed writes"),
        ),
        colours={"dead letters": WATCH, "failed writes": BAD},
        most=1,
        runbook="FrontConnectorDeadLetterFailing",
    ),
    Part(
        title="Errors, by step and kind",
        says=(
            "Failed attempts at a record a second, by the step that failed: decode, map, validate, attach, send, dead_letter. "
            "decode or map: a schema or a mapping changed. send: see Front."
        ),
        form="areas",
        queries=(
            Query(
                or_zero(
                    f"sum by (stage, error_type) (rate({mine('record_errors_total', T)}[{I}]))",
                    stage="none",
                    error_type="yet",
                ),
                "{{stage}} {{error_type}}",
            ),
        ),
        unit="ops",
        runbook="FrontConnectorFrontRejects",
    ),
    Part(
        title="Holds, by scope and reason",
        says=(
            "How many hold. app: all that goes by one app's secret. channel: one channel. dead_letter: all that would become "
            "a dead letter. partition: its records are gone from the log, and a person has to decide."
        ),
        form="lines",
        queries=(Query(f"sum by (scope, reason) ({mine('holds')})", "{{scope}}: {{reason}}"),),
        steps=((1, WATCH),),
        most=1,
        decimals=0,
        runbook="FrontConnectorHoldApp",
    ),
    Part(
        title="Longest hold, by scope",
        says="For how long the oldest hold of each scope has lasted. 0: none. It ends by itself once its cause is mended.",
        form="lines",
        queries=(
            Query(
                f"max by (scope) ((time() - {mine('hold_started_timestamp_seconds')}) * "
                f"({mine('hold_started_timestamp_seconds')} > bool 0))",
                "{{scope}}",
            ),
        ),
        unit="s",
        steps=((900, WATCH),),
        most=60,
        runbook="FrontConnectorHoldPartition",
    ),
    Part(
        title="Blocked keys and missing channels",
        says=(
            "Keys whose first record waits, and records that wait because their line has no row in the channel directory. "
            "The second does not end by retrying: somebody has to add the row."
        ),
        form="lines",
        queries=(
            Query(f"sum({mine('blocked_keys')})", "blocked keys"),
            Query(f"sum({mine('unknown_channel_records')})", "records without a channel"),
            Query(
                or_zero(f"max(time() - ({mine('oldest_blocked_key_timestamp_seconds')} > 0))"),
                "oldest blocked key",
                unit="s",
            ),
        ),
        colours={"records without a channel": OTHER},
        most=1,
        runbook="FrontConnectorUnknownChannel",
    ),
    Part(
        title="Skipped, by reason",
        says="Records passed over on purpose, a second. A sudden rise: a filter or a rule's condition catches too much.",
        form="areas",
        queries=(
            Query(
                or_zero(
                    f"sum by (reason) (rate({mine('records_skipped_total', T)}[{I}]))", reason="none yet"
                ),
                "{{reason}}",
            ),
        ),
        unit="ops",
        width=12,
        height=7,
    ),
    Part(
        title="Passed over, and calls that Front would drop",
        says=(
            "Offsets that were never read (gone from the log, or before where reading began), and changes of a call's state "
            "that Front is known to drop. The first is a loss, unless somebody chose it."
        ),
        form="lines",
        queries=(
            Query(f"sum(increase({mine('records_passed_over_total', T)}[{I}]))", "offsets passed over"),
            Query(
                f"sum(increase({mine('illegal_call_transitions_total', S)}[{I}]))",
                "illegal changes of a call",
            ),
        ),
        colours={"offsets passed over": BAD},
        most=1,
        width=12,
        height=7,
        runbook="FrontConnectorRecordsPassedOver",
    ),
)
