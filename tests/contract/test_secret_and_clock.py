"""A secret that changes and clocks that differ, between the whole pipeline and a real simulator, over each carrier."""

import time
from collections import Counter
from pathlib import Path

import pytest
from pydantic import SecretStr

from connector.adapters.files import SecretFile
from connector.adapters.front.tokens import JwtTokens
from connector.app.clock import SystemClock
from connector.simulator.clock import Clock
from connector.simulator.server import Simulator
from connector.simulator.tokens import Tokens
from connector.simulator.world import DEMO_APP, DEMO_SECRET
from tests.support.carriers import CARRIERS, Make
from tests.support.http_stage import over_http
from tests.support.real_time import until
from tests.support.world import Facts, Stage, record

IN_FLIGHT = 8
NEXT_SECRET = "the-next-secret-that-protects-as-little"
CHANNELS = ("cha_shop_chat", "cha_one", "cha_two", "cha_three")


@pytest.fixture(params=CARRIERS, ids=["aiohttp", "httpx"])
def make(request: pytest.FixtureRequest) -> Make:
    """The carrier under test."""
    kind: Make = request.param
    return kind


class Ours(SystemClock):
    """This machine's clocks; the wall clock is ahead by what is set."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self.ahead_s = ahead_s

    def wall(self) -> float:
        return super().wall() + self.ahead_s


class Deaf:
    def secret_reloaded(self, path: str) -> None: ...

    def secret_kept(self, path: str, why: str) -> None: ...


async def forty(stage: Stage, begin: int) -> None:
    """Forty records of ten conversations on four channels arrive, and Front takes them all."""
    stage.pipeline.received(
        [record(n, str(n % 10), channel=CHANNELS[n % 10 % 4]) for n in range(begin, begin + 40)]
    )
    await until(lambda: stage.facts.count("settled", "messages", "accepted") == begin + 40)


def statuses(front: Simulator) -> Counter[object]:
    return Counter(entry.outcome for entry in front.state.log.newest(1000))


def holds(stage: Stage) -> int:
    return stage.facts.count("hold.started") + stage.facts.count("error", "hold.started")


def others(told: Facts) -> list[tuple[object, ...]]:
    return [(*args, fields["accepted"]) for name, args, fields in told.seen if name == "other_secret"]


async def test_a_secret_may_change_in_its_file_before_it_changes_at_front(make: Make, tmp_path: Path) -> None:
    """No record waits in a hold, none is lost; each change costs at most one refused request for each that is in flight."""
    file = tmp_path / "secret"
    file.write_text(DEMO_SECRET)
    tokens = JwtTokens(app_uid=DEMO_APP, secret=SecretFile(file, lambda: 0.0, Deaf()))
    async with (
        Simulator() as front,
        over_http(front.base_url, None, tokens, carrier=make, in_flight=IN_FLIGHT) as (stage, told),
    ):
        stage.assign()
        await forty(stage, 0)
        assert statuses(front) == {202: 40}
        file.write_text(NEXT_SECRET)
        tokens.secret.refresh()
        await forty(stage, 40)
        early = statuses(front)[401]
        assert 1 <= early <= IN_FLIGHT
        assert others(told) == [("main", "former", True)]
        front.state.front._tokens = Tokens({DEMO_APP: SecretStr(NEXT_SECRET)})
        await forty(stage, 80)
        late = statuses(front)[401] - early
        assert 1 <= late <= IN_FLIGHT
        assert others(told) == [("main", "former", True), ("main", "newest", True)]
        await forty(stage, 120)
        assert statuses(front) == {202: 160, 401: early + late}
        assert holds(stage) == 0
        assert stage.letters.letters == []


async def test_a_secret_may_change_at_front_before_it_changes_in_its_file(make: Make, tmp_path: Path) -> None:
    """The file follows within the second try, which reads it again: no hold, and nothing of the former is tried."""
    file = tmp_path / "secret"
    file.write_text(DEMO_SECRET)
    tokens = JwtTokens(app_uid=DEMO_APP, secret=SecretFile(file, lambda: 0.0, Deaf()))
    async with (
        Simulator() as front,
        over_http(front.base_url, None, tokens, carrier=make, in_flight=IN_FLIGHT) as (stage, told),
    ):
        stage.assign()
        await forty(stage, 0)
        front.state.front._tokens = Tokens({DEMO_APP: SecretStr(NEXT_SECRET)})
        file.write_text(NEXT_SECRET)  # the clock of the file stands still: only a 401 has it read again
        await forty(stage, 40)
        assert statuses(front)[401] <= IN_FLIGHT
        assert (others(told), holds(stage)) == ([], 0)


@pytest.mark.parametrize("ahead_s", [-200.0, -45.0, 45.0, 200.0])
async def test_a_clock_that_is_off_costs_one_refused_request_each(make: Make, ahead_s: float) -> None:
    """Front's first 401 tells its time: the second try is right, and so is everything after, to within a second."""
    async with (
        Simulator() as front,
        over_http(front.base_url, carrier=make, clock=Ours(ahead_s), in_flight=IN_FLIGHT) as (stage, told),
    ):
        stage.assign()
        await forty(stage, 0)
        refused = statuses(front)[401]
        assert 1 <= refused <= IN_FLIGHT
        await forty(stage, 40)
        assert statuses(front) == {202: 80, 401: refused}
        assert (holds(stage), others(told)) == (0, [])
        skews = [args[0] for name, args, _ in told.seen if name == "clock_skew"]
        assert skews
        assert all(isinstance(skew, float) and abs(skew - ahead_s) <= 1.0 for skew in skews)


async def test_a_clock_that_is_set_while_we_run_costs_nothing(make: Make) -> None:
    """By two minutes, either way: what was heard of Front's clock holds, and no request is refused."""
    ours = Ours()
    async with (
        Simulator() as front,
        over_http(front.base_url, carrier=make, clock=ours, in_flight=IN_FLIGHT) as (stage, _),
    ):
        stage.assign()
        for round_, ahead_s in enumerate((0.0, 120.0, -120.0)):
            ours.ahead_s = ahead_s
            await forty(stage, 40 * round_)
        assert statuses(front) == {202: 120}


async def test_a_front_whose_clock_is_an_hour_off_is_not_followed(make: Make) -> None:
    """Nobody can tell whose clock is wrong then: our tokens stay as they are, and the app holds as before."""
    theirs = Clock(wall=lambda: time.time() - 3600.0)
    async with (
        Simulator(clock=theirs) as front,
        over_http(front.base_url, carrier=make, in_flight=IN_FLIGHT) as (stage, told),
    ):
        stage.assign()
        stage.pipeline.received([record(n, str(n), channel="cha_shop_chat") for n in range(2)])
        await until(lambda: statuses(front)[401] >= 2 and stage.pipeline.holds.active != ())
        assert [args for name, args, _ in told.seen if name == "clock_skew"]
        assert stage.facts.count("settled") == 0
