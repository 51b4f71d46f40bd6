"""The settings: one frozen model with a section a part, units in the names, nonsense refused.

Order: environment, then the YAML file, then the defaults here. A secret is given as `x` or as `x_file`, never both.
Never here: reading files (`loader.py`, `secrets.py`), what mapping files say (`mapping/file.py`).
"""

import socket
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from connector.config.attachments import AttachmentSettings
from connector.config.control import ControlSettings
from connector.config.front import FrontSettings
from connector.config.kafka import KafkaSettings, TopicName
from connector.config.registry import RegistrySettings
from connector.config.section import Count, FileOrFolder, Name, Port, Seconds, Section, require
from connector.config.tracing import TracingSettings

MIB = 1024 * 1024
ENV_PREFIX = "FRONT_CONNECTOR_"
"""FRONT_CONNECTOR_KAFKA__GROUP_ID sets kafka.group_id."""

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]


class MappingSettings(Section):
    """Where the mapping files lie, which environment variables they may read, and what happens when they change."""

    folder: FileOrFolder = Field(description="Folder of mapping files; every *.yaml in it is read.")
    env: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], ...] = Field(
        default=(), description="Environment variables that expressions see as env.NAME; each must be set."
    )
    reload: Literal["restart", "watch"] = Field(
        default="restart",
        description="When the files change: restart waits for you to do so; watch looks every 15 s and on SIGHUP, and takes "
        "what is valid and passes its tests.",
    )
    mapper_timeout_s: Seconds = Field(
        default=5.0,
        description="A Python mapper that takes longer is given up, and its record is a dead letter.",
    )


class LimitSettings(Section):
    """Bounds of memory and time."""

    in_flight: Count = Field(default=64, le=10_000, description="Requests under way at Front at once.")
    partition_records: Count = Field(
        default=1000,
        description="Records of a partition kept in memory; up to 2,000 that are on their way come on top.",
    )
    partition_bytes: int = Field(
        default=16 * MIB, ge=1024, description="Bytes of a partition's records kept in memory."
    )
    calls_remembered: int = Field(
        default=50_000,
        ge=0,
        le=10_000_000,
        description="Calls whose state is remembered, to notice a change of state that Front drops; some 350 bytes each.",
    )
    drain_s: Seconds = Field(default=30.0, description="How long a stop waits for what is in flight.")
    revoke_drain_s: Seconds = Field(
        default=10.0, description="How long a rebalance waits for what is in flight."
    )
    commit_interval_s: Seconds = Field(default=1.0, description="How often offsets are committed.")


class DeadLetterSettings(Section):
    """Where bad records go."""

    topic: TopicName = Field(description="Topic for records that cannot be sent. It must exist.")


class TelemetrySettings(Section):
    """Logs, and the listener for probes and metrics."""

    host: str = Field(default="0.0.0.0", min_length=1, description="Address of the listener.")  # noqa: S104 - a pod's probes come from outside
    port: Port = Field(default=8080, description="Port of the listener; 0 takes any free one.")
    log_level: LogLevel = "info"
    log_format: Literal["json", "console"] = "json"


ADMIN_ABOVE = 3
"""Not the next port: 8081 is where schema registries listen."""


class AdminSettings(Section):
    """The listener for people and for clients of Kafka Connect's API: on 127.0.0.1, and nowhere else."""

    port: Port | None = Field(
        default=None,
        description="Its port; 0 takes any free one. By default three above telemetry.port: 8083, as Kafka Connect's.",
    )


class Settings(BaseSettings):
    """Everything the service is told, apart from the mapping files."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        title="front-connector configuration",
    )

    name: Name = Field(
        default="front-connector", description="Name of this connector in status, metrics and logs."
    )
    instance: Annotated[str, StringConstraints(min_length=1)] = Field(
        default_factory=socket.gethostname, description="Name of this process; the host's name by default."
    )
    kafka: KafkaSettings
    registry: RegistrySettings | None = Field(
        default=None, description="Needed unless every topic says avro_raw."
    )
    front: FrontSettings
    mappings: MappingSettings
    attachments: AttachmentSettings = AttachmentSettings()
    limits: LimitSettings = LimitSettings()
    dead_letter: DeadLetterSettings
    telemetry: TelemetrySettings = TelemetrySettings()
    tracing: TracingSettings = TracingSettings()
    admin: AdminSettings = AdminSettings()
    control: ControlSettings = ControlSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings calls it so
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose content comes as arguments."""
        return env_settings, init_settings

    @property
    def admin_port(self) -> int:
        """Where the listener on loopback listens; 0: on any free port."""
        if self.admin.port is not None:
            return self.admin.port
        return self.telemetry.port + ADMIN_ABOVE if self.telemetry.port else 0

    @model_validator(mode="after")
    def _agree(self) -> "Settings":
        kafka, limits, front = self.kafka, self.limits, self.front
        require(
            self.admin.port is not None or self.telemetry.port <= 65_535 - ADMIN_ABOVE,
            f"there is no port {ADMIN_ABOVE} above telemetry.port: give admin.port",
        )
        require(
            not self.admin.port or self.admin.port != self.telemetry.port,
            "admin.port must not be telemetry.port: probes come from outside the pod, and the other is for loopback only",
        )
        require(
            front.request_deadline_s < kafka.session_timeout_s,
            "front.request_deadline_s must be below kafka.session_timeout_s: a request must end before another "
            "member may own its partition",
        )
        require(
            limits.revoke_drain_s * 2 < kafka.max_poll_interval_s,
            "limits.revoke_drain_s must be below half of kafka.max_poll_interval_s, else a rebalance ends the membership",
        )
        require(
            limits.commit_interval_s * 3 <= kafka.session_timeout_s - front.request_deadline_s,
            "limits.commit_interval_s must be at most a third of kafka.session_timeout_s less front.request_deadline_s: "
            "several commits must fit into a session, so that what was accepted is recorded in time",
        )
        return self
