"""Refusals about the pods: what they may be, how many, and what is mounted into them. No secrets, no network."""

from collections.abc import Mapping
from typing import Any

from tests.chart.refusals.case import Refusal, kafka


def _keda(prometheus: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    asked = {"serverAddress": "http://prometheus:9090", "query": "sum(x)", **(prometheus or {})}
    return {"keda": {"enabled": True, "prometheus": asked, **more}}


WORKLOAD = (
    Refusal(
        {"terminationGracePeriodSeconds": 44},
        "terminationGracePeriodSeconds is 44, but config.limits.drain_s is 30: the pod could be killed while it drains. Make "
        "it at least 45 (drain + 15), or lower the drain.",
    ),
    Refusal(
        {"replicas": 0},
        "replicas is 0: nothing would be read, and Kafka forgets the offsets of a group without members "
        "(offsets.retention.minutes, 7 days). To stop for a while use kubectl scale --replicas=0; to stop for good, helm "
        "uninstall.",
    ),
    Refusal(
        {"podDisruptionBudget": {"maxUnavailable": 0}},
        "podDisruptionBudget.maxUnavailable is 0: no pod could ever be evicted, and every drain of a node would wait for ever. "
        "Make it at least 1, or set podDisruptionBudget.enabled to false.",
    ),
    Refusal(
        {"replicas": 3, "podDisruptionBudget": {"minAvailable": 3}},
        "podDisruptionBudget.minAvailable is 3, but there may be no more than 3 pods: none could be evicted, and drains of "
        "nodes would wait for ever. Make it at most 2, or remove it: maxUnavailable does the same for any number of pods.",
    ),
    Refusal(
        {"config": {"telemetry": {"port": 9000}, "admin": {"port": 9000}}},
        "config.telemetry.port and config.admin.port are both 9000: probes come from outside the pod, and the status page is "
        "for its loopback only. Give one of them another port.",
    ),
    Refusal(
        {"config": {"telemetry": {"port": 65535}}},
        "config.telemetry.port is 65535, and the status page would listen three above it, where there is no port. Set "
        "config.admin.port.",
    ),
    Refusal(
        {"podLabels": {"app.kubernetes.io/name": "mine"}},
        "podLabels sets app.kubernetes.io/name, by which Service, selectors and Helm find what belongs to the release. Choose "
        "another label.",
    ),
)

MEMBERSHIP = (
    Refusal(
        kafka(group_instance_id="a"),
        "config.kafka.group_instance_id cannot be set here: every pod would claim the same membership. Remove it; "
        "staticMembership.enabled gives each pod its own.",
    ),
    Refusal(
        kafka(group_protocol="consumer"),
        "config.kafka.group_protocol is consumer, but session_timeout_s is not given: it is the brokers' then, no client can "
        "ask for it, and requests must end before it. Set config.kafka.session_timeout_s to a value no larger than the "
        "brokers' group.consumer.session.timeout.ms (45 s unless changed).",
    ),
    Refusal(
        kafka(group_protocol="consumer", session_timeout_s=45, properties={"session.timeout.ms": 45000}),
        "config.kafka.properties sets session.timeout.ms, but config.kafka.group_protocol is consumer: the client refuses to "
        "start with a setting of the classic protocol. Remove it; the brokers decide.",
    ),
    Refusal(
        {"staticMembership": {"enabled": True}, **kafka(session_timeout_s=45)},
        "staticMembership is enabled, but config.kafka.session_timeout_s is 45: a pod needs longer to drain and come back, so "
        "its partitions would move at each restart, which static membership is there to prevent. Make it at least 60 "
        "(config.limits.drain_s + 30), or remove it for 90.",
    ),
    Refusal(
        {"staticMembership": {"enabled": True}, **_keda()},
        "staticMembership and keda are both enabled: a static member does not leave the group, so after each step down the "
        "partitions of the pods that went would be read by nobody for a whole session. Disable one of them.",
    ),
)

FILES = (
    Refusal(
        {"mappings": {"existingConfigMap": "mine", "files": {"a.yaml": "version: 1"}}},
        "Both mappings.existingConfigMap and mappings.files are set, but only one can be mounted. Remove one of them.",
    ),
    Refusal(
        {"config": {"mappings": {"reload": "watch"}}},
        "config.mappings.reload is watch, but the pods are rolled already when mapping files of the values change: both would "
        "act on one edit. Remove it, or mount a ConfigMap of your own with mappings.existingConfigMap.",
    ),
    Refusal(
        {"mappings": {"files": {"calls.yaml": "version: 1"}}},
        "config.front.channels is /etc/front-connector/mappings/channels.csv, but mappings.files has no channels.csv: the "
        "connector would not start. Add it to mappings.files, or set config.front.channels to null and channels_topic to a "
        "topic's name.",
    ),
    Refusal(
        {"mappings": {"files": {"calls.yml": "version: 1", "channels.csv": "key"}}},
        "mappings.files has no *.yaml (calls.yml is not read: name it .yaml): the connector would not start. Add a mapping "
        "file.",
    ),
    Refusal(
        {"config": {"mappings": {"folder": "/mappings"}}},
        "config.mappings.folder is /mappings, but nothing is mounted there: the connector would find no folder. Leave it at "
        "/etc/front-connector/mappings, or mount a volume there with extraVolumes and extraVolumeMounts.",
    ),
    Refusal(
        {"config": {"front": {"channels": "channels.csv"}}},
        "config.front.channels is channels.csv, which is relative to /etc/front-connector/config, where no channels table is "
        "mounted: write /etc/front-connector/mappings/channels.csv.",
    ),
    Refusal(
        {"spoolSizeLimit": "1Gi"},
        "spoolSizeLimit is 1Gi, but config.attachments.spool.disk_total_bytes is 1073741824: the kubelet would evict the pod "
        "before the connector stops putting files there. Make spoolSizeLimit larger than that, or disk_total_bytes smaller.",
    ),
    Refusal(
        {"config": {"attachments": {"spool": {"folder": "/data"}}}},
        "config.attachments.spool.folder is /data, which cannot be written: the file system of the pod is read-only there. Use "
        "/var/spool/front-connector, or mount a volume with extraVolumes and extraVolumeMounts.",
    ),
    Refusal(
        {"extraVolumes": [{"name": "config", "emptyDir": {}}]},
        "extraVolumes names a volume config, which is one of the chart's own: the pod could not be made. Give it another name.",
    ),
    Refusal(
        {"extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/front-connector/secrets/ca"}]},
        "extraVolumeMounts mounts something at /etc/front-connector/secrets/ca, where the chart mounts "
        "/etc/front-connector/secrets: one would hide the other, or could not be made. Choose a folder of its own.",
    ),
    Refusal(
        {"extraContainers": [{"name": "front-connector", "image": "x:1"}]},
        "initContainers or extraContainers name a container front-connector, which is the connector's own name: the pod could "
        "not be made. Give it another name.",
    ),
)

SCALING = (
    Refusal(
        {"monitoring": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}},
        "monitoring.serviceMonitor and monitoring.podMonitor are both enabled: each pod would be scraped twice, and every sum "
        "would be double. Disable one of them.",
    ),
    Refusal(
        {"replicas": 3, **_keda()},
        "replicas is 3, but keda is enabled, and two would decide how many pods there are. Remove replicas; "
        "keda.minReplicaCount and keda.maxReplicaCount bound them.",
    ),
    Refusal(
        _keda(minReplicaCount=0),
        "keda.minReplicaCount is 0: without a pod there is no metric that would bring one back, and Kafka forgets the offsets "
        "of a group without members (offsets.retention.minutes, 7 days). Make it at least 1.",
    ),
    Refusal(
        _keda(minReplicaCount=5),
        "keda.maxReplicaCount is 4, below keda.minReplicaCount, which is 5. Swap or raise them; more pods than partitions "
        "stand idle.",
    ),
    Refusal(
        _keda({"serverAddress": ""}),
        "keda is enabled, but keda.prometheus.serverAddress is empty: KEDA scales by records that wait, and asks Prometheus "
        "for them. Set it, for instance to http://prometheus.monitoring.svc:9090.",
    ),
    Refusal(
        _keda({"serverAddress": "https://me:hush@prometheus:9090"}),
        "keda.prometheus.serverAddress holds a user or password, which would lie in the release's history. Put them into a "
        "Secret and name it in keda.prometheus.authentication.secretTargetRef.",
    ),
    Refusal(
        _keda({"query": ""}),
        "keda is enabled, but the recording rule that it asks for, job:front_connector_consumer_unsettled:sum, is not made. "
        "Set monitoring.prometheusRule.enabled to true; or, where you load rules/front-connector.yaml yourself, give "
        "keda.prometheus.query.",
    ),
    Refusal(
        _keda({"authentication": {"modes": "bearer"}}),
        "keda.prometheus.authentication.modes is bearer, but there are no credentials. Give secretTargetRef, or existing: the "
        "name of a TriggerAuthentication.",
    ),
    Refusal(
        _keda({"authentication": {"existing": "mine"}}),
        "keda.prometheus.authentication has credentials, but modes is empty: KEDA would not send them. Set modes to basic, "
        "bearer, tls or custom.",
    ),
    Refusal(
        _keda(
            {
                "authentication": {
                    "modes": "bearer",
                    "existing": "mine",
                    "secretTargetRef": [{"parameter": "bearerToken", "name": "a", "key": "b"}],
                }
            }
        ),
        "keda.prometheus.authentication has both existing and secretTargetRef, but a trigger has one TriggerAuthentication. "
        "Remove one of them.",
    ),
)
