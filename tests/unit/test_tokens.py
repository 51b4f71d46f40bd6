"""Tokens for Front, and the files that their secrets lie in."""

import base64
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest

from connector.adapters.files import CHECK_EVERY_S, FixedSecret, SecretFile, SecretFileError
from connector.adapters.front.tokens import Claims, JwtTokens, StaticToken, sign
from connector.core.secret_text import MAX_BYTES

SECRET = "not-a-real-secret"
# Front's sample: header, claims in this order, and the signature; reproduced with several libraries.
VECTOR = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJhcHBfZGVtbzEiLCJzdWIiOiJjaGFfZGVtbzEiLCJqdGkiOiIwMTIzNDU2Nzg5YWJjZGVmIiwiZXhwIjoxNzg5MDAwMDEwfQ."
    "MWR3wK4xhgsDXAJPApcpuGW6GCdTMOF6fTFuVGgRx_0"
)


def claims_of(token: str) -> dict[str, Any]:
    """The claims as they stand, in their order."""
    part = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


@dataclass
class Watched:
    """A secret file, a clock moved by hand, and what the observer heard."""

    path: Path
    now: float = 100.0
    heard: list[str] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def secret_reloaded(self, path: str) -> None:
        assert path == str(self.path)
        self.heard.append("reloaded")

    def secret_kept(self, path: str, why: str) -> None:
        assert path == str(self.path)
        self.heard.append(why)

    def open(self) -> SecretFile:
        return SecretFile(self.path, self.monotonic, self)

    def later(self) -> None:
        self.now += CHECK_EVERY_S


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    path = tmp_path / "secret"
    path.write_text("first\n")
    return Watched(path)


def test_the_known_vector_is_reproduced() -> None:
    """Byte for byte, with a secret shorter than PyJWT likes, and no warning."""
    assert sign(Claims("app_demo1", "cha_demo1", "0123456789abcdef", 1789000010), SECRET) == VECTOR


def test_a_token_names_the_app_and_the_channel_and_ends_in_ten_seconds() -> None:
    """`exp` is whole seconds of the wall clock; no other claim is made."""
    secret = "s" * 32  # else PyJWT, decoding, warns of a short key
    token = JwtTokens(app_uid="app_1", secret=FixedSecret(secret)).mint("cha_1", 1_789_000_000.9)
    claims = claims_of(token)
    assert list(claims) == ["iss", "sub", "jti", "exp"]
    assert (claims["iss"], claims["sub"], claims["exp"]) == ("app_1", "cha_1", 1_789_000_010)
    assert isinstance(claims["exp"], int)
    assert jwt.decode(token, secret, ["HS256"], options={"verify_exp": False}) == claims


def test_no_two_tokens_share_a_jti() -> None:
    """At least 128 bits, written in hexadecimal; new for each attempt."""
    tokens = JwtTokens(app_uid="app_1", secret=FixedSecret(SECRET), life_s=20.0)
    seen = {claims_of(tokens.mint("cha_1", 0.0))["jti"] for _ in range(1000)}
    assert len(seen) == 1000
    assert all(len(bytes.fromhex(jti)) >= 16 for jti in seen)
    assert claims_of(tokens.mint("cha_1", 0.0))["exp"] == 20


@pytest.mark.parametrize("secret", ["-----BEGIN PUBLIC KEY-----", "ssh-rsa AAAA", "ü" * 3, "x"])
def test_a_secret_of_another_kind_still_signs(secret: str) -> None:
    """A wrong file was mounted: Front's 401 says so, not an exception here."""
    assert sign(Claims("a", "b", "c", 1), secret).count(".") == 2


def test_a_static_token_is_sent_as_it_is(watched: Watched) -> None:
    """Whatever the channel; another one if the caller says so."""
    tokens = StaticToken(token=watched.open())
    assert tokens.mint("cha_1", 0.0) == tokens.mint("cha_2", 9.0) == "first"
    assert tokens.mint("cha_1", 0.0, "former") == "former"
    watched.path.write_text("second")
    tokens.secret.refresh()
    assert tokens.mint("cha_1", 0.0) == "second"


def test_a_token_is_signed_with_the_secret_that_is_asked_for() -> None:
    """While secrets change, the caller chooses."""
    tokens = JwtTokens(app_uid="app_1", secret=FixedSecret("n" * 32))
    for secret, asked in (("n" * 32, None), ("f" * 32, "f" * 32)):
        jwt.decode(tokens.mint("cha_1", 0.0, asked), secret, ["HS256"], options={"verify_exp": False})


def test_no_repr_shows_a_secret(watched: Watched) -> None:
    """Neither of tokens nor of where their secrets come from."""
    watched.path.write_text("canary")
    for secret in (FixedSecret("canary"), watched.open()):
        shown = [secret, JwtTokens(app_uid="app_1", secret=secret), StaticToken(token=secret)]
        assert "canary" not in repr(shown) + str(shown)


@pytest.mark.parametrize("raw", ["first", "first\n", "first\r\n"])
def test_one_trailing_newline_is_not_part_of_the_secret(watched: Watched, raw: str) -> None:
    """Editors and `echo` add it."""
    watched.path.write_bytes(raw.encode())
    assert watched.open().value() == "first"


def test_a_changed_file_is_seen_after_a_second(watched: Watched) -> None:
    """Looked at once a second at most, and also if size and times have not changed."""
    secret = watched.open()
    before = watched.path.stat()
    watched.path.write_text("other\n")
    os.utime(watched.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    watched.now += CHECK_EVERY_S / 2
    assert secret.value() == "first"
    watched.now += CHECK_EVERY_S / 2
    assert secret.value() == "other"
    assert watched.heard == ["reloaded"]


def test_a_swapped_link_is_followed(watched: Watched, tmp_path: Path) -> None:
    """The kubelet replaces a mounted Secret by swapping a symbolic link to its folder."""
    for version, text in (("v1", "first"), ("v2", "second")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "secret").write_text(text)
    data = tmp_path / "..data"
    data.symlink_to("v1")
    watched.path = data / "secret"
    secret = watched.open()
    (tmp_path / "new").symlink_to("v2")
    (tmp_path / "new").rename(data)
    watched.later()
    assert secret.value() == "second"


def test_refresh_looks_at_once(watched: Watched) -> None:
    """Somebody refused the value: no second of waiting."""
    secret = watched.open()
    watched.path.write_text("second")
    secret.refresh()
    assert secret.value() == "second"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"one\ntwo\n", "holds a line break or another control character"),
        (b"x" * (MAX_BYTES + 1), f"is larger than {MAX_BYTES} bytes"),
    ],
    ids=["gone", "empty", "blank", "binary", "two lines", "huge"],
)
def test_an_unusable_file_keeps_the_last_good_value(watched: Watched, raw: bytes | None, why: str) -> None:
    """Reported once, not at each look, and again when it is well. At start it is an error."""
    secret = watched.open()
    if raw is None:
        watched.path.unlink()
    else:
        watched.path.write_bytes(raw)
    for _ in range(3):
        watched.later()
        assert secret.value() == "first"
    assert watched.heard == [why]
    with pytest.raises(SecretFileError) as refused:
        watched.open()
    assert (
        str(refused.value) == f"secret file {watched.path} {why}: it must hold the secret as one line of text"
    )
    watched.path.write_text("first\n")
    watched.later()
    assert secret.value() == "first"
    assert watched.heard == [why, "reloaded"]
