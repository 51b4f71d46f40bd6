"""Anybody may have written the text beside an offset: it is believed only with its identity, and reading it costs little."""

import base64
import json
import random
import string
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.offset_map import MAX_METADATA, Believed, LogIdentity, Refused, read, write

LOG = LogIdentity("cluster-1", "topic-1")
MAX_OFFSET = 2**63 - 1
OFFSET = 5
WRITTEN = write(LOG, OFFSET, ((6, 9), (12, 80)), released=True, leader_epoch=4)


def sealed(body: str) -> str:
    """With the checksum that makes it look like ours."""
    return f"{body}{zlib.crc32(body.encode()):08x}"


def numbers(*given: int) -> bytes:
    """Seven bits a byte, low ones first."""
    packed = bytearray()
    for number in given:
        rest = number
        while rest >= 0x80:
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)


def deflated(packed: bytes) -> str:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.urlsafe_b64encode(deflate.compress(packed) + deflate.flush()).decode().rstrip("=")


def forged(packed: bytes) -> str:
    """Ours but for the map, which is made of these bytes."""
    return sealed(f"fc2;{LOG.cluster_id};{LOG.topic_id};{OFFSET};o;4;{deflated(packed)};")


def test_the_forgeries_below_differ_from_a_true_text_only_in_what_they_say() -> None:
    """Else they would be refused for another reason than the one that is tested."""
    assert read(forged(numbers(1, 3, 3, 68)), LOG, OFFSET) == Believed(False, ((6, 9), (12, 80)), 4)
    assert read(WRITTEN, LOG, OFFSET) == Believed(True, ((6, 9), (12, 80)), 4)


@pytest.mark.parametrize(
    ("log", "offset", "reason"),
    [
        (LogIdentity("cluster-2", "topic-1"), OFFSET, "cluster"),
        (LogIdentity("cluster-1", "topic-2"), OFFSET, "topic"),
        (LogIdentity("cluster-1", ""), OFFSET, "topic"),
        (LOG, OFFSET + 1, "offset"),
        (LOG, OFFSET - 1, "offset"),
    ],
)
def test_led_17_a_map_of_another_log_or_offset_is_refused(log: LogIdentity, offset: int, reason: str) -> None:
    """A recreated topic and an operator's reset are told apart."""
    assert read(WRITTEN, log, offset) == Refused(reason)  # type: ignore[arg-type]


def test_led_26_a_mirrored_group_is_refused_whether_or_not_the_offset_was_translated() -> None:
    """A sync between clusters writes its own offset beside our text: neither the offset nor the cluster is ours."""
    original = write(LOG, 1000, ((1001, 1400),), released=True)
    mirror = LogIdentity("cluster-2", LOG.topic_id)
    assert read(original, mirror, 700) == Refused("cluster")
    assert read(original, mirror, 1000) == Refused("cluster")
    assert read(original, LOG, 700) == Refused("offset")


def test_led_21_a_map_that_reaches_beyond_the_end_of_the_log_was_written_before_the_log_was_cut() -> None:
    """What it names below the end may have been written anew, so all of it is refused; up to the end it is believed."""
    assert read(WRITTEN, LOG, OFFSET, 79) == Refused("end")
    for end in (80, 81, None):
        assert isinstance(read(WRITTEN, LOG, OFFSET, end), Believed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "foreign"),
        (json.dumps({"offset": 5, "instance": "a;b;c"}), "foreign"),
        ("\0\1", "foreign"),
        (WRITTEN + "\0", "checksum"),
        (WRITTEN.replace("cluster", "clúster"), "foreign"),
        pytest.param("e" * 4096, "foreign", id="4096 characters"),
        (" ", "foreign"),
        ("fc1;cluster-1;topic-1;5;r;AQM;00000000", "version"),
        ("fc3" + WRITTEN[3:], "version"),
        ("fc2", "version"),
        ("fc2;a;b", "foreign"),
        ("fc2;;;;;;;", "checksum"),
        (WRITTEN + ";", "foreign"),
        (WRITTEN.upper().replace("FC2", "fc2"), "checksum"),
        pytest.param("fc2;" + "x" * MAX_METADATA + WRITTEN[4:], "foreign", id="too long"),
    ],
)
def test_led_17_strangers_text_is_refused_with_a_reason(text: str, reason: str) -> None:
    """Binary, JSON, another alphabet, other versions of ours, too little, too much."""
    assert read(text, LOG, OFFSET) == Refused(reason)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("alphabet", [string.printable, string.ascii_letters + string.digits + "-_;"])
def test_led_17_4096_random_characters_are_refused(seed: int, alphabet: str) -> None:
    """With the beginning of ours or without."""
    noise = "".join(random.Random(seed).choices(alphabet, k=4096))
    assert isinstance(read(noise, LOG, OFFSET), Refused)
    assert isinstance(read("fc2;" + noise[4:], LOG, OFFSET), Refused)


@pytest.mark.parametrize("state", ["", "R", "x", "ro", "true"])
def test_led_17_a_state_that_is_neither_released_nor_owned_is_refused(state: str) -> None:
    """Whoever wrote it meant something else than we do."""
    text = sealed(f"fc2;{LOG.cluster_id};{LOG.topic_id};{OFFSET};{state};4;{deflated(b'')};")
    assert read(text, LOG, OFFSET) == Refused("foreign")


@pytest.mark.parametrize(
    "leader_epoch", ["x", "-1", "1.5", "1e3", " 1", "9" * 11, pytest.param("9" * 3000, id="3000 digits")]
)
def test_led_17_a_leader_epoch_that_is_no_number_is_refused(leader_epoch: str) -> None:
    """Nor are digits without end turned into one."""
    text = sealed(f"fc2;{LOG.cluster_id};{LOG.topic_id};{OFFSET};r;{leader_epoch};{deflated(b'')};")
    assert read(text, LOG, OFFSET) == Refused("foreign")


@pytest.mark.parametrize("written_for", ["", "05", "+5", "5.0", "-5", "5 "])
def test_led_17_the_offset_it_was_written_for_is_compared_as_we_write_it(written_for: str) -> None:
    """A text that says the same in other words is not ours."""
    text = sealed(f"fc2;{LOG.cluster_id};{LOG.topic_id};{written_for};r;4;{deflated(b'')};")
    assert read(text, LOG, OFFSET) == Refused("offset")


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(numbers(1), id="a gap without a length"),
        pytest.param(numbers(1, 2, 3), id="an odd number of numbers"),
        pytest.param(numbers(1, 0), id="a run of nothing"),
        pytest.param(b"\x81", id="a number that does not end"),
        pytest.param(numbers(1) + b"\xff" * 9 + b"\x01", id="a number of more than 63 bits"),
        pytest.param(b"\xff" * 3000 + b"\x01\x01", id="a number of three thousand bytes"),
        pytest.param(b"\x80" * 9 + b"\x00\x01", id="a small number in ten bytes"),
        pytest.param(numbers(MAX_OFFSET - OFFSET, 1), id="a run beyond the largest offset"),
        pytest.param(numbers(*(MAX_OFFSET - 5,) * 40), id="runs whose sum is beyond it"),
    ],
)
def test_led_17_numbers_that_make_no_map_are_refused(packed: bytes) -> None:
    """A sound checksum does not make them sound."""
    assert read(forged(packed), LOG, OFFSET) == Refused("foreign")


@pytest.mark.parametrize(
    "armoured",
    [
        *("", "A", "!!!!", "AAAA", deflated(numbers(1, 3))[:-2], deflated(numbers(1, 3)) + "AAAA", "é"),
        pytest.param("!!!!" + deflated(numbers(1, 3)), id="a map with strange characters"),
        pytest.param(
            deflated(numbers(1, 3))[:2] + "\n" + deflated(numbers(1, 3))[2:], id="a map on two lines"
        ),
    ],
)
def test_led_17_what_is_not_deflated_whole_is_refused(armoured: str) -> None:
    """Not base64, not deflate, cut short, or with something behind it."""
    body = f"fc2;{LOG.cluster_id};{LOG.topic_id};{OFFSET};r;4;{armoured};"
    assert read(sealed(body), LOG, OFFSET) == Refused("foreign")


@pytest.mark.parametrize("byte", [b"\x01", b"\x00", b"\xff"])
def test_led_17_a_text_that_inflates_to_megabytes_is_refused_before_it_does(byte: bytes) -> None:
    """Three million bytes deflate to three thousand: what is read of them stays within a megabyte or two."""
    text = forged(byte * 2_800_000)
    assert len(text) <= MAX_METADATA
    tracemalloc.start()
    try:
        found = read(text, LOG, OFFSET)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == Refused("foreign")
    assert peak < 2_000_000


@given(st.text(max_size=300), st.integers(0, 2**63))
def test_led_17_no_text_whatever_raises(text: str, offset: int) -> None:
    """Alone, behind the beginning of ours, and with a sound checksum."""
    assert not isinstance(read(text, LOG, offset), Believed)
    assert isinstance(read("fc2;" + text, LOG, offset), Refused)
    read(sealed(f"fc2;{LOG.cluster_id};{LOG.topic_id};{offset};{text}"), LOG, offset)


@given(st.binary(max_size=300))
def test_led_17_no_map_whatever_raises_and_what_is_believed_ascends(packed: bytes) -> None:
    """Deflated or not: settled runs lie above the committed offset, in order, none empty, within 64 bits."""
    raw = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    for armoured in (deflated(packed), raw):
        text = sealed(f"fc2;{LOG.cluster_id};{LOG.topic_id};{OFFSET};o;;{armoured};")
        found = read(text, LOG, OFFSET)
        assert isinstance(found, Believed | Refused)
        if isinstance(found, Believed):
            flat = [OFFSET, *(number for run in found.settled for number in run)]
            assert flat == sorted(flat)
            assert flat[-1] <= MAX_OFFSET
            assert all(first < end for first, end in found.settled)


@given(st.data())
def test_led_17_one_changed_character_is_noticed(data: st.DataObject) -> None:
    """The checksum covers everything before it, and itself."""
    index = data.draw(st.integers(0, len(WRITTEN) - 1))
    character = data.draw(st.characters().filter(lambda one: one != WRITTEN[index]))
    assert isinstance(read(WRITTEN[:index] + character + WRITTEN[index + 1 :], LOG, OFFSET), Refused)


def test_led_17_an_identity_that_no_broker_tells_believes_only_its_like() -> None:
    """Without topic ids (before Kafka 2.8) a text is still bound to its cluster and offset."""
    old = LogIdentity("cluster-1")
    text = write(old, OFFSET, ((6, 9),), released=True)
    assert isinstance(read(text, old, OFFSET), Believed)
    assert read(text, LOG, OFFSET) == Refused("topic")
