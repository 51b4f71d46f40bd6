"""A token endpoint of OAuth 2 for tests: HTTPS on 127.0.0.1, client credentials, signed tokens (RFC 6749, 4.4)."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.certificates import Certificates
from tests.support.secured import AUDIENCE, ISSUER

CLIENT_ID: Final = "front-connector"


class TokenEndpoint:
    """A context manager. Gives tokens for `secret`, which a test may change; `given`: how many it gave."""

    def __init__(self, key: rsa.RSAPrivateKey, certificates: Certificates) -> None:
        self._key = key
        self.secret = ""
        self.given = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                shown = base64.b64encode(f"{CLIENT_ID}:{endpoint.secret}".encode()).decode()
                right = self.headers.get("Authorization") == f"Basic {shown}"
                body = endpoint.token() if right else {"error": "invalid_client"}
                answer = json.dumps(body).encode()
                self.send_response(200 if right else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = certificates.server_context().wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def token(self) -> dict[str, object]:
        """The endpoint's answer, with a token for five minutes."""
        self.given += 1
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "scope": "kafka",
        }
        token = jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "one"})
        return {"access_token": token, "token_type": "Bearer", "expires_in": 300}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
