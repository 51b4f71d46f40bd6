"""Builds configuration folders for tests: a valid one, and the same with parts replaced."""

from pathlib import Path

from connector.config import Loaded, Problems, load

CONFIG = """\
kafka:
  bootstrap_servers: localhost:9092
  group_id: front
registry: {url: "http://localhost:8081"}
front:
  apps:
    main: {uid: app-1, secret: hush}
  channels: channels.csv
mappings: {folder: mappings}
dead_letter: {topic: front.dead-letters}
"""

CHANNELS = """\
key,channel,company,app,alias
line-1,cha_1,shop,main,
chat-1,cha_2,shop,main,alt:address:chat@shop.example
"""

MAPPING = """\
version: 1
topics:
  calls.v1:
    start: earliest
    rules:
      - name: summary
        operation: add-call-summary
        channel: '${channels[value.line_id]}'
        path: {external_call_id: '${value.call_id}'}
        body: {content: '${value.text}'}
"""


def folder(path: Path, *, config: str = CONFIG, channels: str = CHANNELS, **mappings: str) -> Path:
    """Write the files and give the configuration's path. `mappings`: file name without .yaml -> text."""
    (path / "mappings").mkdir(exist_ok=True)
    for name, text in (mappings or {"calls": MAPPING}).items():
        (path / "mappings" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (path / "channels.csv").write_text(channels, encoding="utf-8")
    file = path / "connector.yaml"
    file.write_text(config, encoding="utf-8")
    return file


def loaded(file: Path) -> Loaded:
    """The configuration, which must be valid."""
    result = load(file)
    assert isinstance(result, Loaded), str(result)
    return result


def problems(file: Path) -> list[str]:
    """What is wrong with it, each without the folder's path."""
    result = load(file)
    assert isinstance(result, Problems)
    return [str(problem).replace(f"{file.parent}/", "") for problem in result.problems]
