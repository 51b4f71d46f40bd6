"""A broker as an estate runs it, for tests: one listener for each way to log in, all on 127.0.0.1.

What lives here: listeners with SASL_SSL (SCRAM and PLAIN), with client certificates, and with OAUTHBEARER; their users and
certificates, and the changes that an operator makes while clients run. What must come of them is said in the tests.
"""

import base64
import json
from pathlib import Path
from typing import Any, Final

from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.admin._scram import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.certificates import Certificates, make_certificates
from tests.support.kafka import Cluster, free_ports

USER: Final = "connector"
REAUTHENTICATE_MS: Final = 3000
"""So long a login by SCRAM is good: then the client must show its credentials again, on the same connection (KIP-368)."""
ISSUER, AUDIENCE = "https://idp.example.com", "kafka"


class SecuredCluster(Cluster):
    """One broker. `scram` (for PLAIN too), `mutual` and `oauth` are its addresses; clients of the first listener may do all."""

    def _properties(self, broker: Any) -> dict[str, str]:
        plain = super()._properties(broker)
        self.folder: Path = broker.directory
        (self.folder / "first").mkdir()
        self.certificates = make_certificates(self.folder / "first")
        self.signing_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        jwks = self.folder / "jwks.json"
        jwks.write_text(json.dumps({"keys": [_jwk(self.signing_key.public_key())]}), "utf-8")
        self.flags = (f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={jwks.as_uri()}",)
        self.scram, self.mutual, self.oauth = (f"127.0.0.1:{port}" for port in free_ports(3))
        ours = f"SCRAM://{self.scram},MUTUAL://{self.mutual},OAUTH://{self.oauth}"
        kinds = "SCRAM:SASL_SSL,MUTUAL:SSL,OAUTH:SASL_SSL"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="plain";'
        oauth, bearer = "listener.name.oauth", "org.apache.kafka.common.security.oauthbearer"
        own: dict[str, str] = {
            "listeners": f"{plain['listeners']},{ours}",
            "advertised.listeners": f"{plain['advertised.listeners']},{ours}",
            "listener.security.protocol.map": f"{plain['listener.security.protocol.map']},{kinds}",
            "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
            "listener.name.scram.scram-sha-256.sasl.jaas.config": scram,
            "listener.name.scram.scram-sha-512.sasl.jaas.config": scram,
            "listener.name.scram.scram-sha-512.connections.max.reauth.ms": str(REAUTHENTICATE_MS),
            "listener.name.scram.plain.sasl.jaas.config": login,
            "listener.name.mutual.ssl.client.auth": "required",
            f"{oauth}.sasl.enabled.mechanisms": "OAUTHBEARER",
            f"{oauth}.oauthbearer.sasl.jaas.config": f"{bearer}.OAuthBearerLoginModule required;",
            f"{oauth}.oauthbearer.sasl.server.callback.handler.class": f"{bearer}.OAuthBearerValidatorCallbackHandler",
            f"{oauth}.oauthbearer.sasl.oauthbearer.jwks.endpoint.url": jwks.as_uri(),
            f"{oauth}.oauthbearer.sasl.oauthbearer.expected.audience": AUDIENCE,
            f"{oauth}.oauthbearer.sasl.oauthbearer.expected.issuer": ISSUER,
        }
        stores = self._stores(self.certificates, "first-1", self.certificates.ca)
        for name in ("scram", "mutual", "oauth"):
            own |= {f"listener.name.{name}.{key}": value for key, value in stores.items()}
        return {**plain, **own}

    def set_scram_password(self, password: str) -> None:
        """The user's password, from now on; no other one is good."""
        admin = self.new_admin()
        changes = [
            UserScramCredentialUpsertion(USER, ScramCredentialInfo(mechanism, 4096), password.encode())
            for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
        ]
        # One at a time: a request may name a user once.
        for change in changes:
            for future in admin.alter_user_scram_credentials([change]).values():
                future.result(15)

    def use_certificates(self, server: Certificates, *trusted: Path) -> None:
        """Have the listener for client certificates show another certificate, and trust these authorities."""
        stores = self._stores(server, f"{server.ca.parent.name}-{len(trusted)}", *trusted)
        entries = [
            ConfigEntry(f"listener.name.mutual.{name}", value, incremental_operation=AlterConfigOpType.SET)
            for name, value in stores.items()
        ]
        resource = ConfigResource(ResourceType.BROKER, "1", incremental_configs=entries)
        admin = self.new_admin()
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(15)

    def _stores(self, server: Certificates, name: str, *trusted: Path) -> dict[str, str]:
        key, trust = self.folder / f"key-{name}.pem", self.folder / f"trust-{name}.pem"
        key.write_bytes(server.server_key.read_bytes() + server.server.read_bytes())
        trust.write_bytes(b"".join(path.read_bytes() for path in trusted))
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(key),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(trust),
        }


def _jwk(key: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    parts = {"n": numbers.n, "e": numbers.e}
    return {"kty": "RSA", "kid": "one", "alg": "RS256", "use": "sig"} | {
        name: base64.urlsafe_b64encode(part.to_bytes((part.bit_length() + 7) // 8)).rstrip(b"=").decode()
        for name, part in parts.items()
    }
