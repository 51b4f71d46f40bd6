"""A broker that asks who its clients are, and what they may do; and the same broker without questions, for tests.

What lives here: a second listener with a user and a password, Kafka's own authorizer, and the granting of rights. Clients of
the first listener may do everything.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka.admin._acl import AclBinding, AclBindingFilter, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from tests.support.kafka import Cluster, free_ports

USER, PASSWORD = "connector", "right"
Right = tuple[ResourceType, str, AclOperation]
"""On what, its name, and which operation."""


class GuardedCluster(Cluster):
    """`guarded` is the address that asks for user and password."""

    def _properties(self, broker: Any) -> dict[str, str]:
        plain = super()._properties(broker)
        self.guarded = f"127.0.0.1:{free_ports(1)[0]}"
        login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        return {
            **plain,
            "listeners": f"{plain['listeners']},GUARDED://{self.guarded}",
            "advertised.listeners": f"{plain['advertised.listeners']},GUARDED://{self.guarded}",
            "listener.security.protocol.map": f"{plain['listener.security.protocol.map']},GUARDED:SASL_PLAINTEXT",
            "listener.name.guarded.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.guarded.plain.sasl.jaas.config": login,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }

    def login(self, password: str = PASSWORD) -> dict[str, Any]:
        """The `kafka` section of a connector that comes by the guarded door."""
        properties = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": USER}
        file = self._broker(1).directory / f"password-{password}"
        file.write_text(password, "utf-8")
        return {
            "bootstrap_servers": self.guarded,
            "properties": properties,
            "properties_from_files": {"sasl.password": str(file)},
        }

    def grant(self, *rights: Right) -> None:
        """Let the user do this."""
        admin = self.new_admin()
        for future in admin.create_acls([_binding(right) for right in rights]).values():
            future.result(10)

    def withdraw(self, *rights: Right) -> None:
        """Take it away again."""
        admin = self.new_admin()
        for future in admin.delete_acls([_filter(right) for right in rights]).values():
            assert future.result(10), "there was no such right"

    @contextmanager
    def without(self, right: Right) -> Iterator[None]:
        """The user may not do this, until the block ends."""
        self.withdraw(right)
        try:
            yield
        finally:
            self.grant(right)


def read(topic: str) -> Right:
    """Read a topic."""
    return (ResourceType.TOPIC, topic, AclOperation.READ)


def write(topic: str) -> Right:
    """Write into a topic."""
    return (ResourceType.TOPIC, topic, AclOperation.WRITE)


def describe_configs(topic: str) -> Right:
    """Ask for a topic's settings."""
    return (ResourceType.TOPIC, topic, AclOperation.DESCRIBE_CONFIGS)


def join(group: str) -> Right:
    """Be a member of a group and commit."""
    return (ResourceType.GROUP, group, AclOperation.READ)


def _binding(right: Right) -> AclBinding:
    kind, name, operation = right
    allow, literal = AclPermissionType.ALLOW, ResourcePatternType.LITERAL
    return AclBinding(kind, name, literal, f"User:{USER}", "*", operation, allow)


def _filter(right: Right) -> AclBindingFilter:
    kind, name, operation = right
    allow, literal = AclPermissionType.ALLOW, ResourcePatternType.LITERAL
    return AclBindingFilter(kind, name, literal, f"User:{USER}", "*", operation, allow)
