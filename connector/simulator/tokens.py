"""Is this request signed by an app that may speak for the channel? The simulator's own check of the bearer.

Keeps the ids of used tokens (`jti`), each until its token would be past anyway; keeps no token. Reads no body.
"""

import hmac
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import jwt
from pydantic import SecretStr

from connector.simulator.switches import Switches


@dataclass(frozen=True, slots=True)
class Signed:
    """The token is good. `app` is None for the static token, which belongs to no app; so is `jti`."""

    app: str | None
    jti: str | None


@dataclass(frozen=True, slots=True)
class Unsigned:
    """The token is refused. `why` is for the raw log: the client only hears 401."""

    why: str
    jti: str | None = None


Bearer: TypeAlias = Signed | Unsigned


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom the path asks for: the channel's real id and its app. None, where no channel is known: anyone does."""

    sub: str | None = None
    app: str | None = None


# Signature and form are PyJWT's to check; times are checked here, by the simulator's clock and switches.
_FORM_ONLY: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
_UNVERIFIED: Any = {"verify_signature": False}


class Tokens:
    """Checks bearers for one simulator. Not to be shared between threads."""

    def __init__(self, apps: Mapping[str, SecretStr]) -> None:
        self._secrets = {app: secret.get_secret_value() for app, secret in apps.items()}
        self._used: set[tuple[str, str]] = set()
        self._used_until: deque[tuple[float, tuple[str, str]]] = deque()

    def check(self, authorization: str | None, wanted: Wanted, now: float, switches: Switches) -> Bearer:
        """Judge an `Authorization` header at wall time `now`; a good token counts as used from here on."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return Unsigned("no bearer token")
        static = switches.static_token
        if static is not None and hmac.compare_digest(token.encode(), static.get_secret_value().encode()):
            return Signed(app=None, jti=None)
        read = self._signed_claims(token, wanted.app)
        if isinstance(read, Unsigned):
            return read
        app, claims = read
        jti = claims.get("jti")
        if not isinstance(jti, str) or not jti:
            return Unsigned("jti is missing")
        why = _wrong_time(claims.get("exp"), now, switches)
        if why is None and not isinstance(claims.get("sub"), str):
            why = "sub is missing"
        if why is None and switches.sub_mismatch == "reject" and wanted.sub not in (None, claims["sub"]):
            why = "sub is not the channel of the path"
        if why is None and switches.jti_replay == "reject" and (app, jti) in self._used:
            why = "jti was used before"
        if why is not None:
            return Unsigned(why, jti)
        self._use(app, jti, until=claims["exp"] + switches.jwt_leeway_s, now=now)
        return Signed(app, jti)

    def _signed_claims(self, token: str, likely: str | None) -> tuple[str, dict[str, Any]] | Unsigned:
        """Whose signature it is, and what it says.

        The likely app's secret is tried first; only if it does not fit, the unverified `iss` chooses another.
        """
        app = likely
        try:
            if app is None or (claims := self._claims(token, app)) is None:
                app = jwt.decode(token, options=_UNVERIFIED).get("iss")
                if not isinstance(app, str) or app not in self._secrets:
                    return Unsigned("iss is no app of this Front")
                claims = self._claims(token, app)
        except jwt.InvalidTokenError:
            return Unsigned("not a JSON Web Token of this kind")
        if claims is None:
            return Unsigned("bad signature")
        if claims.get("iss") != app:
            return Unsigned("iss is not the app that signed")
        return app, claims

    def _claims(self, token: str, app: str) -> dict[str, Any] | None:
        """The claims, or None if the signature is not made with the app's secret."""
        try:
            return jwt.decode(token, self._secrets[app], algorithms=["HS256"], options=_FORM_ONLY)
        except jwt.InvalidSignatureError:
            return None

    def _use(self, app: str, jti: str, *, until: float, now: float) -> None:
        while self._used_until and self._used_until[0][0] < now:
            self._used.discard(self._used_until.popleft()[1])
        self._used.add((app, jti))
        self._used_until.append((until, (app, jti)))


def _wrong_time(exp: Any, now: float, switches: Switches) -> str | None:
    """RFC 7519 §4.1.4: from `exp` on, a token must not be accepted."""
    if isinstance(exp, bool) or not isinstance(exp, int | float) or not math.isfinite(exp):
        return "exp is missing"
    if exp + switches.jwt_leeway_s <= now:
        return "exp is past"
    if exp > now + switches.jwt_max_ttl_s:
        return "exp is too far ahead"
    return None
