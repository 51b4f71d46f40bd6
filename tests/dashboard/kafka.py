"""The consumer: what it owns, how far it is, whether it commits, and its connections."""

from tests.dashboard.colours import BAD, GOOD, WATCH
from tests.dashboard.parts import I, Part, Query, T, mine, or_zero, quantile

TITLE = "Kafka"

ROW: tuple[Part, ...] = (
    Part(
        title="Lag, by topic",
        says=(
            "End of the log less what is committed: everything above one held record counts, so one blocked key can make it "
            "large. Compare with Unsettled, which counts only what really waits."
        ),
        form="lines",
        queries=(
            Query(
                f"sum by (topic) (max by (topic, partition) ({mine('consumer_lag_records', T)}))", "{{topic}}"
            ),
        ),
        most=10,
        empty="no partition is assigned",
        runbook="FrontConnectorBacklog",
    ),
    Part(
        title="Unsettled, by topic",
        says="Records known and not settled. The true size of what waits, apart from what has not been read yet.",
        form="areas",
        queries=(
            Query(
                f"sum by (topic) (max by (topic, partition) ({mine('consumer_unsettled_records', T)}))",
                "{{topic}}",
            ),
        ),
        empty="no partition is assigned",
        runbook="FrontConnectorBacklog",
    ),
    Part(
        title="Behind by, ten worst partitions",
        says=(
            "Age of the oldest record that is not settled. One partition alone: a held key or a wall there. All of them: "
            "Front, its quota, or too few processes. Nears the retention: lengthen the retention first."
        ),
        form="lines",
        queries=(
            Query(
                f"topk(10, max by (topic, partition) ({mine('consumer_lag_seconds', T)}))",
                "{{topic}} {{partition}}",
            ),
        ),
        unit="s",
        steps=((900, WATCH),),
        most=10,
        empty="no partition is assigned",
        runbook="FrontConnectorPartitionStalled",
    ),
    Part(
        title="Partitions of each process",
        says=(
            "How many partitions each process owns. 0 everywhere: it is not in the group, or the topic is gone. 0 for one: "
            "more processes than partitions."
        ),
        form="lines",
        queries=(Query(mine("consumer_assigned_partitions"), "{{pod}} {{instance}}"),),
        decimals=0,
        runbook="FrontConnectorNoPartitions",
    ),
    Part(
        title="Partitions that are paused, by reason",
        says=(
            "Not fetched for now. backpressure: enough is in hand. hold, circuit: waits for Front. map: too much is settled "
            "above one held record. manual: somebody paused it."
        ),
        form="areas",
        queries=(Query(f"sum by (reason) ({mine('consumer_paused_partitions', T)})", "{{reason}}"),),
        decimals=0,
        most=1,
        runbook="FrontConnectorPartitionStalled",
    ),
    Part(
        title="Rebalances and pauses",
        says=(
            "Changes of the assignment, and pauses. lost: the group gave its partitions away while it was alive; records in "
            "flight are repeated. Many pauses: each throws away what was prefetched."
        ),
        form="bars",
        queries=(
            Query(f"sum by (event) (increase({mine('consumer_rebalances_total')}[{I}]))", "{{event}}"),
            Query(f"sum(increase({mine('consumer_pauses_total')}[{I}]))", "pauses"),
        ),
        colours={"lost": BAD},
        most=1,
        runbook="FrontConnectorPartitionsLost",
    ),
    Part(
        title="Commits, by answer; p95",
        says=(
            "Commits a second, and how long the coordinator takes. Errors that last: after a restart more is repeated, and "
            "without an acknowledged commit the lease runs out and nothing new starts."
        ),
        form="lines",
        queries=(
            Query(f"sum by (result) (rate({mine('consumer_commits_total')}[{I}]))", "{{result}}"),
            Query(quantile(0.95, "consumer_commit_duration_seconds"), "p95", unit="s"),
        ),
        unit="ops",
        colours={"ok": GOOD, "error": BAD},
        runbook="FrontConnectorCommitFailing",
    ),
    Part(
        title="Lease left",
        says=(
            "For how long requests may still start without another acknowledged commit; a saw that never touches 0 is well. "
            "Below 0 nothing new starts, so that another process can take over safely."
        ),
        form="lines",
        queries=(Query(mine("lease_remaining_seconds"), "{{pod}} {{instance}}"),),
        unit="s",
        runbook="FrontConnectorCommitFailing",
    ),
    Part(
        title="Since the last poll",
        says="A poll returns many times a second, with records or none. Beyond 2 minutes its thread hangs.",
        form="lines",
        queries=(
            Query(
                f"(time() - {mine('consumer_last_poll_timestamp_seconds')}) * "
                f"({mine('consumer_last_poll_timestamp_seconds')} > bool 0)",
                "{{pod}} {{instance}}",
            ),
        ),
        unit="s",
        steps=((120, BAD),),
        most=10,
        runbook="FrontConnectorPollStalled",
    ),
    Part(
        title="Brokers connected",
        says="The fewest of any process. 0: the broker, the network, its TLS or its credentials; see the errors beside.",
        form="lines",
        queries=(Query(f"min({mine('kafka_connected_brokers')})", "brokers"),),
        decimals=0,
        most=3,
        runbook="FrontConnectorNoBrokers",
    ),
    Part(
        title="Errors of the Kafka client",
        says="By librdkafka's name. A few while brokers restart are usual; those about authentication do not pass so.",
        form="areas",
        queries=(
            Query(
                or_zero(f"sum by (code) (rate({mine('kafka_client_errors_total')}[{I}]))", code="none yet"),
                "{{code}}",
            ),
        ),
        unit="ops",
        runbook="FrontConnectorNoBrokers",
    ),
    Part(
        title="What should be rare",
        says=(
            "Answers for an assignment that had ended; maps of settled offsets not believed, or cut; keys seen in two "
            "partitions (between which there is no order); records that settled twice (a defect: report it)."
        ),
        form="lines",
        queries=(
            Query(f"sum(increase({mine('stale_settles_total')}[{I}]))", "stale settles"),
            Query(f"sum(increase({mine('maps_refused_total')}[{I}]))", "maps refused"),
            Query(f"sum(increase({mine('map_shed_total')}[{I}]))", "maps cut"),
            Query(
                f"sum(increase({mine('order_key_in_two_partitions_total')}[{I}]))", "keys in two partitions"
            ),
            Query(f"sum(increase({mine('stray_settles_total')}[{I}]))", "settled twice"),
        ),
        most=1,
        runbook="FrontConnectorStraySettles",
    ),
)
