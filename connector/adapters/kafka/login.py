"""The settings' words about Kafka's connection -> librdkafka's properties, for the service and for tools alike."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from connector.adapters.kafka import msk_iam
from connector.adapters.kafka.properties import refused
from connector.config.kafka import KafkaSettings


def login_properties(kafka: KafkaSettings, secrets: Mapping[str, SecretStr] | None = None) -> dict[str, Any]:
    """What any client needs to reach the brokers. `secrets`: what the secret files hold now, in place of at the start."""
    found: dict[str, Any] = {**kafka.client_properties(secrets), "bootstrap.servers": kafka.bootstrap_servers}
    iam = kafka.msk_iam
    if iam is None:
        return found
    tokens = msk_iam.MskTokens(iam.region, iam.role_arn)
    return {"security.protocol": "SASL_SSL", **found, "sasl.mechanism": "OAUTHBEARER", "oauth_cb": tokens}


def login_problem(kafka: KafkaSettings, properties: Mapping[str, Any]) -> str | None:
    """Why no client can be made with these, as a sentence; None if one can."""
    if kafka.msk_iam is not None and not msk_iam.installed():
        return msk_iam.MISSING
    words = refused(properties)
    return words and f"kafka.properties: librdkafka does not take them: {words}"
