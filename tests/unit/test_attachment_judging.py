"""Answers that bring no file: which of them are for ever, and how links of object stores say that they have ended."""

import pytest
from yarl import URL

from connector.adapters.attachments.judging import Refusal, judge
from connector.adapters.attachments.links import expiry
from connector.core.files import Gone, HostFailed

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
PLAIN = "https://files.example.com/a"

S3 = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message><HostId>a</HostId></Error>"
S3_SESSION = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
GOOGLE = b"<Error><Code>ExpiredToken</Code><Details>Request signature expired at: 2023</Details></Error>"
AZURE = (
    b"<Error><Code>AuthenticationFailed</Code><AuthenticationErrorDetail>"
    b"Signature not valid in the specified time frame: Start</AuthenticationErrorDetail></Error>"
)

LINKS = [
    (
        "https://b.s3.amazonaws.com/k?X-Amz-Date=20231114T221000Z&X-Amz-Expires=60&X-Amz-Signature=a",
        1_699_999_860,
    ),
    ("https://b.s3.amazonaws.com/k?x-amz-date=20231114T221000Z&x-amz-expires=3600", 1_700_003_400),
    ("https://b.s3.amazonaws.com/k?AWSAccessKeyId=a&Expires=1699999999&Signature=b", 1_699_999_999),
    ("https://storage.googleapis.com/b/k?X-Goog-Date=20231114T221000Z&X-Goog-Expires=60", 1_699_999_860),
    ("https://a.blob.core.windows.net/c/b?sv=2022&se=2023-11-14T22%3A13%3A19Z&sig=a", 1_699_999_999),
    ("https://a.blob.core.windows.net/c/b?se=2023-11-14&sig=a", 1_699_920_000),
    ("https://d1.cloudfront.net/a?Expires=1699999999&Signature=b&Key-Pair-Id=c", 1_699_999_999),
    (PLAIN, None),
    ("https://files.example.com/a?expires=1699999999", None),
    ("https://files.example.com/a?se=2023-11-14", None),
    ("https://files.example.com/a?X-Amz-Date=yesterday&X-Amz-Expires=60", None),
    ("https://files.example.com/a?X-Amz-Date=20231114T221000Z&X-Amz-Expires=soon", None),
    ("https://files.example.com/a?se=9999999-99-99&sig=a", None),
    ("https://files.example.com/a?Expires=9" + "9" * 400 + "&Signature=a", None),
]


@pytest.mark.parametrize(("url", "end"), LINKS)
def test_a_link_says_when_it_ends(url: str, end: float | None) -> None:
    """By the parameters of each maker; what cannot be read says nothing."""
    assert expiry(URL(url, encoded=True)) == end


PAST = LINKS[0][0]
FUTURE = LINKS[1][0]


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    ("url", "body", "gone"),
    [
        (PLAIN, b"", False),
        (PLAIN, b"<Error><Code>AccessDenied</Code></Error>", False),
        (PLAIN, S3, True),
        (FUTURE, S3_SESSION, True),
        (PLAIN, GOOGLE, True),
        (PLAIN, AZURE, True),
        (LINKS[4][0].replace("2023-11-14", "2033-11-14"), AZURE, False),
        (PAST, b"", True),
        (FUTURE, b"", False),
    ],
)
def test_a_refused_link_that_has_ended_is_gone(status: int, url: str, body: bytes, gone: bool) -> None:
    """By what it says itself, or by what the store says; one that is not valid yet is not over."""
    found = judge(Refusal(shown="host", url=URL(url, encoded=True), status=status, body=body), NOW)
    assert isinstance(found, Gone if gone else HostFailed)
    if gone:
        assert found.why == f"host answered {status}: the link has expired"


def test_the_hosts_clock_counts_and_not_ours() -> None:
    """It is the one by which the link was judged."""
    link = URL(FUTURE, encoded=True)
    for date, wall, gone in ((DATE, NOW + 10_000, False), ("Wed, 15 Nov 2023 22:13:20 GMT", NOW, True)):
        found = judge(Refusal(shown="host", url=link, status=403, date=date), wall)
        assert isinstance(found, Gone) is gone


def test_our_own_token_that_expired_is_no_expired_link() -> None:
    """The next token opens the file."""
    refusal = Refusal(shown="host", url=URL(PLAIN), status=401, body=S3_SESSION, asked_as=True)
    assert judge(refusal, NOW) == HostFailed(
        "401", "host answered 401 (the credentials of attachments.hosts)"
    )


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        (404, Gone("host answered 404")),
        (410, Gone("host answered 410")),
        (451, Gone("host answered 451")),
        (403, HostFailed("403", "host answered 403 (asked without credentials)")),
        *(
            (s, HostFailed(str(s), f"host answered {s}"))
            for s in (202, 204, 304, 400, 405, 408, 409, 425, 429, 500, 503)
        ),
    ],
)
def test_a_status_has_one_meaning(status: int, becomes: Gone | HostFailed) -> None:
    """The table of the module, as a table."""
    assert judge(Refusal(shown="host", url=URL(PLAIN), status=status), NOW) == becomes


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("17", 17.0),
        (" 17 ", 17.0),
        ("99999999999999999999", 86_400.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:14:20", 60.0),
        ("Mon, 13 Nov 2023 22:14:20 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("١٧", None),
        (None, None),
    ],
)
def test_a_wait_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    """Seconds or a date, by the host's clock; at most a day."""
    found = judge(Refusal(shown="host", url=URL(PLAIN), status=503, date=DATE, retry_after=value), 0.0)
    assert isinstance(found, HostFailed)
    assert found.retry_after_s == seconds
