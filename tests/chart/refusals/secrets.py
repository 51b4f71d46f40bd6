"""Refusals about secrets and about variables: what would lie in the release's history, or pass the chart's checks by."""

from tests.chart.refusals.case import Refusal, env, kafka


def _secret(where: str, key: str = "password") -> str:
    return (
        f"{where} holds a secret value, which would lie in the release's history. Put it into the Secret "
        f"front-connector-secrets and name its file: {key}_file: /etc/front-connector/secrets/..."
    )


def _login(where: str) -> str:
    return (
        f"{where} holds a user or password in a URL, which would lie in the release's history. Take it out of the URL: the "
        "connector has keys of its own for it where it can sign in, as username and password_file, whose file is a key of the "
        "Secret front-connector-secrets."
    )


def _login_of(variable: str) -> str:
    return (
        f"env gives {variable} a user or password in a URL, which would lie in the release's history. Use "
        "valueFrom.secretKeyRef for the whole, or refer to a variable that has the password so: $(NAME)."
    )


def _at_once(variable: str) -> str:
    return (
        f"env gives {variable} many settings at once, among which a secret or one that the chart must know itself would not be "
        "seen. Write them under config, and secrets into files of the Secret front-connector-secrets."
    )


def _relative(said: str) -> str:
    return (
        f"{said}, which is relative to /etc/front-connector/config, where no Secret is mounted: write "
        f"/etc/front-connector/secrets/{said.rpartition(' ')[2].rpartition('/')[2]}."
    )


SECRETS = (
    Refusal(
        {"existingSecret": ""},
        "existingSecret is empty, but config names files in /etc/front-connector/secrets: front-secret, kafka-password. Name a "
        "Secret with these keys, or mount a volume of your own there with extraVolumes and extraVolumeMounts.",
    ),
    Refusal(
        {"secretKeys": ["kafka-password"]},
        "config names the file /etc/front-connector/secrets/front-secret, but secretKeys, which lists all that is mounted, has "
        "no front-secret: the connector would not start. Add it to secretKeys and to the Secret front-connector-secrets.",
    ),
    Refusal(
        {
            "existingSecret": "",
            "secretKeys": ["a"],
            "extraVolumeMounts": [{"name": "own", "mountPath": "/etc/front-connector/secrets"}],
        },
        "secretKeys names keys, but existingSecret is empty: there is no Secret to take them from. Set existingSecret, or "
        "remove secretKeys.",
    ),
    Refusal(
        {"config": {"front": {"apps": {"main": {"secret_file": "secrets/front-secret"}}}}},
        _relative("config.front.apps.main.secret_file is secrets/front-secret"),
    ),
    Refusal(
        kafka(properties={"ssl.ca.location": "kafka-ca.pem"}),
        _relative("config.kafka.properties.ssl.ca.location is kafka-ca.pem"),
    ),
    Refusal(
        kafka(properties_from_files={"sasl.password": "../secrets/kafka-password"}),
        _relative("config.kafka.properties_from_files.sasl.password is ../secrets/kafka-password"),
    ),
    Refusal({"config": {"registry": {"password": "hush"}}}, _secret("config.registry.password")),
    Refusal(
        {"config": {"front": {"apps": {"main": {"secret": "hush"}}}}},
        _secret("config.front.apps.main.secret", "secret"),
    ),
    Refusal(
        {"config": {"attachments": {"hosts": {"files.example.com": {"token": "hush"}}}}},
        _secret("config.attachments.hosts.files.example.com.token", "token"),
    ),
    Refusal(
        kafka(properties={"sasl.password": "hush"}),
        "config.kafka.properties holds a secret value, sasl.password, which would lie in the release's history. Put it into "
        "the Secret front-connector-secrets and name its file under config.kafka.properties_from_files.",
    ),
    Refusal(
        {"config": {"registry": {"url": "https://me:hush@registry.example.com"}}},
        _login("config.registry.url"),
    ),
    Refusal(
        {"config": {"front": {"proxy": "http://hush@proxy.example.com:3128"}}},
        _login("config.front.proxy"),
    ),
    Refusal(
        {"config": {"attachments": {"allow_private": ["10.0.0.0/8", "http://me:hush@b"]}}},
        _login("config.attachments.allow_private"),
    ),
    Refusal(
        {"config": {"attachments": {"hosts": {"https://me:hush@files.example.com": {}}}}},
        _login("config.attachments.hosts"),
    ),
)

VARIABLES = (
    Refusal(
        env("FRONT__APPS__MAIN__SECRET", "hush"),
        "env gives FRONT_CONNECTOR_FRONT__APPS__MAIN__SECRET a secret value, which would lie in the release's history. Use "
        "valueFrom.secretKeyRef, or a file of the Secret front-connector-secrets.",
    ),
    Refusal(
        {"env": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "hush"}]},
        "env gives AWS_SECRET_ACCESS_KEY a secret value, which would lie in the release's history. Use valueFrom.secretKeyRef.",
    ),
    Refusal(
        {"env": [{"name": "AWS_SESSION_TOKEN", "value": "hush"}]},
        "env gives AWS_SESSION_TOKEN a secret value, which would lie in the release's history. Use valueFrom.secretKeyRef.",
    ),
    Refusal(
        env("FRONT__APPS", '{"main": {"uid": "u", "secret": "hush"}}'),
        _at_once("FRONT_CONNECTOR_FRONT__APPS"),
    ),
    Refusal(
        env("REGISTRY", ' {"url": "https://registry.example.com", "password": "hush"}'),
        _at_once("FRONT_CONNECTOR_REGISTRY"),
    ),
    Refusal(
        env("REGISTRY__URL", "https://me:hush@registry.example.com"),
        _login_of("FRONT_CONNECTOR_REGISTRY__URL"),
    ),
    Refusal(
        {"env": [{"name": "HTTPS_PROXY", "value": "http://$(USER):hush@proxy:3128"}]},
        _login_of("HTTPS_PROXY"),
    ),
    Refusal(
        {"env": [{"name": "https_proxy", "value": "me:hush@proxy:3128"}]},
        _login_of("https_proxy"),
    ),
    Refusal(
        env("LIMITS__DRAIN_S", "300"),
        "env sets FRONT_CONNECTOR_LIMITS__DRAIN_S, which the check of terminationGracePeriodSeconds cannot see. Set "
        "config.limits.drain_s instead.",
    ),
    Refusal(
        env("TELEMETRY__PORT", "9999"),
        "env sets FRONT_CONNECTOR_TELEMETRY__PORT, which the probes and the Service cannot see: they ask port 8080. Set "
        "config.telemetry.port instead.",
    ),
    Refusal(
        env("ADMIN__PORT", "9999"),
        "env sets FRONT_CONNECTOR_ADMIN__PORT, which the notes on the status page cannot see. Set config.admin.port instead.",
    ),
    Refusal(
        env("ATTACHMENTS__SPOOL__DISK_TOTAL_BYTES", "1"),
        "env sets FRONT_CONNECTOR_ATTACHMENTS__SPOOL__DISK_TOTAL_BYTES, which the check of spoolSizeLimit cannot see. Set "
        "config.attachments.spool instead.",
    ),
    Refusal(
        env("KAFKA", '{"group_instance_id": "a"}'),
        "env sets FRONT_CONNECTOR_KAFKA, which the check of group_instance_id cannot see. Set config.kafka instead, or one "
        "variable for each setting.",
    ),
    Refusal(
        env("KAFKA__GROUP_PROTOCOL", "consumer"),
        "env sets FRONT_CONNECTOR_KAFKA__GROUP_PROTOCOL, which the checks of the group's membership cannot see. Set "
        "config.kafka.group_protocol instead.",
    ),
    Refusal(
        env("KAFKA__SESSION_TIMEOUT_S", "10"),
        "env sets FRONT_CONNECTOR_KAFKA__SESSION_TIMEOUT_S, which the checks of the group's membership cannot see. Set "
        "config.kafka.session_timeout_s instead.",
    ),
    Refusal(
        env("KAFKA__GROUP_INSTANCE_ID", "a"),
        "env gives FRONT_CONNECTOR_KAFKA__GROUP_INSTANCE_ID one value for every pod: all would claim the same membership. "
        "Remove it, or use valueFrom.fieldRef with metadata.name.",
    ),
    Refusal(
        {"staticMembership": {"enabled": True}, **env("KAFKA__GROUP_INSTANCE_ID", "a")},
        "env sets FRONT_CONNECTOR_KAFKA__GROUP_INSTANCE_ID, but staticMembership is enabled, which gives each pod its own "
        "name. Remove one of them.",
    ),
    Refusal(
        env("INSTANCE", "a"),
        "env gives FRONT_CONNECTOR_INSTANCE one value for every pod: nobody could tell them apart in logs and status. Remove "
        "it: each pod's own name is the default.",
    ),
    Refusal(
        {"env": [{"name": "TZ", "value": "UTC"}, {"name": "TZ", "value": "CET"}]},
        "env gives TZ twice: which one counts must not be a guess. Remove one of them.",
    ),
)
