"""What a case of refusal is, and values that several rooms write alike. No cases."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """`values` on top of the chart's defaults, and all that Helm says of them."""

    values: Mapping[str, Any]
    sentence: str


def kafka(**settings: Any) -> dict[str, Any]:
    """Values that set these keys of `config.kafka`."""
    return {"config": {"kafka": settings}}


def env(name: str, value: str) -> dict[str, Any]:
    """Values that set one variable of the connector's."""
    return {"env": [{"name": f"FRONT_CONNECTOR_{name}", "value": value}]}
