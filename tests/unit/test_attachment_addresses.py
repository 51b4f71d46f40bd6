"""Which addresses files may come from, and how hosts are written."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.adapters.attachments.addresses import refusal, refused_address
from connector.adapters.attachments.guard import read_url
from connector.config.host_patterns import HostPattern, read_host, read_pattern
from connector.core.files import NotAllowed

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "169.253.0.1",
]
PUBLIC_6 = ["2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808"]

REFUSED = {
    "0.0.0.0": "an unspecified",
    "0.1.2.3": "an unspecified",
    "10.255.255.255": "a private",
    "100.64.0.0": "a private",
    "100.127.255.255": "a private",
    "127.0.0.1": "a loopback",
    "127.255.255.254": "a loopback",
    "169.254.0.1": "a link-local",
    "172.16.0.0": "a private",
    "172.31.255.255": "a private",
    "192.0.0.1": "a reserved",
    "192.0.2.1": "a reserved",
    "192.88.99.1": "a reserved",
    "192.168.0.1": "a private",
    "198.18.0.1": "a reserved",
    "198.19.255.255": "a reserved",
    "198.51.100.1": "a reserved",
    "203.0.113.1": "a reserved",
    "224.0.0.1": "a multicast",
    "239.255.255.255": "a multicast",
    "240.0.0.1": "a reserved",
    "255.255.255.255": "a reserved",
    "::": "an unspecified",
    "::1": "a loopback",
    "::7f00:1": "an IPv4-compatible",
    "::ffff:8.8.8.8": "an IPv4-mapped",
    "64:ff9b::a00:1": "the NAT64 form of a private",
    "64:ff9b:1::1": "a reserved",
    "100::1": "a reserved",
    "2001::1": "a Teredo",
    "2001:db8::1": "a reserved",
    "2002:808:808::1": "a 6to4",
    "fc00::1": "a private",
    "fdff::1": "a private",
    "fe80::1": "a link-local",
    "fec0::1": "a private",
    "ff02::1": "a multicast",
}
METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
]
EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@pytest.mark.parametrize("text", [*PUBLIC, *PUBLIC_6])
def test_files_may_come_from_the_internet(text: str) -> None:
    """The neighbours of private networks among them."""
    assert refusal(ip_address(text), ()) is None


@pytest.mark.parametrize("text", REFUSED)
def test_no_file_comes_from_an_address_that_only_insiders_reach(text: str) -> None:
    """Nor from another way to write one."""
    assert refusal(ip_address(text), ()) == f"{REFUSED[text]} address"


def test_a_listed_network_is_reached_and_its_neighbour_is_not() -> None:
    """Only what is listed."""
    allowed = (ip_network("10.20.0.0/16"), ip_network("fd12::/32"))
    assert refusal(ip_address("10.20.255.255"), allowed) is None
    assert refusal(ip_address("fd12::5"), allowed) is None
    assert refusal(ip_address("10.21.0.0"), allowed) == "a private address"
    assert refusal(ip_address("::ffff:10.20.0.1"), allowed) == "an IPv4-mapped address"


@pytest.mark.parametrize("text", METADATA)
def test_no_listed_network_opens_a_clouds_credentials(text: str) -> None:
    """Not even all of them."""
    assert refusal(ip_address(text), EVERYTHING) == "an address where clouds hand out credentials"


def test_the_sentence_names_the_setting_only_where_it_helps() -> None:
    """What cannot be listed is not said to be listable."""
    assert refused_address("files.example.com", "a private address") == (
        "files.example.com leads to a private address: if it may be asked there, list its network in "
        "attachments.allow_private"
    )
    assert refused_address("h", "a link-local address") == "h leads to a link-local address"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("FILES.example.com", "files.example.com"),
        ("localhost", "localhost"),
        ("my_bucket.example.com", "my_bucket.example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("1.example.com", "1.example.com"),
        ("127.0.0.1", ip_address("127.0.0.1")),
        ("::1", ip_address("::1")),
        *(
            (odd, None)
            for odd in (
                "", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "a b", "a\tb", "a%2eb", "é.example", "a*b", "a/b",
                "127.1", "127.0.0.01", "0x7f.0.0.1", "2130706433", "1.2.3.4.5", "a.1", "a.0x1", "256.0.0.1",
                "fe80::1%eth0", ":::", "a" * 64 + ".b", "a." * 127 + "ab",
            )
        ),
    ],
)  # fmt: skip
def test_a_host_has_one_form(text: str, host: object) -> None:
    """A name in small letters or an address as everybody writes it; nothing in between."""
    assert read_host(text) == host


@pytest.mark.parametrize(
    ("text", "host", "port", "fits"),
    [
        ("files.example.com", "files.example.com", 443, True),
        ("files.example.com", "files.example.com", 8443, False),
        ("files.example.com", "a.files.example.com", 443, False),
        ("files.example.com:8443", "files.example.com", 8443, True),
        ("files.example.com:8443", "files.example.com", 443, False),
        ("*.example.com", "a.example.com", 443, True),
        ("*.example.com", "b.a.example.com", 443, True),
        ("*.example.com", "example.com", 443, False),
        ("*.example.com", "badexample.com", 443, False),
        ("*.example.com:9000", "a.example.com", 9000, True),
        ("[FD00::5]:9000", ip_address("fd00::5"), 9000, True),
        ("10.0.0.5", ip_address("10.0.0.5"), 443, True),
    ],
)
def test_a_pattern_means_what_it_says(text: str, host: str, port: int, fits: bool) -> None:
    """One host, or every name below one."""
    pattern = read_pattern(text)
    assert isinstance(pattern, HostPattern)
    assert pattern.matches(host, port, 443) is fits


@given(st.text(max_size=60))
def test_no_text_is_too_odd_for_the_guard(text: str) -> None:
    """It is a place or a reason; and the reason shows nothing of the text."""
    for url in (text, f"https://{text}", f"https://files.example.com/{text}", f"https://{text}@h/"):
        found = read_url(url)
        if isinstance(found, NotAllowed):
            assert len(text) < 12 or text not in found.why
        else:
            assert read_host(str(found.host)) == found.host


def test_a_url_of_any_length_is_judged() -> None:
    """Too long a one is refused before it is parsed."""
    assert read_url("https://h/" + "a" * 8000) == NotAllowed("the URL is longer than 8000 characters")
