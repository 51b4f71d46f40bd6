"""Files that Kafka's clients log in with, changed while the service runs: what is taken over, how, and what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connector.adapters.kafka import Renewal
from connector.adapters.kafka.heard import Refusal
from connector.app import kafka_files
from connector.app.kafka_files import KafkaFiles, Means
from connector.config.kafka import KafkaSettings
from connector.config.secrets import with_files
from tests.support.world import Facts

SCRAM = {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"}


@dataclass
class Stage:
    """Settings whose files lie in `folder`, brokers that answer `refusal`, and a client that hears of changes."""

    folder: Path
    refusal: Refusal | None = None
    problem: str | None = None
    tries: list[Mapping[str, Any]] = field(default_factory=list)
    renewals: list[Renewal] = field(default_factory=list)
    log: Facts = field(default_factory=Facts)

    def renew(self, renewal: Renewal) -> None:
        self.renewals.append(renewal)

    def tried(self, connection: Mapping[str, Any]) -> Refusal | None:
        self.tries.append(connection)
        return self.refusal

    def files(self, properties: Mapping[str, str], **named: str) -> KafkaFiles:
        """`named`: settings by their names with underscores, and what their files hold."""
        for name, content in named.items():
            (self.folder / name).write_text(content)
        settings = KafkaSettings(
            bootstrap_servers="kafka:9093",
            group_id="group",
            properties=dict(properties),
            properties_from_files={name.replace("_", "."): Path(name) for name in named},
            rebuild_jitter_s=0,
        )
        complaints: list[str] = []
        self.kafka = with_files(settings, self.folder, (), lambda _, message: complaints.append(message))
        assert not complaints
        means = Means(connection=self._connection, refused=lambda _: self.problem, tried=self.tried)
        return KafkaFiles(self.kafka, means, (self,), self.log)

    def _connection(self, secrets: Mapping[str, SecretStr]) -> Mapping[str, Any]:
        return self.kafka.client_properties(secrets)

    def said(self, event: str) -> list[Mapping[str, Any]]:
        """What was logged of an event."""
        return [fields for _, told, fields in self.log.seen if told == (event,)]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(kafka_files, "STAYS_S", 0.0)
    return Stage(tmp_path)


async def test_a_password_is_given_to_clients_as_they_live(stage: Stage) -> None:
    """Once it was tried; and told by its path alone."""
    files = stage.files(SCRAM, sasl_username="me", sasl_password="old")
    await files._look()
    assert stage.renewals == []
    (stage.folder / "sasl_password").write_text("hush\n")
    await files._look()
    assert stage.tries[0]["sasl.password"] == "hush"
    assert stage.renewals == [Renewal({"sasl.password": "hush"}, rebuild=False)]
    path = str(stage.folder / "sasl_password")
    assert stage.said("config.reloaded") == [{"kind": "secret", "path": path}]
    assert files.reloaded == {"secret": True}
    await files._look()
    assert len(stage.renewals) == 1
    assert "hush" not in repr(stage.renewals) + repr(stage.log.seen)


async def test_while_the_brokers_refuse_it_the_old_one_stays_and_it_is_tried_again(stage: Stage) -> None:
    """It was told to them later than to us: nothing to do but wait. It is logged once."""
    files = stage.files(SCRAM, sasl_username="me", sasl_password="old")
    (stage.folder / "sasl_password").write_text("hush\n")
    stage.refusal = Refusal("login", "no such password")
    for _ in range(3):
        await files._look()
    assert len(stage.tries) == 3
    assert stage.renewals == []
    assert files.reloaded == {"secret": False}
    [failed] = stage.said("config.reload.failed")
    why = "tried on a connection of its own: the brokers refuse the login: no such password"
    assert failed["why"] == why
    assert files.waiting_for == f"new credentials are not of use: {why}"
    stage.refusal = None
    await files._look()
    assert len(stage.renewals) == 1
    assert files.reloaded == {"secret": True}
    assert files.waiting_for is None


async def test_what_cannot_be_tried_is_no_fault_of_the_file(stage: Stage) -> None:
    """The brokers do not answer: nothing is taken over, nothing refused."""
    files = stage.files(SCRAM, sasl_username="me", sasl_password="old")
    (stage.folder / "sasl_password").write_text("hush\n")
    stage.refusal = Refusal("silent")
    await files._look()
    assert (stage.renewals, stage.said("config.reload.failed")) == ([], [])
    assert files.reloaded == {"secret": True}
    assert files.waiting_for == "the brokers do not answer, so new credentials are not tried yet"
    (stage.folder / "sasl_password").write_text("old")
    await files._look()
    assert files.waiting_for is None, "what was there before is there again"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty: it must hold the secret as one line of text"),
        (
            "a\nb",
            "holds a line break or another control character: it must hold the secret as one line of text",
        ),
    ],
)
async def test_a_file_that_is_no_use_is_refused_and_taking_it_back_ends_that(
    stage: Stage, content: str, why: str
) -> None:
    """Nobody is asked; the old content needs no trial."""
    files = stage.files(SCRAM, sasl_username="me", sasl_password="old")
    path = stage.folder / "sasl_password"
    path.write_text(content)
    await files._look()
    assert stage.said("config.reload.failed") == [
        {"kind": "secret", "path": str(path), "why": f"secret file {path} {why}"}
    ]
    path.write_text("old")
    await files._look()
    assert files.reloaded == {"secret": True}
    assert (stage.tries, stage.renewals) == ([], [])


async def test_all_else_needs_another_client(stage: Stage) -> None:
    """A certificate's content changes behind the same path; the secret of OAuth is no password."""
    for name in ("ca.pem", "client.pem", "client.key"):
        (stage.folder / name).write_text(name)
    names = {
        "ssl.ca.location": "ca.pem",
        "ssl.certificate.location": "client.pem",
        "ssl.key.location": "client.key",
    }
    files = stage.files({"security.protocol": "SSL", **names})
    assert files.reloaded == {"ca": True, "secret": True}
    stage.problem = "ssl.key.location failed: key values mismatch"
    (stage.folder / "client.key").write_text("another")
    await files._look()
    assert (
        stage.said("config.reload.failed")[0]["why"] == f"the Kafka client does not take it: {stage.problem}"
    )
    assert files.reloaded == {"ca": True, "secret": False}
    stage.problem = None
    (stage.folder / "client.pem").write_text("another")
    (stage.folder / "ca.pem").write_text("another")
    await files._look()
    assert stage.renewals == [Renewal({}, rebuild=True)]
    assert [line["kind"] for line in stage.said("config.reloaded")] == ["ca", "secret", "secret"]


async def test_a_file_that_changes_before_its_turn_is_judged_again(stage: Stage) -> None:
    """Another client reads the file when it is made: by then it must still be what was tried."""
    (stage.folder / "ca.pem").write_text("one")
    files = stage.files({"security.protocol": "SSL", "ssl.ca.location": "ca.pem"})
    (stage.folder / "ca.pem").write_text("two")

    def tried(_: Mapping[str, Any]) -> None:
        (stage.folder / "ca.pem").write_text("three" if not stage.tries else "four")
        stage.tries.append({})

    files._means = Means(connection=stage._connection, refused=lambda _: None, tried=tried)
    await files._look()
    assert stage.renewals == []
