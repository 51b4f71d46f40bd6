"""A folder with everything that `front-connector run` needs: configuration, secret, channels table, mapping files.

Written for the demo and the tests, in the form in which a user would write it.
"""

import csv
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.demo.companies import APP
from connector.demo.events import channels_table
from connector.resources import mappings_dir

SECRET = "not-a-real-secret-but-one-of-32-bytes-or-more"  # noqa: S105 - the embedded Front knows it too
UID = "app_demo"
DEAD_LETTER_TOPIC = "front-connector.dead-letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """Where the service finds its world. `settings` are merged over the configuration, section by section."""

    bootstrap: str
    registry_url: str
    front_url: str
    group: str = "front-connector"
    companies: int = 24
    mapping_files: Path = field(default_factory=mappings_dir)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write the files; returns the configuration's path."""
        mappings = folder / "mappings"
        mappings.mkdir(parents=True, exist_ok=True)
        for file in self.mapping_files.glob("*.yaml"):
            shutil.copy(file, mappings / file.name)
        (folder / "front-secret").write_text(SECRET + "\n")
        write_channels(folder / "channels.csv", channels_table(self.companies))
        config = folder / "config.yaml"
        config.write_text(json.dumps(_merged(self._config(), self.settings), indent=2))
        return config

    def _config(self) -> dict[str, Any]:
        return {
            "kafka": {"bootstrap_servers": self.bootstrap, "group_id": self.group, "session_timeout_s": 6.0},
            "registry": {"url": self.registry_url},
            "front": {
                "apps": {APP: {"uid": UID, "secret_file": "front-secret", "base_url": self.front_url}},
                "channels": "channels.csv",
                "request_deadline_s": 3.0,
                "token_life_s": 15.0,
                "connect_timeout_s": 1.0,
                "rate_limit": {"company_per_minute": 0, "channel_per_second": 0},
                "retry": {"base_s": 0.05, "cap_s": 1.0},
            },
            "mappings": {"folder": "mappings"},
            "limits": {"commit_interval_s": 0.5, "revoke_drain_s": 3.0, "drain_s": 10.0},
            "dead_letter": {"topic": DEAD_LETTER_TOPIC},
            "telemetry": {"host": "127.0.0.1", "port": 0},
        }


def write_channels(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write a channels table as CSV."""
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
