"""The SBOM in the image: of what it speaks, and that tools can read it."""

import json
import tomllib
from typing import Any

import pytest
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from connector import __version__
from image.sbom import finished, plain
from tests.image.building import Built
from tests.image.recipe import ROOT

# Alone, it waits for the image to be built.
pytestmark = pytest.mark.timeout(900)

LOCK = tomllib.loads((ROOT / "uv.lock").read_text())


@pytest.fixture(scope="module")
def bill(image: Built) -> dict[str, Any]:
    text = image.scratch.path("/opt/front-connector/sbom.cdx.json").read_text()
    assert make_schemabased_validator(OutputFormat.JSON, SchemaVersion.V1_5).validate_str(text) is None
    found: dict[str, Any] = json.loads(text)
    return found


def runtime() -> dict[str, dict[str, Any]]:
    """What the lock gives a user: our dependencies and extras, and theirs, by name. Found from the lock, not by uv."""
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in LOCK["package"]:
        packages.setdefault(package["name"], []).append(package)
    found: dict[str, dict[str, Any]] = {}
    waiting = [("front-connector", extra) for extra in ("", *_extras())]
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        (package,) = packages[name]
        found[name] = package
        needed = (
            package.get("optional-dependencies", {}).get(extra, [])
            if extra
            else package.get("dependencies", [])
        )
        for need in needed:
            for one in ((need["name"], part) for part in ("", *need.get("extra", []))):
                if one not in seen:
                    seen.add(one)
                    waiting.append(one)
    del found["front-connector"]
    return found


def _extras() -> list[str]:
    return list(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["project"].get("optional-dependencies", {})
    )


def test_every_locked_package_is_in_it_with_version_and_the_hash_of_each_file(bill: dict[str, Any]) -> None:
    """Exactly those that a user gets: none missing, none of the development groups."""
    named = {one["name"]: one for one in bill["components"]}
    locked = runtime()
    assert named.keys() == locked.keys()
    for name, package in locked.items():
        assert named[name]["version"] == package["version"]
        hashes = {mark["content"] for file in named[name]["externalReferences"] for mark in file["hashes"]}
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert hashes == {file["hash"].removeprefix("sha256:") for file in files}, name
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {canonicalize_name(Requirement(line).name) for line in project["dependencies"]} <= named.keys()


def test_it_speaks_of_this_version_and_is_the_same_for_the_same_lock(bill: dict[str, Any]) -> None:
    """Our own name, version and licence; no clock and no dice in it."""
    product = bill["metadata"]["component"]
    assert (product["name"], product["version"], product["type"]) == (
        "front-connector",
        __version__,
        "application",
    )
    assert product["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert "timestamp" not in bill["metadata"]
    text = json.dumps(EXPORTED)
    assert finished(text, "1.2", {"A.b": "1"}) == finished(
        json.dumps({**EXPORTED, "serialNumber": "other"}), "1.2", {}
    )
    assert finished(text, "1.2", {}) != finished(text, "1.3", {})


def test_an_image_with_something_that_it_does_not_name_is_refused() -> None:
    """The build ends there: something was installed that is not in the lock."""
    with pytest.raises(ValueError, match=r"^installed, and not in the SBOM: a-b 2, c 1$"):
        finished(json.dumps(EXPORTED), "1", {"c": "1", "a-b": "2"})
    assert plain("A._b") == "a-b"


EXPORTED: dict[str, Any] = {
    "serialNumber": "urn:uuid:1",
    "metadata": {"timestamp": "now", "component": {"name": "front-connector"}},
    "components": [{"name": "a-b", "version": "1"}],
}
