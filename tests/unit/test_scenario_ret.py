"""What is sent again, when, and what waits meanwhile: in virtual time, against a scripted world."""

from collections import defaultdict
from itertools import count

import pytest

from connector.core.answers import Answered, Unknown
from connector.core.decode import SchemaId
from connector.core.outcome import RetryPolicy
from connector.core.pacing import RateLimits
from tests.support.operation_world import SCHEMA, wanted, wanting
from tests.support.virtual_time import in_virtual_time
from tests.support.world import Stage, record

SLOW = RetryPolicy(base_s=60.0, cap_s=60.0, attempts=3)


def offsets(stage: Stage) -> list[int]:
    """Every offset that was committed, the claim's included."""
    return [entry.offset for entries in stage.coordinator.history for entry in entries]


@in_virtual_time
async def test_ret_03_a_retry_after_in_seconds_is_waited_for() -> None:
    """429 with one second, then 202: the same bytes, not before that second is over, and the offset is committed once."""
    async with Stage() as stage:
        stage.front.script = lambda _sent, n: Answered(429, {"retry-after": "1"}) if n == 1 else Answered(202)
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(5.0)
        first, second = stage.front.sent
        assert first.ended is not None
        assert second.at >= first.ended + 1.0
        assert first.content == second.content
        assert offsets(stage) == [0, 1]


@in_virtual_time
async def test_ret_05_a_429_stops_what_shares_the_limit_and_lets_the_rest_finish() -> None:
    """Ten keys of a company are in flight and one is throttled for 2 s: nothing new of it starts, another company goes on."""
    async with Stage(maps=wanted("messages"), in_flight=20) as stage:
        stage.schemas.known[SchemaId(50)] = SCHEMA
        throttled = iter([Answered(429, {"retry-after": "2", "x-ratelimit-remaining": "0"})])
        stage.front.script = lambda sent, _n: (
            next(throttled, Answered(202)) if sent.id == "m-0" else Answered(202)
        )
        stage.front.delay = lambda sent: 0.1 if sent.id == "m-0" else 1.0
        stage.assign()
        ours = [wanting(n, "sync-inbound-message", str(n), channel=f"cha_{1 + n % 2}") for n in range(10)]
        stage.pipeline.received(ours)
        await stage.quiet(0.05)
        more = [wanting(n, "sync-inbound-message", str(n), channel=f"cha_{1 + n % 2}") for n in range(10, 15)]
        theirs = [wanting(n, "sync-inbound-message", str(n), channel="cha_9") for n in range(15, 65)]
        await stage.quiet(0.1)
        stage.pipeline.received([*more, *theirs])
        await stage.quiet(20.0)
        began = {sent.id: sent for sent in reversed(stage.front.sent)}
        assert all(began[f"m-{n}"].ended == pytest.approx(began[f"m-{n}"].at + 1.0) for n in range(1, 10))
        acme = [sent.at for sent in stage.front.sent if sent.channel.company == "acme"]
        assert [at for at in acme if 0.11 < at < 2.1] == []
        assert len(acme) == 16
        bell = [sent.at for sent in stage.front.sent if sent.channel.company == "bell"]
        assert sum(at < 2.1 for at in bell) >= 20
        assert stage.letters.letters == []
        assert offsets(stage)[-1] == 65


def busiest(times: list[float], seconds: float) -> int:
    """The most of these within any half-open stretch of so many seconds."""
    return max(sum(begin <= at < begin + seconds for at in times) for begin in times)


@in_virtual_time
async def test_ret_06_a_companys_minute_is_kept_and_used() -> None:
    """Fifty a minute and 500 records, some of them tried twice: never 51 in sixty seconds, and 48 a minute at least."""
    async with Stage(rate_limits=RateLimits(company_per_minute=50, channel_per_second=0)) as stage:
        stage.front.script = lambda sent, n: Answered(503 if sent.id.endswith("7") and n == 1 else 202)
        stage.assign()
        stage.pipeline.received([record(offset, str(offset)) for offset in range(500)])
        await stage.quiet(1200.0)
        times = [sent.at for sent in stage.front.sent]
        assert len(times) == 550
        assert busiest(times, 60.0) <= 50
        whole_minutes = times[: 10 * 50]
        assert len(whole_minutes) / (times[10 * 50] - times[0]) * 60.0 >= 48
        assert offsets(stage)[-1] == 500


@in_virtual_time
async def test_ret_07_each_channel_has_its_own_second() -> None:
    """Five a second and two busy channels: neither has six in any second, and together they reach nine."""
    async with Stage(rate_limits=RateLimits(company_per_minute=0, channel_per_second=5)) as stage:
        stage.assign()
        stage.pipeline.received([record(n, str(n), channel=f"cha_{n % 2}") for n in range(100)])
        await stage.quiet(30.0)
        times: dict[str, list[float]] = defaultdict(list)
        for sent in stage.front.sent:
            times[sent.channel.id].append(sent.at)
        assert [busiest(each, 0.999) for each in times.values()] == [5, 5]
        assert busiest([sent.at for sent in stage.front.sent], 0.999) >= 9


@in_virtual_time
async def test_ret_09_a_lost_answer_is_one_possible_duplicate_and_one_commit() -> None:
    """Front carried the first request out and its answer was lost: the same bytes once more, and a count of one."""
    async with Stage() as stage:
        stage.front.script = lambda _sent, n: Unknown("timeout") if n == 1 else Answered(202)
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(5.0)
        first, second = stage.front.sent
        assert (first.id, first.content) == (second.id, second.content)
        assert stage.facts.count("possible_duplicate") == 1
        assert offsets(stage) == [0, 1]


@in_virtual_time
async def test_ret_11_a_record_that_always_fails_is_given_up_with_its_count_and_last_status() -> None:
    """500 for ever on one while others are accepted: the documented attempts, a dead letter, and its followers go on."""
    async with Stage(retry=RetryPolicy(base_s=0.1, cap_s=1.0, attempts=3)) as stage:
        stage.front.script = lambda sent, _n: Answered(500 if sent.id == "messages-0-0" else 202)
        stage.assign()
        stage.pipeline.received([record(0, "poison"), record(1, "poison")])
        for offset in range(2, 12):
            stage.pipeline.received([record(offset, "fine")])
            await stage.quiet(1.5)
        (letter,) = stage.letters.letters
        told = dict(letter.headers)
        assert letter.source.offset == 0
        assert told["front.reason"] == b"retries_exhausted"
        assert told["front.http.status"] == b"500"
        assert told["front.attempts"] == str(stage.front.ids.count("0")).encode()
        of_key = [sent.id[-1] for sent in stage.front.sent if sent.key == "poison"]
        assert of_key == ["0"] * (len(of_key) - 1) + ["1"]
        assert offsets(stage)[-1] == 12


@in_virtual_time
async def test_ret_12_records_in_back_off_leave_their_slots_to_others() -> None:
    """Two slots and two keys that wait 30 s: a third key is sent in the moment in which it arrives."""
    retry = RetryPolicy(base_s=30.0, cap_s=30.0, attempts=3)
    async with Stage(in_flight=2, retry=retry) as stage:
        stage.front.script = lambda sent, _n: Answered(202 if sent.key == "c" else 503)
        stage.assign()
        stage.pipeline.received([record(0, "a"), record(1, "b")])
        await stage.quiet(5.0)
        stage.pipeline.received([record(2, "c")])
        await stage.quiet(0.1)
        (third,) = [sent for sent in stage.front.sent if sent.key == "c"]
        assert third.at == 5.0
        assert stage.front.ids == ["0", "1", "2"]


@in_virtual_time
async def test_ret_13_a_stop_does_not_wait_for_a_back_off() -> None:
    """A minute is left of it, the grace is five seconds: it ends at once, the record neither committed nor given up."""
    stage = Stage(retry=SLOW)
    async with stage:
        stage.front.script = lambda _sent, _n: Answered(503)
        stage.assign()
        stage.pipeline.received([record(0), record(1, "a")])
        await stage.quiet(2.0)
        stopped_at = stage.front.loop_time()
        assert await stage.pipeline.stop(5.0)
        assert stage.front.loop_time() - stopped_at < 1.0
    assert stage.front.ids == ["0"]
    assert stage.letters.letters == []
    assert set(offsets(stage)) == {0}


@pytest.mark.parametrize("body", [b"", b"<html>\xff</html>", b'{"status": "accepted"}', b"[" * 10_000])
def test_ret_14_a_2xx_is_an_acceptance_whatever_its_body(body: bytes) -> None:
    """Nothing, a page, JSON without an id: none of it makes the record be sent again."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            stage.front.script = lambda _sent, _n: Answered(202, {"content-type": "text/html"}, body)
            stage.assign()
            stage.pipeline.received([record(0), record(1)])
            await stage.quiet(5.0)
            assert stage.front.ids == ["0", "1"]
            assert stage.facts.count("settled", "messages", "accepted") == 2
            assert offsets(stage)[-1] == 2

    play()


@in_virtual_time
async def test_ret_15_a_front_that_fails_every_third_request_is_slow_and_not_down() -> None:
    """A hundred records of seven keys: each is accepted, in order per key, and within two minutes."""
    async with Stage(retry=RetryPolicy(base_s=0.5, cap_s=60.0, attempts=1000)) as stage:
        turn = count(1)
        stage.front.script = lambda _sent, _n: Answered(202 if next(turn) % 3 else 500)
        stage.assign()
        stage.pipeline.received([record(offset, str(offset % 7)) for offset in range(100)])
        await stage.quiet(120.0)
        assert stage.facts.count("settled", "messages", "accepted") == 100
        for key in map(str, range(7)):
            firsts = dict.fromkeys(int(sent.id[11:]) for sent in stage.front.sent if sent.key == key)
            assert list(firsts) == list(range(int(key), 100, 7))
        assert stage.letters.letters == []
        assert offsets(stage)[-1] == 100
