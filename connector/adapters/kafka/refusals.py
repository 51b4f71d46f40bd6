"""What a start that Kafka does not allow, or that cannot work there, ends with: exit codes, and the sentence about rights."""

from typing import Final

EXIT_CONFIG: Final = 78
EXIT_DENIED: Final = 77


def denied(*rights: str) -> str:
    """A sentence for people. Each of `rights` as in "Read on topic calls"; at least one."""
    grant = "this right (an ACL)" if len(rights) == 1 else "these rights (ACLs)"
    return f"Kafka does not allow this user: {'; '.join(rights)}. Grant {grant}."
