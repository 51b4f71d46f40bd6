"""Records and keys: what is kept of them, and what may be shown."""

from connector.core.records import Epoch, Record, TopicPartition, key_hash


def test_a_keys_hash_is_the_same_in_every_process_and_short() -> None:
    """Twelve hexadecimal digits, so that a log line of yesterday finds today's."""
    assert key_hash(("conversation", "cha_1", "room-9")) == "25b0538a296f"


def test_keys_that_differ_in_where_a_part_ends_have_other_hashes() -> None:
    """Joined texts would be alike."""
    assert len({key_hash(("a", "b:c")), key_hash(("a:b", "c")), key_hash(("a", "b", "c"))}) == 3


def test_a_records_size_is_all_of_its_bytes() -> None:
    """Key, value, names and values of headers; nulls weigh nothing."""
    record = Record(
        topic="calls",
        partition=3,
        offset=9,
        epoch=Epoch(1),
        key=b"12",
        value=b"345",
        headers=(("name", b"67890"), ("null", None)),
    )
    assert record.size == 2 + 3 + 4 + 5 + 4
    assert Record(topic="calls", partition=3, offset=9, epoch=Epoch(1), value=None).size == 0
    assert record.tp == TopicPartition("calls", 3)
