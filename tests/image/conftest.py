"""The image, built once for a run."""

import os
import re
from pathlib import Path

import pytest

from tests.image.building import Built, build
from tests.image.recipe import ROOT, stages
from tests.image.scratch import Scratch, find_machine
from tests.support.java import Missing

REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The last stage, after every step of the Dockerfile has run. Skips, with the reason, where this machine may not."""
    text = (ROOT / "Dockerfile").read_text()
    minor = re.match(r"python:(3\.\d+)\.", stages(text)[-1].base)
    assert minor is not None
    machine = find_machine(minor[1])
    if isinstance(machine, Missing):
        pytest.skip(f"the image's steps cannot be run here: {machine.reason}")
    folder = tmp_path_factory.mktemp("image")
    return build(text, lambda name: Scratch(folder / name, machine, _uv_cache()), {"REVISION": REVISION})


def _uv_cache() -> Path:
    """uv's own, so that what this checkout was installed from is not fetched again: uv guards it for many at once."""
    named = os.environ.get("UV_CACHE_DIR")
    cache = Path(named) if named else Path.home() / ".cache" / "uv"
    cache.mkdir(parents=True, exist_ok=True)
    return cache
