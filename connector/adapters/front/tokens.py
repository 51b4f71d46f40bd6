"""What stands in the Authorization header: a JWT minted for one attempt, or a static API token.

No token outlives the attempt it was made for, and no `repr` here shows a secret. Source of the claims (iss,
sub, jti, exp; HS256 over the app's secret): Front's docs on application channels, and its sample code.
"""

import json
import secrets
from dataclasses import dataclass, field
from typing import Final, Protocol

import jwt
from jwt.algorithms import HMACAlgorithm

from connector.adapters.front.rotation import Secret

TOKEN_LIFE_S: Final = 10.0
"""Front's samples use 10 s; 30 s is the most that public clients are seen to get accepted."""

_JTI_BYTES: Final = 16


class Tokens(Protocol):
    """Makes the bearer token of one attempt."""

    @property
    def secret(self) -> Secret:
        """What tokens are made with."""

    def mint(self, channel_real_id: str, now: float, secret: str | None = None) -> str:
        """A token for this channel, for immediate use.

        `now`: Front's time in Unix seconds. `secret`: what to make it with; None: the secret as it is now.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtTokens:
    """Signs a new token for each attempt: a token sent twice may be refused for its `jti`."""

    app_uid: str
    secret: Secret = field(repr=False)
    life_s: float = TOKEN_LIFE_S

    def mint(self, channel_real_id: str, now: float, secret: str | None = None) -> str:
        """An HS256 token that this channel's routes accept until `now + life_s`, in whole seconds."""
        claims = Claims(self.app_uid, channel_real_id, secrets.token_hex(_JTI_BYTES), int(now + self.life_s))
        return sign(claims, self.secret.value() if secret is None else secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticToken:
    """An API token, the same for every request."""

    token: Secret = field(repr=False)

    @property
    def secret(self) -> Secret:
        """The token itself."""
        return self.token

    def mint(self, channel_real_id: str, now: float, secret: str | None = None) -> str:  # noqa: ARG002 - not made for anyone
        """The token as it is."""
        return self.token.value() if secret is None else secret


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says. `exp`: Unix seconds. No `iat` and no `nbf`: Front's templates send neither."""

    iss: str
    sub: str
    jti: str
    exp: int


def sign(claims: Claims, secret: str) -> str:
    """The compact token, claims in Front's order and without spaces."""
    body = {"iss": claims.iss, "sub": claims.sub, "jti": claims.jti, "exp": claims.exp}
    return _JWS.encode(_compact(body).encode(), secret, algorithm=_ALGORITHM)


_compact: Final = json.JSONEncoder(separators=(",", ":")).encode
"""Made once: `json.dumps` with separators makes an encoder for every call."""


class _AppSecret(HMACAlgorithm):
    """HMAC with the secret as Front issued it.

    PyJWT warns of short keys and raises for keys that look like certificates. The secret's length is
    Front's choice, and a wrong secret has an answer already: 401, which holds the app with a reason. No
    exception here.
    """

    def prepare_key(self, key: str | bytes) -> bytes:
        return key.encode() if isinstance(key, str) else key

    def check_key_length(self, key: bytes) -> str | None:  # noqa: ARG002
        return None


_ALGORITHM: Final = "HS256"
_JWS: Final = jwt.PyJWS()
_JWS.unregister_algorithm(_ALGORITHM)
_JWS.register_algorithm(_ALGORITHM, _AppSecret(HMACAlgorithm.SHA256))
