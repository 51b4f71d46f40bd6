"""`doctor`: the sentences of each check for what it may find."""

import errno
import socket
import threading
from collections import Counter
from ipaddress import ip_network
from pathlib import Path

import pytest

from connector.adapters.attachments import FetchOptions, HostOptions
from connector.adapters.workers import Workers
from connector.config.host_patterns import HostPattern
from connector.core.answers import Answer, Answered, NotSent, Unknown
from connector.workbench.doctor import (
    attachments,
    channels,
    clock,
    credential,
    disk,
    front,
    limits,
    ports,
    reach,
    registry,
)
from connector.workbench.doctor.results import Fine, NotChecked, Warn, Wrong
from connector.workbench.doctor.silent import Heard
from tests.support.kafka import free_ports
from tests.unit.config_files import CONFIG, folder, loaded
from tests.unit.doctor_said import names, said

# --- this machine -----------------------------------------------------------------------------------------------------


def test_open_files_are_held_against_requests_and_fetches(tmp_path: Path) -> None:
    """Without listed hosts nothing is fetched, and no file is kept."""
    settings = loaded(folder(tmp_path)).settings
    assert limits.needed(settings) == 164
    hosts = CONFIG + "attachments: {hosts: {files.example.com: {}}}\n"
    assert limits.needed(loaded(folder(tmp_path, config=hosts)).settings) == 164 + 2 * 16 + 64
    assert limits.judged(1024, 164) == Fine("1024 files may be open, 164 may be needed")
    assert limits.judged(None, 164) == Fine("any number of files may be open, 164 may be needed")
    assert said(limits.judged(100, 164)) == (
        "this process may have 100 files open, and limits.in_flight and attachments may need 164 -> "
        "raise the limit (ulimit -n) where the service runs"
    )


def test_room_on_the_disk_is_held_against_what_may_be_kept() -> None:
    """In whole MiB."""
    mib = 1024 * 1024
    assert disk.judged(Path("/spool"), 10 * mib, 10 * mib) == Fine(
        "/spool can be written and has 10 MiB free"
    )
    assert said(disk.judged(Path("/spool"), 9 * mib, 10 * mib)) == (
        "/spool has 9 MiB free, and fetched files may take 10 -> "
        "give it more room, or lower attachments.spool.disk_total_bytes: what finds no room waits"
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.EADDRINUSE, ""),
            "::1:80 is taken by another program -> set telemetry.port to a free one",
        ),
        (
            OSError(errno.EACCES, ""),
            "::1:80 may not be used by this user -> set telemetry.port to one above 1023",
        ),
        (
            OSError(errno.EADDRNOTAVAIL, ""),
            "::1:80 is no address of this machine -> set telemetry.host to one that is, or to 0.0.0.0",
        ),
        (OSError(errno.EIO, ""), "::1:80 cannot be had: Input/output error -> set telemetry.port"),
        (socket.gaierror(-2, "unknown name"), "telemetry.host ::1 is no address: unknown name"),
    ],
)
def test_a_port_that_cannot_be_had_says_why(error: OSError, words: str) -> None:
    """By the system's own error."""
    assert said(ports.judged(ports.Place("telemetry", "::1", 80), error)) == words


async def test_both_listeners_are_tried(tmp_path: Path) -> None:
    """The one on loopback has the next port, if nothing else is said."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        section = f"telemetry: {{host: 127.0.0.1, port: 0}}\nadmin: {{port: {number}}}\n"
        settings = loaded(folder(tmp_path, config=CONFIG + section)).settings
        (found,) = await ports.look(settings)
        assert (
            said(found) == f"127.0.0.1:{number} is taken by another program -> set admin.port to a free one"
        )
    assert await ports.look(settings) == (Fine(f"free: 127.0.0.1:any, 127.0.0.1:{number}"),)


# --- the way there ----------------------------------------------------------------------------------------------------


async def test_a_host_is_reached_or_not_for_a_reason() -> None:
    """A name that is none, nobody listening, somebody."""
    assert await reach.connected(names(), "a" * 70 + ".example", 80) == reach.Unreached(
        "name not resolved: it is no host's name"
    )
    (closed,) = free_ports(1)
    assert await reach.connected(names(), "127.0.0.1", closed) == reach.Unreached(
        "no connection: Connection refused"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert await reach.connected(names(), "127.0.0.1", server.getsockname()[1]) is None


async def test_a_resolver_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread that does not hold up the end."""
    answer = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer.wait())
    found = await reach.addresses(Workers("a resolver", 0.01, Heard()), "localhost")
    answer.set()
    assert found == reach.Unreached("name not resolved: the resolver did not return within 0.01 s")


# --- schemas and rows -------------------------------------------------------------------------------------------------


def test_a_topic_without_subjects_is_a_warning() -> None:
    """Its producers may be elsewhere, or not have begun."""
    assert registry.told("calls", ["B", "A", "A"]) == Fine("calls: A, B")
    assert said(registry.told("calls", [])).startswith(
        "the registry has no subject calls-value and none calls-<record> -> "
    )


def test_a_directory_is_empty_or_lacks_an_app() -> None:
    """Both are valid, and hardly meant."""
    assert channels.judged("c.csv", Counter(main=2), ("main",)) == (Fine("2 rows (main 2)"),)
    assert said(channels.judged("c.csv", Counter(), ("main",))[0]).startswith("c.csv has no row -> ")
    assert said(channels.judged("c.csv", Counter(main=2), ("main", "test"))[1]) == (
        "no row of c.csv names the app test -> add one, or take the app away"
    )


# --- Front ------------------------------------------------------------------------------------------------------------

URL = "https://api2.frontapp.com"


@pytest.mark.parametrize(
    ("answer", "proxy", "words"),
    [
        (Answered(404), None, f"{URL} answers"),
        (Answered(401), "http://proxy:3128", f"{URL} answers through the proxy (http://proxy:3128)"),
        (Answered(503), None, f"{URL} answers with status 503 -> look at Front's status page"),
        (
            NotSent("tls", "certificate not accepted: expired"),
            None,
            f"{URL}: certificate not accepted: expired -> check front.ca_file: whoever signed that certificate must be "
            "trusted; a proxy may have put in its own",
        ),
        (
            NotSent("connect", "the proxy refused with status 407"),
            "http://proxy:3128",
            f"{URL} through the proxy (http://proxy:3128): the proxy refused with status 407 -> check "
            "front.apps.main.base_url, front.proxy and its password",
        ),
        (
            Unknown("timeout", "no answer in time"),
            None,
            f"{URL}: no answer in time after the request was sent -> check front.apps.main.base_url, and whether this "
            "machine needs front.proxy",
        ),
    ],
)
def test_front_answers_or_the_way_there_is_broken(answer: Answer, proxy: str | None, words: str) -> None:
    """Any status but 5xx is as good as another."""
    assert said(front.judged("main", URL, answer, proxy=proxy)) == words


def test_a_clock_agrees_is_corrected_or_is_too_wrong() -> None:
    """As the service does: beyond five minutes it does not believe the difference."""
    assert clock.judged({URL: None}) == (NotChecked("no answer of Front told its time"),)
    fine, ahead, behind = clock.judged({URL: 1.5, "http://a": 30.2, "http://b": -301.0})
    assert fine == Fine(f"agrees with {URL}")
    assert ahead == Warn(
        "this machine's clock is 30 s ahead of that of http://a: tokens are corrected by it",
        "mend the clock (NTP)",
    )
    assert isinstance(behind, Wrong)
    assert behind.said.startswith("this machine's clock is 301 s behind that of http://b: too much")


NO_ROUTE = b'{"_error": {"status": 404, "title": "Not found", "message": "No such route."}}'


@pytest.mark.parametrize(
    ("answer", "skew", "words"),
    [
        (Answered(204), 0.0, "Front takes the token: PATCH /channels/cha_1 with {} was answered with 204"),
        (Answered(429), 0.0, "Front takes the token: PATCH /channels/cha_1 with {} was answered with 429"),
        (
            Answered(404),
            0.0,
            "Front takes the token, and knows no channel cha_1 -> the directory's rows must be of the company",
        ),
        (
            Answered(404, body=NO_ROUTE),
            0.0,
            "PATCH /channels/cha_1 with {} was answered with 404 (Not found, No such route.) ->",
        ),
        (
            Answered(401),
            None,
            "Front refuses the token (401) for cha_1 -> check uid and secret of front.apps.main",
        ),
        (Answered(401), 400.0, "Front refuses the token (401) for cha_1 -> mend the clock first"),
        (
            Answered(403),
            0.0,
            "Front does not allow PATCH /channels/cha_1 with {} (403) -> check the app's scopes",
        ),
        (
            Answered(503),
            0.0,
            "PATCH /channels/cha_1 with {} was answered with 503: Front fails; look again later",
        ),
        (Unknown("timeout", "no answer in time"), 0.0, "PATCH /channels/cha_1 with {}: no answer in time"),
    ],
)
def test_an_answer_speaks_of_the_credential(answer: Answer, skew: float | None, words: str) -> None:
    """401 and 403 do; what else is answered proves it, but for a wrong base URL."""
    assert said(credential.judged("main", "cha_1", answer, skew)).startswith(words)


# --- attachments ------------------------------------------------------------------------------------------------------


async def test_listed_hosts_are_resolved_and_their_addresses_judged() -> None:
    """Loopback is refused unless it is allowed; names below a name cannot be looked at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        below = HostOptions(pattern=HostPattern("example.com", below=True))
        by_address = HostOptions(pattern=HostPattern("127.0.0.1", server.getsockname()[1]))
        assert await attachments.look(FetchOptions(), names()) == (
            Fine("no host is listed: nothing is fetched"),
        )
        refused, unknown = await attachments.look(FetchOptions(hosts=(by_address, below)), names())
        assert isinstance(refused, Wrong)
        assert refused.said == (
            "127.0.0.1 leads to a loopback address: if it may be asked there, list its network in attachments.allow_private"
        )
        assert unknown == NotChecked("*.example.com is no name that could be resolved")
        allowed = FetchOptions(hosts=(by_address,), allow_private=(ip_network("127.0.0.0/8"),))
        assert await attachments.look(allowed, names()) == [Fine("127.0.0.1 leads to 127.0.0.1")]
    (silent,) = await attachments.look(allowed, names())
    assert silent == Warn(
        "127.0.0.1: no connection: Connection refused",
        "records with files of this host wait until it answers",
    )
