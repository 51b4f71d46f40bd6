"""The schema registry, and what the process itself uses."""

from tests.dashboard.colours import BAD, GOOD, WATCH
from tests.dashboard.parts import I, Part, Query, S, mine, or_zero, quantile

REGISTRY = "Registry, channel directory and files"
PROCESS = "Process"

REGISTRY_ROW: tuple[Part, ...] = (
    Part(
        title="Requests to the registry",
        says=(
            "A second, by operation and status. Rare: schemas are kept. Errors that last: records of new schemas wait, "
            "the others flow; do not restart processes, a cold start would wait for all."
        ),
        form="bars",
        queries=(
            Query(
                or_zero(
                    f"sum by (operation, status) (rate({mine('schema_registry_requests_total')}[{I}]))",
                    operation="none",
                    status="yet",
                ),
                "{{operation}} {{status}}",
            ),
        ),
        unit="reqps",
        runbook="FrontConnectorRegistryErrors",
    ),
    Part(
        title="Registry p95",
        says="One request to the registry. Seconds: a record of a new schema waits that long, once.",
        form="lines",
        queries=(Query(quantile(0.95, "schema_registry_request_duration_seconds"), "p95"),),
        unit="s",
        width=4,
        empty="no request in this time: schemas are kept",
    ),
    Part(
        title="Schemas and channels known",
        says=(
            "Schemas held in memory, and rows of the channel directory in force. A fall of either without a restart is not "
            "usual."
        ),
        form="lines",
        queries=(
            Query(f"max({mine('schema_cache_entries')})", "schemas"),
            Query(f"max({mine('channel_rows')})", "channels"),
        ),
        width=4,
        decimals=0,
    ),
    Part(
        title="Files read anew",
        says=(
            "1: what was last read anew is in use. 0: it was refused and what was there before is still in force; a restart "
            "would end with it."
        ),
        form="lines",
        queries=(Query(f"min by (kind) ({mine('config_last_reload_successful')})", "{{kind}}"),),
        width=4,
        decimals=0,
        most=1,
        empty="nothing is watched for changes",
        runbook="FrontConnectorReloadFailed",
    ),
    Part(
        title="Certificates end in",
        says="The first of each client certificate's and CA file's ends. Renew from two weeks before.",
        form="number",
        queries=(
            Query(f"min by (name) ({mine('tls_certificate_expiry_timestamp_seconds')}) - time()", "{{name}}"),
        ),
        unit="s",
        width=4,
        base=BAD,
        steps=((3 * 86400, WATCH), (14 * 86400, GOOD)),
        names=True,
        empty="no certificate is configured",
        runbook="FrontConnectorCertificateExpiring",
        decimals=0,
    ),
)

PROCESS_ROW: tuple[Part, ...] = (
    Part(
        title="CPU",
        says="Cores used. Near one core for long: Python has no more in one process; run more of them.",
        form="lines",
        queries=(Query(f"rate(process_cpu_seconds_total{{{S}}}[{I}])", "{{pod}} {{instance}}"),),
        unit="suffix: cores",
        width=6,
        decimals=2,
    ),
    Part(
        title="Memory",
        says="Resident memory. Steady growth over days: raise the limit, and report it. Near the limit: the kernel ends it.",
        form="lines",
        queries=(Query(f"process_resident_memory_bytes{{{S}}}", "{{pod}} {{instance}}"),),
        unit="bytes",
        width=6,
    ),
    Part(
        title="Event loop, worst delay",
        says=(
            "How late a timer was, at worst, over the last 30 s. Above 0.5 s something blocks the loop, or the process gets "
            "too little CPU."
        ),
        form="lines",
        queries=(Query(mine("event_loop_lag_seconds"), "{{pod}} {{instance}}"),),
        unit="s",
        width=6,
        steps=((0.5, WATCH),),
        most=0.1,
        runbook="FrontConnectorLoopBlocked",
    ),
    Part(
        title="Open files",
        says="Files and sockets, and how many it may have (at the right). A rise without end is a leak.",
        form="lines",
        queries=(
            Query(f"process_open_fds{{{S}}}", "{{pod}} {{instance}}"),
            Query(f"min(process_max_fds{{{S}}})", "allowed", unit="short"),
        ),
        width=6,
        decimals=0,
    ),
)
