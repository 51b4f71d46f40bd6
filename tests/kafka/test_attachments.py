"""Files that records name by URL, through the whole service: a real broker, a host of files, the simulator of Front."""

import sys

import pytest

from tests.benchmark.recordings import LIMIT_MIB, run
from tests.support.kafka import Kafka

pytestmark = [pytest.mark.kafka(java=True), pytest.mark.timeout(180)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_att_02_att_06_recordings_arrive_whole_and_never_lie_in_memory(kafka: Kafka) -> None:
    """40 of 8 MB, 16 in flight: each with the digest of its source; memory grows by far less than they hold together."""
    measured = run(kafka, 40, 8_000_000)
    assert measured.whole == 40
    assert measured.peak - measured.idle < LIMIT_MIB / 2, measured
