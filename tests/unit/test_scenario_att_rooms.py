"""Files that were fetched take room: who keeps them and when they are given back; virtual time."""

import asyncio

from connector.core.answers import Answered
from connector.core.files import FetchAnswer, Fetched, HostFailed, NoRoom
from tests.support.files import Files, FrontOfForms, Kept, with_files
from tests.support.multipart import Form
from tests.support.virtual_time import in_virtual_time
from tests.support.world import OTHER, TP, Stage, record

URL = "https://files.example/{id}"


def _forms(front: FrontOfForms) -> list[Form]:
    return [content for _, content in front.got if isinstance(content, Form)]


@in_virtual_time
async def test_att_06_a_record_that_waits_for_room_keeps_none() -> None:
    """Two records of two files each, room for two: neither waits with one file for the other's."""
    front = FrontOfForms()
    files = Files(delay=0.05)
    files.script = lambda url, _n: Fetched(Kept(url.encode())) if files.kept < 2 else NoRoom("full")
    maps = with_files(URL + "/1", URL + "/2")
    async with Stage(maps=maps, sender=front, files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0, "a"), record(1, "b"), record(2, "c")])
        for _ in range(600):
            await stage.quiet(0.1)
        assert len(_forms(front)) == 3
        assert files.kept == 0
        assert stage.letters.letters == []


@in_virtual_time
async def test_att_06_after_a_wait_for_room_no_file_answers_for_another() -> None:
    """The second fails, twice with evidence, there is no room, the first fails once with it: neither did three times."""
    front = FrontOfForms()
    answers: dict[str, list[FetchAnswer]] = {
        "one": [Fetched(Kept(b"1")), HostFailed("503", "one.example answered 503")],
        "two": [*[HostFailed("503", "two.example answered 503")] * 3, NoRoom("full")],
    }

    def script(url: str, _n: int) -> FetchAnswer:
        answered = answers[url.removeprefix("https://").split(".")[0]]
        return answered.pop(0) if url.endswith("messages-0-0") and answered else Fetched(Kept(b"x"))

    maps = with_files("https://one.example/{id}", "https://two.example/{id}")
    async with Stage(maps=maps, sender=front, files=Files(script)) as stage:
        stage.assign()
        stage.pipeline.received([record(0, "a")])
        for number in range(1, 60):
            stage.pipeline.received([record(number, f"other{number}")])
            await stage.quiet(0.1)
        await stage.quiet(5.0)
        assert answers == {"one": [], "two": []}
        assert stage.letters.letters == []
        assert len(_forms(front)) == 60


@in_virtual_time
async def test_att_08_a_revoke_waits_for_no_fetch_and_leaves_no_file() -> None:
    """What was fetched and not sent, and what is being fetched, is given back; the next owner fetches again."""
    front = FrontOfForms(delay=100.0)
    files = Files(lambda url, _n: Fetched(Kept(url.encode())))
    async with Stage(maps=with_files(URL), sender=front, files=files, in_flight=1) as stage:
        stage.assign()
        await stage.quiet(0.1)
        files.delay = 100.0
        stage.pipeline.received([record(0, "c")])
        await stage.quiet(0.1)
        files.delay = 0.05
        stage.pipeline.received([record(1, "a"), record(2, "b")])
        await stage.quiet(1.0)
        assert files.kept == 2  # one is being sent, one waits for its slot
        before = asyncio.get_running_loop().time()
        await stage.pipeline.revoke([TP], 2.0)
        assert asyncio.get_running_loop().time() - before < 2.5
        await stage.quiet(0.1)
        assert files.kept == 0
        assert files.cancelled == 1
        assert stage.pipeline.dispatch.queued == stage.pipeline.dispatch.in_flight == 0


@in_virtual_time
async def test_att_09_a_held_channel_gives_its_files_back() -> None:
    """A hold may last: its files would take others' room. They are fetched again when it ends."""
    front, files = FrontOfForms(lambda n: Answered(403 if n < 2 else 202)), Files()
    async with Stage(maps=with_files(URL), sender=front, files=files, probe_interval_s=30.0) as stage:
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(10.0)
        assert len(front.got) == 1
        assert files.kept == 0
        await stage.quiet(60.0)
        assert len(front.got) == 2
        assert sum(files.tries.values()) == 2
        assert stage.pipeline.partitions[TP].ledger.unsettled == 0


@in_virtual_time
async def test_att_10_a_lost_partition_sends_nothing_and_keeps_nothing() -> None:
    """Cut off at once; the other partition's files stay."""
    front, files = FrontOfForms(delay=1.0), Files()
    async with Stage(maps=with_files(URL), sender=front, files=files, in_flight=1) as stage:
        stage.assign()
        stage.assign(tp=OTHER)
        await stage.quiet(0.1)
        stage.pipeline.received([record(0, "a"), record(1, "b")])
        stage.pipeline.received([record(0, "c", tp=OTHER)])
        await stage.quiet(0.1)
        assert files.kept == 3
        stage.pipeline.lost([TP])
        assert files.kept == 1
        await stage.quiet(10.0)
        assert files.kept == 0
        assert dict(_forms(front)[-1].fields)["metadata[external_id]"] == "other-0-0"


@in_virtual_time
async def test_att_09_in_a_held_channel_only_the_probe_fetches() -> None:
    """403 for ten minutes, 20 keys: nothing is kept between probes, one file is fetched for each, and then all arrive."""
    refusing = True
    front = FrontOfForms(lambda _n: Answered(403 if refusing else 202))
    files = Files()
    async with Stage(maps=with_files(URL), sender=front, files=files, probe_interval_s=60.0) as stage:
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(number, f"key{number}") for number in range(20)])
        await stage.quiet(30.0)
        assert files.kept == 0
        before = sum(files.tries.values())
        await stage.quiet(600.0)
        assert files.kept == 0
        assert sum(files.tries.values()) - before <= 11
        refusing = False
        await stage.quiet(120.0)
        assert stage.pipeline.partitions[TP].ledger.unsettled == 0
        assert files.kept == 0


@in_virtual_time
async def test_att_06_a_record_that_waits_for_a_host_keeps_nothing_of_others() -> None:
    """Its other file is given back meanwhile, and fetched again when the host is up."""
    front = FrontOfForms()
    up = False

    def script(url: str, _n: int) -> FetchAnswer:
        return Fetched(Kept(url.encode())) if up or "good" in url else HostFailed("503", "bad is down")

    files = Files(script)
    maps = with_files("https://good.example/{id}", "https://bad.example/{id}")
    async with Stage(maps=maps, sender=front, files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet(300.0)
        assert files.kept == 0
        assert stage.letters.letters == []
        up = True
        await stage.quiet(3.0)
        (form,) = _forms(front)
        assert len(form.files) == 2
        assert files.kept == 0


@in_virtual_time
async def test_att_06_a_long_limit_of_one_channel_keeps_no_room_from_another() -> None:
    """60 keys of a channel have their files when Front's limit holds it for 15 minutes; room for 40 files."""
    front = FrontOfForms()
    files = Files()
    files.script = lambda url, _n: Fetched(Kept(url.encode())) if files.kept < 40 else NoRoom("full")
    limited = Answered(429, {"retry-after": "900", "x-ratelimit-remaining": "10"})
    loop = asyncio.get_running_loop()
    front.script = lambda n: (
        limited if front.got[n - 1][0] == "cha_a" and loop.time() < 800.0 else Answered(202)
    )
    async with Stage(maps=with_files(URL), sender=front, files=files) as stage:
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(number, f"k{number}", channel="cha_a") for number in range(60)])
        await stage.quiet(2.0)
        stage.pipeline.received([record(60, "other", channel="cha_b")])
        await stage.quiet(30.0)
        assert "cha_b" in [channel for channel, _ in front.got]
        await stage.quiet(2000.0)
        assert stage.pipeline.partitions[TP].ledger.unsettled == 0
        assert files.kept == 0
