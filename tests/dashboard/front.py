"""What Front answers, how fast, and what it lets through."""

from tests.dashboard.colours import BAD, GOOD, STATUSES, WATCH
from tests.dashboard.parts import I, Part, Query, S, mine, one_hot, or_zero, quantile

TITLE = "Front"

CIRCUIT = {1: ("closed", GOOD), 2: ("half open", WATCH), 3: ("open", BAD)}

_REQUESTS = mine("front_requests_total")
_FAILED = mine("front_requests_total", S + ',status=~"5..|timeout|connect|tls|protocol"')
_REFUSED = mine("front_requests_total", S + ',status=~"4..",status!~"408|425|429"')
_CIRCUIT = one_hot("front_circuit_state", {1: "closed", 2: "half_open", 3: "open"})

ROW: tuple[Part, ...] = (
    Part(
        title="Requests by status",
        says=(
            "Attempts a second by HTTP status, or the kind of failure where there was no answer. 202 is accepted, not yet "
            "delivered. 401 and 403 lead to a hold, 429 to a pause, 5xx to retries."
        ),
        form="areas",
        queries=(
            Query(or_zero(f"sum by (status) (rate({_REQUESTS}[{I}]))", status="none yet"), "{{status}}"),
        ),
        unit="reqps",
        shades=STATUSES,
        runbook="FrontConnectorFrontErrors",
    ),
    Part(
        title="Share that fails or is refused",
        says=(
            "Failed: 5xx and no answer; tried again. Refused: 4xx other than 408, 425 and 429; the record becomes a dead "
            "letter or a hold. Worry above the line at 10 % that lasts for minutes."
        ),
        form="lines",
        queries=(
            Query(or_zero(f"sum(rate({_FAILED}[{I}])) / (sum(rate({_REQUESTS}[{I}])) > 0)"), "failed"),
            Query(or_zero(f"sum(rate({_REFUSED}[{I}])) / (sum(rate({_REQUESTS}[{I}])) > 0)"), "refused"),
        ),
        unit="percentunit",
        steps=((0.1, WATCH),),
        colours={"failed": BAD, "refused": WATCH},
        most=0.2,
        runbook="FrontConnectorFrontRejects",
    ),
    Part(
        title="Circuit of each app",
        says=(
            "closed: requests go. open: so many failed that only a probe goes now and then; it closes by itself. Worry when "
            "it is open for longer than Front's status page says."
        ),
        form="timeline",
        queries=(Query(f"max by (app) ({_CIRCUIT})", "{{app}}"),),
        words=CIRCUIT,
        runbook="FrontConnectorCircuitOpen",
    ),
    Part(
        title="Requests by operation",
        says="Attempts a second by operation of Front's Channel API. Shows which kind of event makes the traffic.",
        form="areas",
        queries=(
            Query(
                or_zero(f"sum by (operation) (rate({_REQUESTS}[{I}]))", operation="none yet"), "{{operation}}"
            ),
        ),
        unit="reqps",
    ),
    Part(
        title="Latency p95, by operation",
        says="One attempt, without waiting for quota. Several seconds: Front is slow, and what waits grows with it.",
        form="lines",
        queries=(Query(quantile(0.95, "front_request_duration_seconds", S, "operation"), "{{operation}}"),),
        unit="s",
        empty="no request in this time",
    ),
    Part(
        title="Latency, all attempts",
        says="How many attempts took how long. Two bands: one operation or one channel is slower than the rest.",
        form="heatmap",
        queries=(
            Query(f"sum by (le) (increase({mine('front_request_duration_seconds_bucket')}[{I}]))", "{{le}}"),
        ),
        unit="s",
    ),
    Part(
        title="Quota left, by tier",
        says=(
            "What Front said is left of the window's requests. Near 0 with a backlog: the company's limit is the narrow place, "
            "and more processes do not help."
        ),
        form="lines",
        queries=(
            Query(
                f"min by (tier) ({mine('front_rate_limit_remaining')}) / max by (tier) ({mine('front_rate_limit_limit')})",
                "{{tier}}",
            ),
        ),
        unit="percentunit",
        most=1,
        empty="Front has not named a limit yet",
        runbook="FrontConnectorQuotaBound",
    ),
    Part(
        title="Time held back by limits",
        says=(
            "Share of the time in which at least one request of a process waited for a limit, by cause: a channel's, the "
            "company's, a burst, or what Front asked for by Retry-After. Lasting and near 100 %: buy quota or drop noise."
        ),
        form="lines",
        queries=(
            Query(
                f"sum by (cause) (rate({mine('front_throttle_wait_seconds_total')}[{I}])) / "
                f"scalar(count({mine('ready')}))",
                "{{cause}}",
            ),
        ),
        unit="percentunit",
        steps=((0.5, WATCH),),
        most=1,
        runbook="FrontConnectorRateLimited",
    ),
    Part(
        title="Clock against Front's",
        says=(
            "This machine's clock less Front's, by its Date header. Tokens live for seconds: beyond 5 s mend the node's clock."
        ),
        form="lines",
        queries=(
            Query(f"max by (pod, instance) (abs({mine('clock_skew_seconds')}))", "{{pod}} {{instance}}"),
        ),
        unit="s",
        steps=((5, WATCH),),
        most=5,
        runbook="FrontConnectorClockSkew",
    ),
    Part(
        title="Files fetched, by result; size p95",
        says=(
            "Attempts a second to fetch a file that a record only names, by result, and the size of those that came. "
            "blocked: its host is not allowed, or its address is an inner one."
        ),
        form="lines",
        queries=(
            Query(f"sum by (result) (rate({mine('attachments_total')}[{I}]))", "{{result}}"),
            Query(quantile(0.95, "attachment_size_bytes"), "size p95", unit="bytes"),
        ),
        unit="ops",
        width=12,
        height=7,
    ),
)
