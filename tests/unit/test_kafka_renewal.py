"""Credentials of Kafka's clients: when another client is made, with what, and what is said when none can be."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from connector.adapters.kafka import msk_iam
from connector.adapters.kafka.consumer import KafkaSource
from connector.adapters.kafka.heard import FRESH_S, LOGIN_REFUSED, Heard, Refusal, refusal
from connector.adapters.kafka.login import login_problem, login_properties
from connector.adapters.kafka.msk_iam import MISSING, MskTokens
from connector.adapters.kafka.options import SourceOptions
from connector.adapters.kafka.renewal import Credentials, Renewal, tried
from connector.adapters.kafka.runtime import Runtime
from connector.config.kafka import KafkaSettings
from connector.config.kafka_login import MskIamSettings
from tests.support.world import Facts

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIAFAKE", "AWS_SECRET_ACCESS_KEY": "fake"}


def test_a_rebuild_is_asked_for_until_a_client_is_made_with_what_there_is() -> None:
    """A password alone asks for none; two that come at once ask for one."""
    credentials = Credentials({"sasl.password": "old", "client.id": "me"})
    credentials.renew(Renewal({"sasl.password": "new"}, rebuild=False))
    assert not credentials.outdated
    assert credentials.connection == {"sasl.password": "new", "client.id": "me"}
    for _ in range(2):
        credentials.renew(Renewal({"ssl.ca.pem": "x"}, rebuild=True))
    assert credentials.outdated
    credentials.taken_up()
    assert not credentials.outdated
    assert credentials.renewed == {"sasl.password": "new", "ssl.ca.pem": "x"}


def test_a_client_that_cannot_be_made_is_waited_for_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was judged may be gone when the client reads it; a token may be late: no defect, and no end."""
    failures: list[BaseException] = [
        KafkaException(KafkaError(KafkaError._INVALID_ARG, "ssl.key.location failed")),
        KafkaError(KafkaError.SASL_AUTHENTICATION_FAILED, "OAuth token not set"),  # type: ignore[list-item]
    ]
    log = Facts()

    def client(_: Any) -> Any:
        raise failures[0]

    options = SourceOptions(
        properties={}, connection={}, topics={}, on_missing_offset={}, dead_letter_topic="dlq"
    )
    source = KafkaSource(options, log, lambda _: None, Runtime(client=client))
    waited: list[float] = []
    monkeypatch.setattr(source._stopping, "wait", waited.append)
    for words in ("ssl.key.location failed", "OAuth token not set"):
        assert source._thread_live(after_failure=False) is False
        assert source.waiting_for == f"no Kafka client can be made: {words}"
        failures.pop(0)
    assert len(waited) == 2
    assert log.count("warning", "kafka.unreachable") == 2


def error(code: int, text: str) -> KafkaError:
    return KafkaError(code, f"sasl_ssl://kafka:9093/1: {text} (after 3ms in state X)")


def test_what_was_heard_is_told_while_it_is_fresh() -> None:
    """The client repeats itself every half minute at most; a minute of silence means that it was mended."""
    now = 100.0
    heard = Heard(lambda: now)
    assert heard.refusal is None
    heard.hear(error(KafkaError._TRANSPORT, "Disconnected"))
    assert heard.refusal is None
    heard.hear(error(KafkaError._AUTHENTICATION, "no"))
    assert heard.refusal == LOGIN_REFUSED
    now += FRESH_S + 1
    assert heard.refusal is None
    heard.hear(error(KafkaError._SSL, "SSL handshake failed"))
    assert heard.refusal == "no TLS: SSL handshake failed"


def test_how_the_far_side_ends_tls_is_told_though_the_handshake_was_over() -> None:
    """With TLS 1.3 it judges our certificate after we have judged its own."""
    alert = (
        "Receive failed: error:0A000416:SSL routines::ssl/tls alert certificate unknown: SSL alert number 46"
    )
    found = refusal([error(KafkaError._TRANSPORT, alert)])
    assert found == Refusal("tls", "Receive failed: ssl/tls alert certificate unknown: SSL alert number 46")
    assert str(refusal([])) == "the brokers do not answer"
    token = "Failed to acquire SASL OAUTHBEARER token: HTTP 401"
    assert str(refusal([error(KafkaError._AUTHENTICATION, token)])) == "no token for the login: HTTP 401"


def test_amazons_tokens_are_signed_with_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signed URL of the region's endpoint, good for a quarter of an hour; nothing is asked of anybody."""
    import base64
    import time

    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    token, ends = MskTokens("eu-central-1")("")
    url = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    assert url.startswith("https://kafka.eu-central-1.amazonaws.com/?Action=kafka-cluster%3AConnect&")
    assert "X-Amz-Credential=AKIAFAKE" in url
    assert 600 < ends - time.time() <= 900


def test_without_aws_credentials_the_trial_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client itself would wait ten seconds and speak of a time-out."""
    for name in CREDENTIALS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    found = tried({"bootstrap.servers": "127.0.0.1:1", "oauth_cb": MskTokens("eu-central-1")})
    assert found is not None
    assert found.what == "token"
    assert found.words.startswith(
        "AWS credentials that sign a token for Amazon MSK were not found, or are refused ("
    )


def test_msk_iam_is_a_login_by_tokens_in_tls_and_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library the start is refused with a sentence."""
    kafka = KafkaSettings(
        bootstrap_servers="b-1:9098", group_id="g", msk_iam=MskIamSettings(region="eu-central-1")
    )
    properties = login_properties(kafka)
    assert properties["security.protocol"] == "SASL_SSL"
    assert properties["sasl.mechanism"] == "OAUTHBEARER"
    assert properties["oauth_cb"] == MskTokens("eu-central-1")
    assert login_problem(kafka, {**properties, "group.id": "g"}) is None
    monkeypatch.setattr(msk_iam, "installed", lambda: False)
    assert login_problem(kafka, properties) == MISSING
    assert MISSING == (
        "kafka.msk_iam needs AWS' signing library, which is not installed: install front-connector[msk-iam]"
    )
