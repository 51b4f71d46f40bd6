"""A shadow report as JSON values. Says nothing that the report does not."""

from connector.workbench.shadow.compare import Diff, Side
from connector.workbench.shadow.report import Report, Sample, totals
from connector.workbench.shadow.words import plain, value


def as_json(report: Report, *, show_values: bool) -> dict[str, object]:
    """Everything, under names that do not change. A value is a text, as people see it: null where there is no field."""
    return {
        "records": report.records,
        "differing": report.differing,
        "old": {"name": report.old.name, "hash": report.old.hash},
        "new": {"name": report.new.name, "hash": report.new.hash},
        "source": report.source,
        "values": "shown" if show_values else "masked",
        "passed_over": report.passed_over,
        "outcomes": {name: {"old": old, "new": new} for name, old, new in totals(report)},
        "topics": [
            {"topic": topic.topic, "records": topic.records, "kinds": dict(topic.kinds)}
            for topic in report.topics
        ],
        "rules": [
            {
                "topic": group.topic,
                "kind": group.kind,
                "old": _side(group.old),
                "new": _side(group.new),
                "records": group.records,
                "samples": [_sample(sample, show_values) for sample in group.samples],
            }
            for group in report.groups
        ],
        "fields": [
            {
                "topic": one.topic,
                "operation": one.operation,
                "path": plain(one.path),
                "records": one.records,
            }
            for one in report.fields
        ],
    }


def _side(side: Side) -> dict[str, object]:
    return {"outcome": side.outcome, "rule": side.rule, "reason": side.reason}


def _sample(sample: Sample, show_values: bool) -> dict[str, object]:
    return {
        "partition": sample.partition,
        "offset": sample.offset,
        "old_message": sample.old.message,
        "new_message": sample.new.message,
        "diffs": [_diff(diff, show_values) for diff in sample.diffs],
        "more_diffs": sample.more,
    }


def _diff(diff: Diff, show_values: bool) -> dict[str, object]:
    old, new = (None if one is None else value(one, shown=show_values) for one in (diff.old, diff.new))
    return {"operation": diff.operation, "path": plain(diff.path), "old": old, "new": new}
