"""The volume on which fetched files are kept."""

import yaml

from connector.config.attachments import SpoolSettings
from tests.chart.rendering import objects, one


def test_the_spool_of_fetched_files_lies_on_a_volume_with_room() -> None:
    """The configuration names the mount, and the volume holds more than the connector ever puts there."""
    found = objects({})
    mount = "/var/spool/front-connector"
    config = yaml.safe_load(one(found, "ConfigMap", "-config")["data"]["config.yaml"])
    assert config["attachments"]["spool"] == {"folder": mount}
    pod = one(found, "Deployment")["spec"]["template"]["spec"]
    assert {"name": "spool", "mountPath": mount} in pod["containers"][0]["volumeMounts"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    limit = volumes["spool"]["emptyDir"]["sizeLimit"]
    assert int(limit.removesuffix("Mi")) * 2**20 > SpoolSettings().disk_total_bytes
