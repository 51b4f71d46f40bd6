"""Files that a record only names: fetched before its request, kept over its attempts, and what a failure does; virtual time."""

import asyncio
import hashlib

import pytest

from connector.adapters.attachments import AttachmentSource, FetchOptions
from connector.core.answers import Answered
from connector.core.files import FetchAnswer, Fetched, Gone, HostFailed, NotAllowed, TooLarge
from connector.core.operations import REQUEST_BYTES_MAX
from tests.support.files import Files, FrontOfForms, Kept, with_files
from tests.support.multipart import Form
from tests.support.virtual_time import in_virtual_time
from tests.support.world import TP, Clock, Stage, record

URL = "https://files.example/{id}"


def _forms(front: FrontOfForms) -> list[Form]:
    return [content for _, content in front.got if isinstance(content, Form)]


@in_virtual_time
async def test_att_01_a_message_with_a_file_is_a_form_and_one_without_is_json() -> None:
    """The file is fetched once, sent under its name and type, and given back."""
    front, files = FrontOfForms(), Files()
    async with Stage(maps=with_files(URL), sender=front, files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0), record(1, "plain")])
        await stage.quiet()
        (form,) = _forms(front)
        assert ("metadata[external_id]", "messages-0-0") in form.fields
        assert [(part.field, part.name, part.content_type) for part in form.files] == [
            ("attachments[]", "a.wav", "audio/wav")
        ]
        assert form.files[0].content == b"https://files.example/messages-0-0"
        assert len(front.got) == 2
        assert files.kept == 0
        assert stage.facts.count("attachment", "fetched", form.files[0].content.__len__()) == 1


@in_virtual_time
async def test_att_02_a_recording_arrives_as_it_lay_at_its_host() -> None:
    """One part of audio/*, with the digest of the source."""
    content = bytes(range(256)) * 4000
    front = FrontOfForms()
    files = Files(lambda _url, _n: Fetched(Kept(content, "leg.mp3", "audio/mpeg")))
    maps = with_files(URL, operation="add-call-recording")
    async with Stage(maps=maps, sender=front, files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet()
    (form,) = _forms(front)
    assert form.fields == [("recording_type", "call")]
    (part,) = form.files
    assert (part.field, part.name, part.content_type) == ("attachments", "leg.mp3", "audio/mpeg")
    assert hashlib.sha256(part.content).digest() == hashlib.sha256(content).digest()


@pytest.mark.parametrize(
    ("answer", "reason", "message"),
    [
        (
            TooLarge(26_000_000),
            "attachment_rejected",
            "a file of 26000000 bytes or more does not fit: all of a request have 24 MB at most",
        ),
        (Gone("files.example answered 404"), "attachment_unavailable", "files.example answered 404"),
        (
            NotAllowed("files.example is not allowed"),
            "attachment_unavailable",
            "files.example is not allowed",
        ),
    ],
)
def test_att_03_a_file_that_can_never_be_sent_is_a_dead_letter(
    answer: FetchAnswer, reason: str, message: str
) -> None:
    """By default; nothing of it is sent, and the next record of its key goes on."""

    @in_virtual_time
    async def play() -> None:
        front, files = FrontOfForms(), Files(lambda _url, _n: answer)
        async with Stage(maps=with_files(URL), sender=front, files=files) as stage:
            stage.assign()
            stage.pipeline.received([record(0), record(1, "plain")])
            await stage.quiet()
            assert len(front.got) == 1
            assert stage.letters.reasons() == [reason]
            headers = dict(stage.letters.letters[0].headers)
            assert headers["__connect.errors.exception.message"] == f"rule 'test': {message}".encode()
            assert headers["__connect.errors.stage"] == b"TASK_PUT"
            assert stage.pipeline.partitions[TP].ledger.unsettled == 0

    play()


@in_virtual_time
async def test_att_03_behind_such_a_letter_the_next_of_its_key_goes_by_itself() -> None:
    """Nothing else happens that could start it."""
    files = Files(lambda _url, _n: Gone("files.example answered 404"))
    async with Stage(maps=with_files(URL), sender=FrontOfForms(), files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0), record(1), record(2)])
        await stage.quiet(5.0)
        assert stage.letters.reasons() == ["attachment_unavailable"] * 3


@in_virtual_time
async def test_att_03_files_share_the_room_of_one_request() -> None:
    """What the first takes, the second has not; together they stay below Front's limit."""
    front, files = FrontOfForms(), Files(lambda _url, _n: Fetched(Kept(bytes(1000))))
    async with Stage(maps=with_files(URL + "/1", URL + "/2"), sender=front, files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet()
        (_, first), (_, second) = files.asked
        assert first - second == 1000
        assert 0 < REQUEST_BYTES_MAX - first < 5000
        assert [part.content for part in _forms(front)[0].files] == [bytes(1000)] * 2


@in_virtual_time
async def test_att_04_every_attempt_sends_the_whole_file_and_none_fetches_it_again() -> None:
    """503, 503, accepted: the same bytes three times, fetched once."""
    front, files = FrontOfForms(lambda n: Answered(503 if n < 3 else 202)), Files()
    async with Stage(maps=with_files(URL), sender=front, files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet()
        assert len(front.raw) == 3
        assert len(set(front.raw)) == 1
        assert sum(files.tries.values()) == 1
        assert files.given[0].reads == 3
        assert files.kept == 0


@in_virtual_time
async def test_att_05_a_host_that_is_down_is_waited_for_and_delays_its_own_key_only() -> None:
    """An outage dead-letters nothing, however long; other keys and what needs no file go on; then all arrives in order."""
    front = FrontOfForms()
    down = HostFailed("connect", "files.example does not answer")
    files = Files(lambda url, _n: Fetched(Kept(url.encode())) if front_up else down)
    front_up = False
    async with Stage(maps=with_files(URL), sender=front, files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0, "a"), record(1, "a"), record(2, "plain"), record(3, "b")])
        await stage.quiet(600.0)
        assert [key for key, content in front.got if isinstance(content, bytes)] == ["cha_1"]
        assert _forms(front) == []
        assert stage.letters.letters == []
        assert {slot.key[2] for slot in stage.pipeline.blocked} == {"a", "b"}
        front_up = True
        await stage.quiet(5.0)
        sent = [dict(form.fields)["metadata[external_id]"] for form in _forms(front)]
        assert sorted(sent) == ["messages-0-0", "messages-0-1", "messages-0-3"]
        assert sent.index("messages-0-0") < sent.index("messages-0-1")
        assert stage.facts.count("error", "messages", "attach", "host_connect") > 10


@in_virtual_time
async def test_att_05_a_file_that_fails_while_its_host_serves_others_is_given_up() -> None:
    """The evidence rule, per host: another host's successes say nothing."""
    front = FrontOfForms()

    def script(url: str, _n: int) -> FetchAnswer:
        broken = url.endswith("-0")
        return HostFailed("503", "files.example answered 503") if broken else Fetched(Kept(b"x"))

    files = Files(script)
    async with Stage(maps=with_files(URL), sender=front, files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0, "a")])
        await stage.quiet(60.0)
        assert stage.letters.letters == [], "nothing has shown that the host is up"
        for number in range(1, 9):
            stage.pipeline.received([record(number, f"other{number}")])
            await stage.quiet(2.0)
        assert stage.letters.reasons() == ["attachment_unavailable"]
        headers = dict(stage.letters.letters[0].headers)
        text = b"rule 'test': files.example answered 503, 3 times while other files came"
        assert headers["__connect.errors.exception.message"] == text


@in_virtual_time
async def test_att_05_send_without_says_so_in_the_body() -> None:
    """No file is left: plain JSON, with a note; with another file left, a form."""
    front = FrontOfForms()
    files = Files(lambda url, _n: Gone("410") if url.endswith("gone") else Fetched(Kept(b"x")))
    gone = "https://files.example/gone"
    maps = with_files(gone, on_attachment_unavailable="send_without")
    async with Stage(maps=maps, sender=front, files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet()
        ((_, content),) = front.got
        assert isinstance(content, bytes)
        assert b'"body":"b\\n\\n[Attachment not available: gone]"' in content
        assert stage.facts.count("warning", "attachment.left_out") == 1
    front.got.clear()
    maps = with_files(gone, URL, on_attachment_unavailable="send_without")
    async with Stage(maps=maps, sender=front, files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet()
        (form,) = _forms(front)
        assert ("body", "b\n\n[Attachment not available: gone]") in form.fields
        assert [part.content for part in form.files] == [b"x"]


@in_virtual_time
async def test_att_05_wait_waits_until_somebody_uploads_the_file() -> None:
    """404 for an hour, then it is there: nothing is lost, and nothing of its key overtakes."""
    front = FrontOfForms()
    files = Files(lambda url, n: Gone("404") if n < 3000 else Fetched(Kept(url.encode())))
    maps = with_files(URL, on_attachment_unavailable="wait")
    async with Stage(maps=maps, sender=front, files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0), record(1, "a")])
        await stage.quiet(2000.0)
        assert front.got == []
        assert stage.letters.letters == []
        files.script = lambda url, _n: Fetched(Kept(url.encode()))
        await stage.quiet(5.0)
        assert [dict(form.fields)["metadata[external_id]"] for form in _forms(front)] == [
            "messages-0-0",
            "messages-0-1",
        ]


@in_virtual_time
async def test_att_07_a_fetch_holds_no_slot_in_flight() -> None:
    """One request in flight at most, and a file that takes a minute: the rest goes on meanwhile."""
    front, files = FrontOfForms(), Files(delay=60.0)
    async with Stage(maps=with_files(URL), sender=front, files=files, in_flight=1) as stage:
        stage.assign()
        await stage.quiet(0.1)
        stage.pipeline.received([record(0, "a"), *(record(n, f"plain{n}") for n in range(1, 20))])
        await stage.quiet(5.0)
        assert len(front.got) == 19
        await stage.quiet(60.0)
        assert len(front.got) == 20


@in_virtual_time
async def test_att_03_a_first_file_that_takes_all_the_room_leaves_none_for_the_second() -> None:
    """To the byte: the second is asked for with nothing left, which is no defect."""

    class Full(Kept):
        def __init__(self, size: int) -> None:
            super().__init__(b"")
            self.size = size

    def script(url: str, _n: int) -> FetchAnswer:
        return Fetched(Full(files.asked[0][1])) if url.endswith("/1") else TooLarge(1)

    files = Files(script)
    async with Stage(maps=with_files(URL + "/1", URL + "/2"), sender=FrontOfForms(), files=files) as stage:
        stage.assign()
        stage.pipeline.received([record(0)])
        await stage.quiet()
        assert [most for _, most in files.asked][1] == 0
        assert stage.letters.reasons() == ["attachment_rejected"]
        assert files.kept == 0


@pytest.mark.parametrize(
    "url", ["https://[]@", "https://[::1]@/a", "https://a[]@", "https://\ud83d/", "", "//"]
)
def test_att_05_no_url_ends_the_process(url: str) -> None:
    """The real guard: what cannot be read is a dead letter of one record."""

    @in_virtual_time
    async def play() -> None:
        clock = Clock(asyncio.get_running_loop().time)
        source = AttachmentSource(FetchOptions(), clock, version="0")
        async with Stage(maps=with_files(url), sender=FrontOfForms(), files=source) as stage:
            stage.assign()
            stage.pipeline.received([record(0)])
            await stage.quiet()
            assert stage.letters.reasons() in (["attachment_unavailable"], ["request_invalid"])

    play()
