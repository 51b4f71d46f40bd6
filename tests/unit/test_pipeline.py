"""The life of a record, in virtual time, against a scripted world."""

from itertools import pairwise

import pytest

from connector.core.answers import Answered, NotSent, Unknown
from connector.core.offset_map import Believed, read, write
from connector.ports import NotWritten
from tests.support.virtual_time import in_virtual_time
from tests.support.world import LOG, TP, Sent, Stage, record


@in_virtual_time
async def test_a_record_is_sent_accepted_and_only_then_committed() -> None:
    """Until Front has answered, no commit passes the record."""
    async with Stage() as stage:
        stage.front.delay = lambda _sent: 5.0
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(4.9)
        assert stage.front.ids == ["0"]
        assert [entry.offset for entries in stage.coordinator.history for entry in entries] == [0]
        await stage.quiet(2.0)
        committed = stage.coordinator.committed()
        assert committed is not None
        assert committed.offset == 1
        assert stage.facts.count("settled", "messages", "accepted") == 1


@in_virtual_time
async def test_nothing_is_sent_before_the_claim_is_acknowledged() -> None:
    """The first commits fail: records wait, and go once one is acknowledged."""
    async with Stage() as stage:
        stage.coordinator.script = lambda n: "COORDINATOR_NOT_AVAILABLE" if n <= 3 else None
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(1.0)
        assert stage.front.sent == []
        await stage.quiet(2.0)
        assert stage.front.ids == ["0"]


@in_virtual_time
@pytest.mark.parametrize(("released", "waits"), [(True, False), (False, True)])
async def test_reb_18_an_owner_that_did_not_release_is_waited_for(released: bool, waits: bool) -> None:
    """Its requests may still arrive for a request deadline, counted from the claim."""
    async with Stage(request_deadline_s=15.0) as stage:
        stage.assign(5, metadata=write(LOG, 5, (), released=released))
        stage.pipeline.received([record(5)])
        await stage.quiet(14.0)
        assert (stage.front.sent == []) is waits
        await stage.quiet(2.0)
        assert stage.front.ids == ["5"]


@in_virtual_time
async def test_led_09_what_a_believed_map_names_is_not_sent_again() -> None:
    """After a takeover only the unsettled records are sent."""
    async with Stage() as stage:
        stage.assign(3, metadata=write(LOG, 3, ((4, 5), (6, 8)), released=True))
        stage.pipeline.received([record(offset) for offset in range(3, 9)])
        await stage.quiet()
        assert sorted(stage.front.ids) == ["3", "5", "8"]
        assert stage.facts.count("settled", "messages", "duplicate") == 3
        assert stage.coordinator.committed().offset == 9  # type: ignore[union-attr]


@in_virtual_time
async def test_led_17_a_refused_map_is_counted_and_its_records_are_sent() -> None:
    """The text was written for another offset: repeat rather than skip."""
    async with Stage(request_deadline_s=1.0) as stage:
        stage.assign(3, metadata=write(LOG, 2, ((3, 9),), released=True))
        stage.pipeline.received([record(3), record(4)])
        await stage.quiet()
        assert sorted(stage.front.ids) == ["3", "4"]
        assert stage.facts.count("map_refused", "offset") == 1


@in_virtual_time
async def test_led_02_a_held_head_keeps_the_frontier_and_the_map_names_the_rest() -> None:
    """Two commit intervals pass; the committed offset stays, its metadata names what is settled."""
    async with Stage() as stage:
        stage.front.delay = lambda sent: 10.0 if sent.key == "slow" else 0.01
        stage.assign()
        stage.pipeline.received([record(0, "slow"), record(1, "b"), record(2, "c")])
        await stage.quiet(3.0)
        committed = stage.coordinator.committed()
        assert committed is not None
        assert committed.offset == 0
        assert read(committed.metadata, LOG, 0) == Believed(released=False, settled=((1, 3),))
        await stage.quiet(9.0)
        assert stage.coordinator.committed().offset == 3  # type: ignore[union-attr]


@in_virtual_time
async def test_ord_06_a_retrying_head_keeps_its_followers_waiting_and_nobody_else() -> None:
    """A1 is answered 503 twice: A2 arrives only after the third A1, B1 is not delayed."""
    async with Stage() as stage:
        stage.front.script = lambda sent, n: Answered(503 if sent.id.endswith("-0") and n < 3 else 202)
        stage.assign()
        stage.pipeline.received([record(0, "a"), record(1, "a"), record(2, "b")])
        await stage.quiet()
        assert stage.front.ids == ["0", "2", "0", "0", "1"]
        assert stage.facts.count("retried") == 2


@in_virtual_time
async def test_ret_09_a_lost_answer_is_repeated_with_the_same_bytes_and_counted() -> None:
    """Unknown may have been carried out; NotSent may not."""
    async with Stage() as stage:
        answers = {1: Unknown("timeout"), 2: NotSent("connect"), 3: Answered(202)}
        stage.front.script = lambda _sent, n: answers[n]
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet()
        assert len({sent.content for sent in stage.front.sent}) == 1
        assert (len(stage.front.sent), stage.facts.count("unknown_outcome")) == (3, 1)
        assert stage.facts.count("possible_duplicate") == 2


@in_virtual_time
async def test_brk_11_an_outage_dead_letters_nothing_and_a_poison_record_only_with_evidence() -> None:
    """Six hours of 503 make no dead letter; then one record fails for ever while others are accepted: it alone goes."""
    async with Stage() as stage:
        down = True
        stage.front.script = lambda sent, _n: Answered(503 if down or sent.key == "poison" else 202)
        stage.assign()
        stage.pipeline.received([record(0, "poison"), record(1, "b")])
        await stage.quiet(6 * 3600.0)
        assert stage.letters.letters == []
        down = False
        for offset in range(2, 12):
            assert stage.letters.letters == [] or offset > 4
            stage.pipeline.received([record(offset, "b")])
            await stage.quiet(3.0)
        assert stage.letters.reasons() == ["retries_exhausted"]
        assert stage.coordinator.committed().offset == 12  # type: ignore[union-attr]


@in_virtual_time
async def test_brk_11_a_single_acceptance_during_an_outage_condemns_nobody() -> None:
    """Front is down for ten minutes, takes one request, and is down again: the other 29 records are not at fault."""
    async with Stage() as stage:
        status = 503

        def script(_sent: Sent, _n: int) -> Answered:
            nonlocal status
            answer = Answered(status)
            status = status if status != 200 else 503
            return answer

        stage.front.script = script
        stage.assign()
        stage.pipeline.received([record(offset, str(offset)) for offset in range(30)])
        await stage.quiet(600.0)
        status = 200  # once
        await stage.quiet(60.0)
        assert stage.pipeline.last_accepted_wall is not None
        status = 202
        await stage.quiet(60.0)
        assert stage.letters.letters == []
        assert stage.coordinator.committed().offset == 30  # type: ignore[union-attr]


@in_virtual_time
async def test_ord_07_a_dead_lettered_head_frees_its_key_only_after_the_acknowledgement() -> None:
    """A1 is answered 400 and the letter takes 2 s: A2 does not reach Front before, and nothing is committed."""
    async with Stage() as stage:
        stage.front.script = lambda sent, _n: Answered(400 if sent.id.endswith("-0") else 202)
        stage.letters.delay = 2.0
        stage.assign()
        stage.pipeline.received([record(0, "a"), record(1, "a"), record(2, "b")])
        await stage.quiet(1.9)
        assert stage.front.ids == ["0", "2"]
        assert stage.coordinator.committed().offset == 0  # type: ignore[union-attr]
        await stage.quiet(2.0)
        assert stage.front.ids == ["0", "2", "1"]
        assert stage.coordinator.committed().offset == 3  # type: ignore[union-attr]


@in_virtual_time
async def test_dlq_03_the_hold_ends_when_the_partition_whose_letter_waits_is_gone() -> None:
    """Its next owner writes the letter: nothing here waits for the topic any more."""
    async with Stage() as stage:
        stage.letters.script = lambda _n: NotWritten("TOPIC_AUTHORIZATION_FAILED")
        stage.assign()
        stage.pipeline.received([record(0, "bad")])
        await stage.quiet(2.0)
        assert stage.pipeline.dead_letters.held_since is not None
        await stage.pipeline.revoke([TP], 1.0)
        assert stage.pipeline.dead_letters.held_since is None


@in_virtual_time
async def test_dlq_10_a_bad_record_at_the_end_is_passed() -> None:
    """Four good, one refused by its mapper, one undecodable: the frontier reaches the end."""
    async with Stage() as stage:
        stage.assign()
        broken = record(5)
        broken = type(broken)(
            topic="messages", partition=0, offset=5, epoch=broken.epoch, value=b"\x07nonsense"
        )
        good = [record(offset, str(offset)) for offset in range(4)]
        stage.pipeline.received([*good, record(4, "bad"), broken])
        await stage.quiet()
        assert stage.letters.reasons() == ["mapping_failed", "decode_failed"]
        assert stage.coordinator.committed().offset == 6  # type: ignore[union-attr]


@in_virtual_time
async def test_bad_04_skips_are_counted_and_passed() -> None:
    """A null value and a record that its rule skips make no request."""
    async with Stage() as stage:
        stage.assign()
        null = type(record(0))(topic="messages", partition=0, offset=0, epoch=record(0).epoch, value=None)
        stage.pipeline.received([null, record(1, "skip")])
        await stage.quiet()
        assert stage.front.sent == []
        assert stage.facts.count("settled", "messages", "skipped") == 2
        assert stage.coordinator.committed().offset == 2  # type: ignore[union-attr]


@in_virtual_time
async def test_brk_06_a_401_is_tried_once_more_then_holds_and_ends_by_itself() -> None:
    """The second record's channel is refused: it is neither lost nor dead-lettered, and goes when the token is good."""
    async with Stage(probe_interval_s=60.0) as stage:
        good = False
        stage.front.script = lambda sent, _n: Answered(202 if good or sent.key != "refused" else 401)
        stage.assign()
        batch = [record(0), record(1, "refused", channel="cha_2"), record(2, "c")]
        stage.pipeline.received(batch)
        await stage.quiet(30.0)
        assert stage.front.ids == ["0", "1", "2", "1"]
        assert stage.front.refreshed == ["main"]
        assert [hold.name for hold in stage.pipeline.holds.active] == ["cha_2"]
        assert stage.coordinator.committed().offset == 1  # type: ignore[union-attr]
        good = True
        await stage.quiet(60.0)
        assert stage.coordinator.committed().offset == 3  # type: ignore[union-attr]
        assert (stage.letters.letters, stage.pipeline.holds.active) == ([], ())


@in_virtual_time
async def test_ret_05_a_429_stops_its_company_and_is_no_attempt() -> None:
    """Ten keys, one 429 with 2 s: no request starts meanwhile; all are accepted, however often it happens."""
    async with Stage() as stage:
        stage.front.script = lambda _sent, n: Answered(429, {"retry-after": "2"}) if n <= 5 else Answered(202)
        stage.assign()
        stage.pipeline.received([record(offset, str(offset)) for offset in range(10)])
        await stage.quiet(20.0)
        assert stage.letters.letters == []
        assert stage.coordinator.committed().offset == 10  # type: ignore[union-attr]
        times = sorted({round(sent.at, 1) for sent in stage.front.sent})
        assert all(later - earlier >= 2.0 for earlier, later in pairwise(times))


@in_virtual_time
async def test_led_28_a_retry_of_the_second_request_repeats_neither_first_nor_third() -> None:
    """Three requests of one record: the second fails once; the key's next record waits for the third."""
    async with Stage() as stage:
        answers = iter([202, 503, 202, 202, 202])
        stage.front.script = lambda _sent, _n: Answered(next(answers))
        stage.assign()
        stage.pipeline.received([record(0, "three"), record(1, "three x"), record(2, "three")])
        stage.front.script = lambda sent, n: Answered(503 if sent.id.endswith("-0") and n == 2 else 202)
        await stage.quiet()
        assert stage.front.ids.count("0") == 4
        of_key = [sent.id for sent in stage.front.sent if sent.key == "three"]
        assert of_key == ["messages-0-0"] * 4 + ["messages-0-2"] * 3
