"""The section `attachments`: nothing is allowed by default, and nonsense is refused where it stands."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import SecretStr

from connector.adapters.attachments import FetchOptions, fetch_options
from connector.adapters.attachments.credentials import Basic, Bearer, Header, Secret
from connector.adapters.files import FixedSecret
from connector.config.attachments import AttachmentSettings
from tests.unit.config_files import CONFIG, folder, loaded, problems

EXAMPLE = "must be a host such as files.example.com, *.example.com or minio.storage.svc:9000"
PRIVATE = (
    "must lie in a private range (10/8, 172.16/12, 192.168/16, 100.64/10, 127/8, fc00::/7, ::1): public addresses need "
    "no leave, and link-local ones, where clouds keep credentials, get none"
)

MISTAKES = [
    (
        "{hosts: {a.b: }}",
        "11:27: attachments.hosts.a.b: must be a map: {} if there is nothing to say of the host",
    ),
    (
        "{hosts: [a.b]}",
        "11:22: attachments.hosts: must be a map: write a host as a key, such as files.example.com: {}",
    ),
    ("{hosts: {'*': {}}}", f"11:23: attachments.hosts.*: {EXAMPLE}"),
    ("{hosts: {a.b.: {}}}", f"11:23: attachments.hosts.a.b.: {EXAMPLE}"),
    ("{hosts: {'0x7f.1': {}}}", f"11:23: attachments.hosts.0x7f.1: {EXAMPLE}"),
    (
        "{hosts: {'*.com': {}}}",
        "11:23: attachments.hosts.*.com: a * needs at least two names behind it, such as *.example.com: else it allows "
        "the hosts of strangers",
    ),
    (
        "{hosts: {'https://a.b': {}}}",
        f"11:23: attachments.hosts.https://a.b: {EXAMPLE}: without scheme and path",
    ),
    (
        "{hosts: {me@a.b: {}}}",
        f"11:23: attachments.hosts.me@a.b: {EXAMPLE}: credentials have keys of their own",
    ),
    (
        "{hosts: {bücher.example: {}}}",
        f"11:23: attachments.hosts.bücher.example: {EXAMPLE}: write a name with other letters as URLs do, in its xn-- form",
    ),
    ("{hosts: {'a.b:0': {}}}", "11:23: attachments.hosts.a.b:0: the port must be from 1 to 65535"),
    ("{hosts: {a.b: {}, A.b: {}}}", "11:14: attachments: hosts: a.b and A.b are the same host"),
    (
        "{hosts: {a.b: {tokn: x}}}",
        "11:29: attachments.hosts.a.b.tokn is not known here: did you mean 'token'?",
    ),
    (
        "{hosts: {a.b: {token: x, token_file: y}}}",
        "11:28: attachments.hosts.a.b: give only one of token and token_file: which one counts must not be a guess",
    ),
    (
        "{hosts: {a.b: {token: x, username: me, password: y}}}",
        "11:28: attachments.hosts.a.b: give only one of token, password and header_value: which one counts must not be a guess",
    ),
    (
        "{hosts: {a.b: {username: me}}}",
        "11:28: attachments.hosts.a.b: username and password (or password_file) go together",
    ),
    (
        "{hosts: {a.b: {header_value: x}}}",
        "11:28: attachments.hosts.a.b: header and header_value (or header_value_file) go together",
    ),
    (
        "{hosts: {a.b: {header: Cookie, header_value: x}}}",
        "11:28: attachments.hosts.a.b: header must be one that says who asks, such as X-Api-Key",
    ),
    (
        "{hosts: {a.b: {plain_text: true, token: x}}}",
        "11:28: attachments.hosts.a.b: plain_text cannot have credentials: anyone between could read them",
    ),
    (
        '{hosts: {a.b: {header: X-Key, header_value: "a\\r\\nb: c"}}}',
        "11:58: attachments.hosts.a.b.header_value: holds a line break or another control character: "
        "it must hold the secret as one line of text",
    ),
    (
        "{hosts: {a.b: {token: ''}}}",
        "11:36: attachments.hosts.a.b.token: is empty: it must hold the secret as one line of text",
    ),
    ("{hosts: {a.b: {token_file: none}}}", "11:41: cannot read none: No such file or directory"),
    ("{allow_private: [0.0.0.0/0]}", f"11:31: attachments.allow_private[0]: {PRIVATE}"),
    ("{allow_private: [169.254.0.0/16]}", f"11:31: attachments.allow_private[0]: {PRIVATE}"),
    ("{allow_private: ['fe80::/10']}", f"11:31: attachments.allow_private[0]: {PRIVATE}"),
    ("{allow_private: [8.8.8.0/24]}", f"11:31: attachments.allow_private[0]: {PRIVATE}"),
    (
        "{allow_private: [10.0.0.1/8]}",
        "11:31: attachments.allow_private[0]: must be a network such as 10.20.0.0/16, with zeros behind the prefix",
    ),
    (
        "{hosts: {10.20.0.5: {}}, allow_private: [10.30.0.0/16]}",
        "11:14: attachments: hosts: 10.20.0.5 is no public address and lies in no network of allow_private: "
        "nothing would ever be fetched from it",
    ),
    (
        "{hosts: {169.254.169.254: {}}}",
        "11:14: attachments: hosts: 169.254.169.254 is no public address and lies in no network of allow_private: "
        "nothing would ever be fetched from it",
    ),
    ("{proxy: 'socks5://a'}", "11:22: attachments.proxy: must be an http URL, such as http://proxy:3128"),
    (
        "{proxy: 'http://me:x@a'}",
        "11:22: attachments.proxy: must not hold a user or password: such a proxy is not supported",
    ),
    (
        "{idle_timeout_s: 200}",
        "11:14: attachments: total_timeout_s must not be below connect_timeout_s or idle_timeout_s",
    ),
    ("{spool: {memory_bytes: 5000000}}", "11:37: attachments.spool.memory_bytes must be 4194304 or less"),
    (
        "{spool: {disk_total_bytes: 1000000}}",
        "11:41: attachments.spool.disk_total_bytes must be 24000000 or more",
    ),
    ("{concurrent: 0}", "11:27: attachments.concurrent must be 1 or more"),
]


@pytest.mark.parametrize(("section", "problem"), MISTAKES, ids=[section for section, _ in MISTAKES])
def test_a_mistake_is_told_with_its_place(tmp_path: Path, section: str, problem: str) -> None:
    """And with what to do."""
    assert problems(folder(tmp_path, config=f"{CONFIG}attachments: {section}\n")) == [
        f"connector.yaml:{problem}"
    ]


def test_nothing_is_allowed_by_default(tmp_path: Path) -> None:
    """Without the section, and the fetcher hears it."""
    settings = loaded(folder(tmp_path)).settings.attachments
    assert (settings.hosts, settings.allow_private) == ({}, ())
    options = fetch_options(settings, _secret)
    assert options == FetchOptions()


def test_secrets_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    """Relative to the configuration; the spool's folder too, which need not be there yet."""
    (tmp_path / "token").write_text("canary\n")
    section = "{hosts: {a.b: {token_file: token}}, spool: {folder: kept}}"
    settings = loaded(folder(tmp_path, config=f"{CONFIG}attachments: {section}\n")).settings.attachments
    host = settings.hosts["a.b"]
    assert host.token is not None
    assert host.token.get_secret_value() == "canary"
    assert "canary" not in repr(settings)
    assert settings.spool.folder == tmp_path / "kept"


def _secret(value: SecretStr | None, file: Path | None) -> Secret:
    return FixedSecret(f"{value and value.get_secret_value()} {file}")


def test_settings_become_what_the_fetcher_is_told() -> None:
    """Each kind of credentials, and every number."""
    settings = AttachmentSettings.model_validate(
        {
            "hosts": {
                "a.b": {},
                "*.c.d:1": {"plain_text": True},
                "e.f": {"token": "t"},
                "g.h": {"username": "me", "password_file": "p"},
                "i.j": {"header": "X-Key", "header_value": "v"},
            },
            "allow_private": ["10.0.0.0/8"],
            "ca_file": "ca.pem",
            "proxy": "http://proxy:3128",
            "connect_timeout_s": 1,
            "idle_timeout_s": 2,
            "total_timeout_s": 3,
            "concurrent": 4,
            "concurrent_per_host": 5,
            "spool": {
                "folder": "s",
                "memory_bytes": 6,
                "memory_total_bytes": 7,
                "disk_total_bytes": 24_000_000,
            },
        }
    )
    options = fetch_options(settings, _secret)
    plain, pattern, bearer, basic, header = options.hosts
    assert (plain.credentials, plain.plain_text, pattern.plain_text) == (None, False, True)
    assert (pattern.pattern.host, pattern.pattern.port, pattern.pattern.below) == ("c.d", 1, True)
    assert isinstance(bearer.credentials, Bearer)
    assert bearer.credentials.header() == ("Authorization", "Bearer t None")
    assert isinstance(basic.credentials, Basic)
    assert (basic.credentials.user, basic.credentials.secret.value()) == ("me", "None p")
    assert isinstance(header.credentials, Header)
    assert header.credentials.header() == ("X-Key", "v None")
    assert options.allow_private == (ip_network("10.0.0.0/8"),)
    assert (options.ca_file, options.proxy_url) == (Path("ca.pem"), "http://proxy:3128")
    assert (options.connect_timeout_s, options.idle_timeout_s, options.total_timeout_s) == (1, 2, 3)
    assert (options.concurrent, options.concurrent_per_host) == (4, 5)
    spool = options.spool
    assert spool.folder == Path("s")
    assert (spool.memory_bytes, spool.memory_total_bytes, spool.disk_total_bytes) == (6, 7, 24_000_000)
