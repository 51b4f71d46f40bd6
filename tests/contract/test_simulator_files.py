"""Files that Front took: their bytes through a control route, harmless; on disk and not in memory; bounded."""

import asyncio
import hashlib
import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.simulator.blobs import Blobs
from connector.simulator.server import Simulator
from tests.contract.test_simulator_client import FrontClient, Hands, call, inbound, simulating, small_world

MESSAGES = "/channels/cha_1/inbound_messages"
FORM = {
    "sender[handle]": "visitor-7",
    "body": "See",
    "metadata[external_id]": "m-1",
    "metadata[external_conversation_id]": "room-1",
}
PICTURE = b"\x89PNG" + bytes(200)


@pytest.fixture(scope="module")
def simulated() -> Iterator[FrontClient]:
    with simulating() as client:
        yield client


@pytest.fixture
def front(simulated: FrontClient) -> FrontClient:
    return simulated.fresh()


def upload(
    front: FrontClient,
    content: bytes = PICTURE,
    content_type: str = "image/png",
    *,
    name: str = "a.png",
    part: str = "attachments[]",
) -> httpx.Response:
    return front.send("POST", MESSAGES, data=FORM, files={part: (name, content, content_type)})


def shown_file(front: FrontClient) -> dict[str, Any]:
    ((message,),) = front.inbox()["conversations"].values()
    (file,) = message["files"]
    assert isinstance(file, dict)
    return file


def test_the_bytes_of_an_accepted_file_can_be_had(front: FrontClient) -> None:
    """Under the URL that the store shows, as the picture that they are, sandboxed."""
    assert upload(front, name="Ünï q.png").status_code == 202
    file = shown_file(front)
    assert (file["bytes"], file["sha256"]) == (len(PICTURE), hashlib.sha256(PICTURE).hexdigest())
    answer = front.http.get(file["url"])
    assert (answer.status_code, answer.content) == (200, PICTURE)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "%C3%9Cn%C3%AF%20q.png" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    "content_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/html;x"]
)
def test_bytes_that_a_browser_could_run_are_not_served_as_such(front: FrontClient, content_type: str) -> None:
    """Whatever a stranger says that they are."""
    assert upload(front, b"<script>alert(1)</script>", content_type).status_code == 202
    answer = front.http.get(shown_file(front)["url"])
    assert answer.headers["content-type"] in ("text/plain; charset=utf-8", "application/octet-stream")


def test_a_part_of_a_recording_can_be_had(front: FrontClient) -> None:
    """A player asks for ranges; one behind the end is a 416."""
    upload(front, bytes(range(100)), "audio/mpeg", name="a.mp3")
    url = shown_file(front)["url"]
    part = front.http.get(url, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["content-range"] == "bytes 10-19/100"
    assert front.http.get(url, headers={"range": "bytes=100-"}).status_code == 416


def test_a_refused_file_is_not_kept(front: FrontClient) -> None:
    """Bytes are put aside only for what is stored."""
    content = b"refused"
    front.send("POST", MESSAGES, data={"body": "x"}, files={"attachments[]": ("a", content, "a/b")})
    answer = front.http.get(f"/_sim/files/{hashlib.sha256(content).hexdigest()}")
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["..%2f..%2fetc%2fpasswd", "x" * 64, "0" * 63, ""])
def test_only_a_hash_names_a_file(front: FrontClient, path: str) -> None:
    """No path of the file system does."""
    assert front.http.get(f"/_sim/files/{path}").status_code == 404


def test_a_new_start_forgets_the_bytes(front: FrontClient) -> None:
    """With everything else."""
    upload(front)
    url = shown_file(front)["url"]
    front.control("DELETE", "/_sim")
    assert front.http.get(url).status_code == 404


@pytest.mark.parametrize(
    ("spelling", "counts"),
    [("attachments", ("all", "attachments")), ("attachments[]", ("all", "attachments[]"))],
)
@pytest.mark.parametrize("names", ["all", "attachments", "attachments[]", "attachments[0]"])
def test_a_spelling_counts_or_the_file_is_lost(
    front: FrontClient, spelling: str, counts: tuple[str, ...], names: str
) -> None:
    """Lost without a word, as any key that Front does not know; the raw log names it."""
    front.switch(attachment_names=names)
    assert upload(front, part=spelling).status_code == 202
    ((message,),) = front.inbox()["conversations"].values()
    assert bool(message["files"]) is (names in counts)
    lost = [] if names in counts else [f"body.{spelling}"]
    assert front.log()[-1]["dropped_keys"] == lost


def test_the_indexed_spelling_counts(front: FrontClient) -> None:
    """`attachments[0]`, `attachments[1]`: in all, and where it is the only one."""
    for names in ("all", "attachments[0]"):
        front.fresh().switch(attachment_names=names)
        assert upload(front, part="attachments[0]").status_code == 202
        assert shown_file(front)["part"] == "attachments[0]"


def test_a_limit_may_count_each_file_and_answer_413(front: FrontClient) -> None:
    """Two files of 600 bytes: too much together, not each by itself; one of 1001 always."""
    two = [("attachments[]", (name, bytes(600), "a/b")) for name in ("a", "b")]
    front.switch(size_limit=1_000, size_limit_status=413)
    refused = front.send("POST", MESSAGES, data=FORM, files=two)
    assert (refused.status_code, refused.json()["_error"]["message"]) == (
        413,
        "The request is larger than 1000 bytes.",
    )
    front.switch(size_limit_per="file")
    assert front.send("POST", MESSAGES, data=FORM, files=two).status_code == 202
    refused = upload(front, bytes(1_001))
    assert (refused.status_code, refused.json()["_error"]["message"]) == (
        413,
        "A file of the request is larger than 1000 bytes.",
    )
    assert front.log()[-1]["remark"] == "too large"


def test_with_a_limit_for_files_an_endless_form_still_ends(front: FrontClient) -> None:
    """Twenty times the limit, whatever it consists of."""
    front.switch(size_limit=1_000, size_limit_per="file")
    many = [("attachments[]", (str(number), bytes(900), "a/b")) for number in range(30)]
    assert front.send("POST", MESSAGES, data=FORM, files=many).status_code == 400


async def test_a_large_recording_does_not_sit_in_memory() -> None:
    """Sixteen megabytes pass, hashed and kept on disk, with a few in memory at any time."""
    hands = Hands()
    async with Simulator(small_world(), clock=hands.clock()) as simulator:
        client = FrontClient(simulator.base_url, hands)
        port = int(simulator.base_url.rpartition(":")[2])
        size, piece = 16_000_000, bytes(100_000)
        head = (
            b'--b\r\ncontent-disposition: form-data; name="recording_type"\r\n\r\ncall\r\n--b\r\ncontent-disposition: '
            b'form-data; name="attachments"; filename="a.mp3"\r\ncontent-type: audio/mpeg\r\n\r\n'
        )
        tail = b"\r\n--b--\r\n"
        async with httpx.AsyncClient(base_url=simulator.base_url, trust_env=False) as http:
            headers = {"authorization": f"Bearer {client.token('cha_1')}"}
            await http.post("/channels/cha_1/calls", json=call(), headers=headers)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        tracemalloc.start()
        writer.write(
            b"POST /channels/cha_1/calls/leg-1/recording HTTP/1.1\r\nhost: x\r\n"
            b"content-type: multipart/form-data; boundary=b\r\ncontent-length: %d\r\nauthorization: Bearer %s\r\n\r\n"
            % (len(head) + size + len(tail), client.token("cha_1").encode())
        )
        writer.write(head)
        for _ in range(size // len(piece)):
            writer.write(piece)
            await writer.drain()
        writer.write(tail)
        answer = await reader.read(100)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        writer.close()
        client.http.close()
        assert answer.startswith(b"HTTP/1.1 202")
        assert peak < 5_000_000
        (asset,) = simulator.state.front.accepted.channels["cha_1"].calls["leg-1"].assets
        kept = simulator.state.front.blobs.path(asset.files[0].sha256.hex())
        assert kept is not None
        assert kept.stat().st_size == size
        folder = kept.parent
    assert not folder.exists(), "what was temporary goes with the simulator"


async def test_the_oldest_bytes_go_when_there_are_too_many(tmp_path: Path) -> None:
    """A bound on disk; a file that alone is beyond it is not kept at all."""
    blobs = Blobs(tmp_path / "files", max_bytes=250)
    names = []
    for number in range(3):
        content = bytes([number]) * 100
        digest = hashlib.sha256(content).digest()
        names.append(digest.hex())
        await blobs.keep(io.BytesIO(content), digest, 100)
    await blobs.keep(io.BytesIO(bytes(300)), hashlib.sha256(bytes(300)).digest(), 300)
    assert [blobs.path(name) is not None for name in names] == [False, True, True]
    assert sorted(file.name for file in (tmp_path / "files").iterdir()) == sorted(names[1:])


async def test_bytes_outlive_their_keeper_and_half_of_a_file_does_not(tmp_path: Path) -> None:
    """A later run finds what was whole."""
    content = b"whole"
    digest = hashlib.sha256(content).digest()
    await Blobs(tmp_path).keep(io.BytesIO(content), digest, len(content))
    (tmp_path / "abc.half").write_bytes(b"half")
    again = Blobs(tmp_path)
    path = again.path(digest.hex())
    assert path is not None
    assert path.read_bytes() == content
    assert not (tmp_path / "abc.half").exists()
    again.clear()
    assert list(tmp_path.iterdir()) == []


def test_messages_without_files_say_so(front: FrontClient) -> None:
    """No file, no URL."""
    front.send("POST", MESSAGES, json=inbound())
    ((message,),) = front.inbox()["conversations"].values()
    assert message["files"] == []
