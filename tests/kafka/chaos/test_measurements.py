"""The two measurements of delivery run from end to end, in sizes that say nothing of speed."""

import pytest

from tests.benchmark import head_of_line, takeover
from tests.support.kafka import Kafka


@pytest.mark.kafka
def test_a_takeover_with_the_map_repeats_no_more_than_its_bound_and_without_it_everything(
    kafka: Kafka,
) -> None:
    """150 records above a blocked one: with the map only what no commit had recorded is sent twice."""
    rows = with_map, without = takeover.run(kafka, records=150, commit_interval_s=0.3)
    assert with_map.repeated <= with_map.bound
    assert without.repeated >= 150
    assert "with the map" in takeover.table(rows, 0.3)


def test_a_failing_conversation_is_measured_against_a_connector_where_nothing_fails() -> None:
    """Two seconds at each pace: both connectors deliver, one conversation is refused, and arrives in the end."""
    rows = head_of_line.run(seconds=2.0, turn_s=0.5)
    assert [row.offered for row in rows] == [head_of_line.OFFERED, None]
    assert all(row.healthy > 0 and row.failing > 0 for row in rows)
    assert rows[1].refused > 0
    assert rows[1].kept > 0
    assert "full speed" in head_of_line.table(rows)
