"""A dead letter read back is the record that it was made of, whatever headers that record had."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.dead_letter import Failure, Origin, envelope, smaller
from connector.core.records import Epoch, Record
from connector.workbench.letters import source_record

FAILURE = Failure(reason="no_rule", stage="map", message="no rule fits", step="s", details=("d",))
ORIGIN = Origin(connector="c", instance="c-0", version="1")
OWN = st.tuples(
    st.sampled_from(["h", "__connect.errors.topic", "__connect.errors.offset", "front.source.timestamp"]),
    st.none() | st.binary(max_size=5),
)
RECORDS = st.builds(
    Record,
    topic=st.sampled_from(["calls.v1", "t"]),
    partition=st.integers(0, 2**31 - 1),
    offset=st.integers(0, 2**63 - 1),
    epoch=st.just(Epoch(0)),
    value=st.none() | st.binary(max_size=5),
    key=st.none() | st.binary(max_size=5),
    headers=st.lists(OWN, max_size=6).map(tuple),
    timestamp_ms=st.none() | st.integers(0, 2**42),
)


def as_read(record: Record, *, small: bool = False) -> Record:
    """The record's letter as it comes back from the dead-letter topic."""
    letter = envelope(record, FAILURE, ORIGIN, failed_at_ms=0)
    letter = smaller(letter) if small else letter
    return Record(
        topic="dead-letters", partition=0, offset=3, epoch=Epoch(0), timestamp_ms=9,
        value=letter.value, key=letter.key, headers=letter.headers,
    )  # fmt: skip


@given(RECORDS, st.booleans())
def test_a_letter_gives_back_its_record(record: Record, small: bool) -> None:
    """Byte for byte, also when the record's own headers look like ours, as a redriven record's do."""
    assert source_record(as_read(record, small=small)) == record


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("h", b"x"),),
        (("__connect.errors.topic", b"t"),),
        (
            ("__connect.errors.topic", None),
            ("__connect.errors.partition", b"0"),
            ("__connect.errors.offset", b"0"),
        ),
        (
            ("__connect.errors.topic", b"t"),
            ("__connect.errors.partition", b"0"),
            ("__connect.errors.offset", b"x"),
        ),
        (
            ("__connect.errors.topic", b"t"),
            ("__connect.errors.partition", b"0"),
            ("__connect.errors.offset", b"9" * 30),
        ),
    ],
)
def test_what_no_connector_wrote_gives_none(headers: tuple[tuple[str, bytes | None], ...]) -> None:
    """Somebody else may write into the topic too."""
    letter = Record(topic="d", partition=0, offset=0, epoch=Epoch(0), value=b"", headers=headers)
    assert source_record(letter) is None
