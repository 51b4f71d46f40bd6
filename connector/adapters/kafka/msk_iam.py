"""Login at Amazon MSK by IAM: tokens that AWS' own library signs, with the credentials that it finds. An extra: `msk-iam`.

Signing asks nobody but the source of the credentials (environment, file, web identity, instance); with a role, STS as well.
librdkafka asks for the next token when four fifths of one's life are over, in a thread of its own. No token is logged.
"""

import importlib.util
from dataclasses import dataclass
from typing import Final

MISSING: Final = (
    "kafka.msk_iam needs AWS' signing library, which is not installed: install front-connector[msk-iam]"
)


def installed() -> bool:
    """Whether the extra is there."""
    return importlib.util.find_spec("aws_msk_iam_sasl_signer") is not None


@dataclass(frozen=True, slots=True)
class MskTokens:
    """What confluent-kafka calls `oauth_cb`. One is like another with the same settings."""

    region: str
    role_arn: str | None = None

    def __call__(self, _config: str) -> tuple[str, float]:
        """A token and when it ends, Unix seconds. Raises RuntimeError, whose text the client tells as its error."""
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider as Provider

        try:
            if self.role_arn is None:
                token, ends_ms = Provider.generate_auth_token(self.region)
            else:
                token, ends_ms = Provider.generate_auth_token_from_role_arn(self.region, self.role_arn)
        except Exception as error:  # noqa: BLE001 - whatever stands in the way is told by the client
            # Not the library's words: without credentials they speak of an attribute, and some name a request.
            raise RuntimeError(
                f"AWS credentials that sign a token for Amazon MSK were not found, or are refused ({type(error).__name__})"
            ) from None
        return token, ends_ms / 1000
