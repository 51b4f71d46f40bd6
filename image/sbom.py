"""The last step of the image's SBOM: `uv export` knows the lock, this knows what was built from it.

What lives here: our own version and fixed marks of origin, and the refusal of an image in which something is installed
that the SBOM does not name. It runs in the image's build, by the finished environment's own Python and nothing
else: the standard library only. Debian's packages, which the base brings, are not here: a scanner reads those.
"""

import json
import re
import sys
import uuid
from importlib import metadata
from pathlib import Path

PRODUCT = "front-connector"
# Any constant will do: the serial number is to be the same for the same content, and another for another.
NAMESPACE = uuid.UUID("8f6a1c1e-3c55-4d0e-9d0b-6f3b8f1f2a52")


def finished(text: str, version: str, installed: dict[str, str]) -> str:
    """uv's CycloneDX 1.5 with our version and licence, without a clock's mark and a dice's: the same for the same lock.

    `installed` is name -> version of all in the environment but ourselves. Raises ValueError when the SBOM lacks one.
    """
    bill = json.loads(text)
    named = {(plain(one["name"]), one["version"]) for one in bill["components"]}
    unnamed = sorted(f"{name} {of}" for name, of in installed.items() if (plain(name), of) not in named)
    if unnamed:
        raise ValueError(f"installed, and not in the SBOM: {', '.join(unnamed)}")
    product = bill["metadata"]["component"]
    assert product["name"] == PRODUCT, product["name"]
    product |= {
        "type": "application",
        "version": version,
        "purl": f"pkg:pypi/{PRODUCT}@{version}",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    # Both are optional in CycloneDX; when an image was made is on its label `created`.
    del bill["metadata"]["timestamp"], bill["serialNumber"]
    content = json.dumps(bill, indent=2, sort_keys=True)
    bill["serialNumber"] = uuid.uuid5(NAMESPACE, content).urn
    return json.dumps(bill, indent=2) + "\n"


def plain(name: str) -> str:
    """As packages are compared: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(exported: str, written: str, version: str = "") -> None:
    """`exported` is what uv wrote; `written` is where the SBOM goes. With `version` what is installed is not looked at."""
    installed: dict[str, str] = {}
    if not version:
        installed = {one.name: one.version for one in metadata.distributions()}
        version = installed.pop(PRODUCT)
    text = finished(Path(exported).read_text(encoding="utf-8"), version, installed)
    Path(written).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
