"""The `kafka` section: which brokers, which group, and any other setting of librdkafka."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from unicodedata import category

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from connector.config import kafka_login
from connector.config.kafka_login import LOGIN_FILES, Login, MskIamSettings, is_secret
from connector.config.owned_properties import OWNED
from connector.config.section import FileOrFolder, Seconds, Section, require

TOPIC_PATTERN = r"^[A-Za-z0-9._-]{1,249}$"
"""Kafka's own rule for topic names (org.apache.kafka.common.internals.Topic)."""

_PORT = re.compile(r":\d+$")

TopicName: TypeAlias = Annotated[str, StringConstraints(pattern=TOPIC_PATTERN)]


def _property_text(value: object) -> object:
    """librdkafka takes texts; YAML gives true, false and numbers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _not_ours(name: str) -> str:
    """Refuse a setting that the connector owns; `topic.` is librdkafka's old prefix of topic settings."""
    bare = name.removeprefix("topic.")
    why = OWNED.get(bare) or ("callbacks belong to the connector" if bare.endswith("_cb") else None)
    if why is not None:
        raise PydanticCustomError("owned", "{name} cannot be set: {why}", {"name": name, "why": why})
    return name


def _sent_as_it_is(text: str) -> str:
    """librdkafka cuts blanks off the ends and all after a NUL; of an id that is empty then, its process dies."""
    fine = text == text.strip() and not any(category(letter) in ("Cc", "Cs") for letter in text)
    require(fine, "must have no control characters, and no blanks at its ends")
    return text


PropertyName: TypeAlias = Annotated[str, AfterValidator(_not_ours)]
PropertyText: TypeAlias = Annotated[
    str, BeforeValidator(_property_text, json_schema_input_type=str | int | float | bool)
]


class KafkaSettings(Section):
    """`properties` go to librdkafka as they are, to consumer and producer alike."""

    bootstrap_servers: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)] = Field(
        description="host:port, several separated by commas."
    )
    group_id: Annotated[
        str, StringConstraints(min_length=1, max_length=249), AfterValidator(_sent_as_it_is)
    ] = Field(description="Consumer group.")
    group_protocol: Literal["classic", "consumer"] = Field(
        default="classic",
        description="consumer: KIP-848, brokers from 4.0; session_timeout_s is then required.",
    )
    group_instance_id: (
        Annotated[str, StringConstraints(min_length=1), AfterValidator(_sent_as_it_is)] | None
    ) = Field(default=None, description="Static membership: unique for each process of the group.")
    session_timeout_s: Seconds = Field(
        default=45.0,
        description="After this silence the group gives the partitions to others. consumer: the broker's.",
    )
    max_poll_interval_s: Seconds = Field(default=300.0, description="Longest time between two polls.")
    group_is_new: bool | None = Field(
        default=None,
        description="false: this group has worked before, so a topic without any committed offset has lost them "
        "(on_missing_offset), and its start does not count. Otherwise such a topic is a first start.",
    )
    properties: dict[PropertyName, PropertyText] = Field(
        default_factory=dict, repr=False, description="Any other setting of librdkafka, by its own name."
    )
    properties_from_files: dict[PropertyName, FileOrFolder] = Field(
        default_factory=dict,
        description="Settings of librdkafka whose values lie in files, such as sasl.password; the files are watched.",
    )
    msk_iam: MskIamSettings | None = Field(
        default=None, description="Login at Amazon MSK by IAM; needs the extra front-connector[msk-iam]."
    )
    allow_insecure: bool = Field(
        default=False,
        description="Allow a login that is sent unencrypted to another machine, or brokers whose certificate is not verified; "
        "warned of at each start.",
    )
    rebuild_jitter_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=60.0,
        description="Certificates, keys and OAuth secrets are taken over by new clients, after a random part of this time: so "
        "processes that see a new file at once do not leave the group together.",
    )

    _secrets: Mapping[str, SecretStr] = PrivateAttr(default_factory=dict)

    @property
    def file_properties(self) -> Mapping[str, SecretStr]:
        """What `properties_from_files` held when the configuration was loaded."""
        return self._secrets

    def remember(self, secrets: Mapping[str, SecretStr]) -> None:
        """Keep what the files held; called once, by the loader."""
        self._secrets = dict(secrets)

    def client_properties(self, secrets: Mapping[str, SecretStr] | None = None) -> dict[str, str]:
        """`properties` and the content of `properties_from_files`, in the clear: for librdkafka only.

        `secrets`: what the files hold now, in place of what they held.
        """
        found = self._secrets if secrets is None else secrets
        return {**self.properties, **{name: secret.get_secret_value() for name, secret in found.items()}}

    @property
    def login_files(self) -> Mapping[str, Path]:
        """Files that librdkafka itself reads, such as certificates, by the setting that names them. Folders are left out."""
        named = {name: Path(self.properties[name]) for name in LOGIN_FILES if name in self.properties}
        return {name: path for name, path in named.items() if path.is_file()}

    @property
    def login(self) -> Login:
        """How clients log in."""
        return Login(
            properties=self.properties,
            from_files=self.properties_from_files.keys(),
            bootstrap_servers=self.bootstrap_servers,
            msk_iam=self.msk_iam is not None,
            allow_insecure=self.allow_insecure,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is hardly meant, or allowed and yet lies open."""
        servers = filter(None, (server.strip() for server in self.bootstrap_servers.split(",")))
        bare = [server for server in servers if not _PORT.search(server)]
        return (
            *(
                f"kafka.bootstrap_servers: {server} has no port: 9092 is asked; write the port too"
                for server in bare
            ),
            *kafka_login.warnings(self.login),
        )

    def shown_properties(self) -> dict[str, str]:
        """`properties` as they may be shown."""
        return {
            name: "**********" if is_secret(name) or name.endswith(".pem") else value
            for name, value in self.properties.items()
        }

    @model_validator(mode="after")
    def _agree(self) -> "KafkaSettings":
        twice = self.properties.keys() & self.properties_from_files.keys()
        require(
            not twice,
            f"give {', '.join(sorted(twice))} in properties or in properties_from_files, not in both",
        )
        require(
            self.session_timeout_s <= self.max_poll_interval_s,
            "session_timeout_s must not be above max_poll_interval_s: librdkafka refuses it",
        )
        require(
            self.group_protocol == "classic" or "session_timeout_s" in self.model_fields_set,
            "group_protocol consumer needs session_timeout_s: no larger than the brokers' "
            "group.consumer.session.timeout.ms",
        )
        for name in sorted(self.properties.keys() | self.properties_from_files.keys()):
            protocol = _PROTOCOL_OF.get(name.removeprefix("topic."), self.group_protocol)
            require(
                protocol == self.group_protocol,
                f"{name} cannot be set with group_protocol {self.group_protocol}: it is a setting of {protocol}",
            )
        require(
            self._beats_in_time(),
            "heartbeat.interval.ms must be below session_timeout_s, better a third of it: a member that beats less "
            "often is expelled again and again",
        )
        problem = kafka_login.problem(self.login)
        require(problem is None, problem or "")
        return self

    def _beats_in_time(self) -> bool:
        try:
            interval_ms = float(self.properties.get("heartbeat.interval.ms", "0"))
        except ValueError:
            return True  # librdkafka says that it is no number
        return interval_ms < self.session_timeout_s * 1000


_PROTOCOL_OF: Mapping[str, str] = {
    "heartbeat.interval.ms": "classic",
    "group.protocol.type": "classic",
    "group.remote.assignor": "consumer",
}
"""Properties that one protocol has and the other does not know (KIP-848)."""
