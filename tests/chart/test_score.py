"""What kube-score criticises in the objects of each variant, and why we leave it so."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.chart.rendering import VARIANTS, objects, values_of
from tests.chart.test_chart import each_variant
from tests.support.kube_score import score

ACCEPTED: Mapping[str, str] = {
    "container-resources": "no CPU limit: a throttled loop is late with polls and heartbeats, and loses its partitions",
    "container-ephemeral-storage-request-and-limit": "the root is read-only, and each emptyDir has a sizeLimit of its own",
    "container-image-pull-policy": "tags are not moved, and a digest cannot be; Always would tie restarts to the registry",
    "container-security-context-user-group-id": "no number only where the values say so, for platforms that give their own",
    "deployment-has-host-podantiaffinity": "topologySpreadConstraints spread the pods, by host and by zone",
    "deployment-replicas": "one pod is enough for few partitions; another takes over within a session",
    "pod-networkpolicy": "off until asked for: the chart cannot know what a cluster's plug-in enforces",
    "statefulset-has-host-podantiaffinity": "as for a Deployment",
}
"""Its checks that we do not share."""
WALLED = ("everything", "example-production", "inside")


def _found(program: Path, variant: str) -> set[str]:
    manifests = yaml.safe_dump_all(objects(values_of(variant)))
    return {
        check["check"]["id"]
        for scored in score(program, manifests)
        for check in scored["checks"]
        if not check["skipped"] and check["grade"] < 10
    }


@pytest.mark.kube_score
@each_variant
def test_kube_score_finds_only_what_was_thought_over(kube_score: Path, variant: str) -> None:
    """Anything else is mended."""
    found = _found(kube_score, variant)
    assert sorted(found - ACCEPTED.keys()) == []
    assert ("pod-networkpolicy" in found) == (variant not in WALLED)


@pytest.mark.kube_score
def test_nothing_is_accepted_that_is_not_found(kube_score: Path) -> None:
    """A reason that no longer stands for anything."""
    found = {check for variant in VARIANTS for check in _found(kube_score, variant)}
    assert sorted(ACCEPTED.keys() - found) == []
