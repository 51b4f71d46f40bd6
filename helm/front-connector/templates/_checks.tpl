{{/* What no schema can say: relations between values. Each refusal is a sentence: what is wrong, why, what to do.
tests/chart/refusals holds one case of each; README.md shows them. */}}
{{- define "front-connector.check" -}}
{{- include "front-connector.checkWorkload" . -}}
{{- include "front-connector.checkMembership" . -}}
{{- include "front-connector.checkPorts" . -}}
{{- include "front-connector.checkMappings" . -}}
{{- include "front-connector.checkSecrets" . -}}
{{- include "front-connector.checkEnv" . -}}
{{- include "front-connector.checkVolumes" . -}}
{{- include "front-connector.checkLabels" . -}}
{{- include "front-connector.checkMonitoring" . -}}
{{- if .Values.keda.enabled }}{{ include "front-connector.checkKeda" . }}{{ end -}}
{{- if .Values.networkPolicy.enabled }}{{ include "front-connector.checkNetwork" . }}{{ end -}}
{{- end }}

{{- define "front-connector.checkWorkload" -}}
{{- $grace := float64 .Values.terminationGracePeriodSeconds -}}
{{- $drain := float64 .Values.config.limits.drain_s -}}
{{- if lt $grace (addf $drain 15) -}}
{{- fail (printf "terminationGracePeriodSeconds is %v, but config.limits.drain_s is %v: the pod could be killed while it drains. Make it at least %v (drain + 15), or lower the drain." $grace $drain (ceil (addf $drain 15))) -}}
{{- end -}}
{{- if eq (int .Values.replicas) 0 -}}
{{- fail "replicas is 0: nothing would be read, and Kafka forgets the offsets of a group without members (offsets.retention.minutes, 7 days). To stop for a while use kubectl scale --replicas=0; to stop for good, helm uninstall." -}}
{{- end -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- if $budget.enabled -}}
{{- $always := ternary .Values.keda.minReplicaCount .Values.replicas .Values.keda.enabled | int -}}
{{- if and (kindIs "invalid" $budget.minAvailable) (eq (int $budget.maxUnavailable) 0) -}}
{{- fail "podDisruptionBudget.maxUnavailable is 0: no pod could ever be evicted, and every drain of a node would wait for ever. Make it at least 1, or set podDisruptionBudget.enabled to false." -}}
{{- end -}}
{{- if and (not (kindIs "invalid" $budget.minAvailable)) (gt (int (include "front-connector.maxPods" .)) 1) (ge (int $budget.minAvailable) $always) -}}
{{- fail (printf "podDisruptionBudget.minAvailable is %v, but there may be no more than %v pods: none could be evicted, and drains of nodes would wait for ever. Make it at most %v, or remove it: maxUnavailable does the same for any number of pods." $budget.minAvailable $always (sub $always 1)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "front-connector.checkMembership" -}}
{{- $kafka := .Values.config.kafka -}}
{{- if $kafka.group_instance_id -}}
{{- fail "config.kafka.group_instance_id cannot be set here: every pod would claim the same membership. Remove it; staticMembership.enabled gives each pod its own." -}}
{{- end -}}
{{- if eq (toString $kafka.group_protocol) "consumer" -}}
{{- if not $kafka.session_timeout_s -}}
{{- fail "config.kafka.group_protocol is consumer, but session_timeout_s is not given: it is the brokers' then, no client can ask for it, and requests must end before it. Set config.kafka.session_timeout_s to a value no larger than the brokers' group.consumer.session.timeout.ms (45 s unless changed)." -}}
{{- end -}}
{{- range $name := list "session.timeout.ms" "heartbeat.interval.ms" "partition.assignment.strategy" "group.protocol.type" -}}
{{- if or (hasKey ($kafka.properties | default dict) $name) (hasKey ($kafka.properties_from_files | default dict) $name) -}}
{{- fail (printf "config.kafka.properties sets %s, but config.kafka.group_protocol is consumer: the client refuses to start with a setting of the classic protocol. Remove it; the brokers decide." $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if .Values.staticMembership.enabled -}}
{{- $drain := float64 .Values.config.limits.drain_s -}}
{{- if .Values.keda.enabled -}}
{{- fail "staticMembership and keda are both enabled: a static member does not leave the group, so after each step down the partitions of the pods that went would be read by nobody for a whole session. Disable one of them." -}}
{{- end -}}
{{- if and $kafka.session_timeout_s (lt (float64 $kafka.session_timeout_s) (addf $drain 30)) -}}
{{- fail (printf "staticMembership is enabled, but config.kafka.session_timeout_s is %v: a pod needs longer to drain and come back, so its partitions would move at each restart, which static membership is there to prevent. Make it at least %v (config.limits.drain_s + 30), or remove it for 90." $kafka.session_timeout_s (ceil (addf $drain 30))) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "front-connector.checkPorts" -}}
{{- $port := int .Values.config.telemetry.port -}}
{{- $admin := int (include "front-connector.adminPort" .) -}}
{{- if eq $port $admin -}}
{{- fail (printf "config.telemetry.port and config.admin.port are both %v: probes come from outside the pod, and the status page is for its loopback only. Give one of them another port." $port) -}}
{{- end -}}
{{- if gt $admin 65535 -}}
{{- fail (printf "config.telemetry.port is %v, and the status page would listen three above it, where there is no port. Set config.admin.port." $port) -}}
{{- end -}}
{{- end }}

{{- define "front-connector.checkMappings" -}}
{{- if and .Values.mappings.existingConfigMap .Values.mappings.files -}}
{{- fail "Both mappings.existingConfigMap and mappings.files are set, but only one can be mounted. Remove one of them." -}}
{{- end -}}
{{- if and (eq (toString .Values.config.mappings.reload) "watch") (not .Values.mappings.existingConfigMap) -}}
{{- fail "config.mappings.reload is watch, but the pods are rolled already when mapping files of the values change: both would act on one edit. Remove it, or mount a ConfigMap of your own with mappings.existingConfigMap." -}}
{{- end -}}
{{- $own := "/etc/front-connector/mappings" -}}
{{- $folder := .Values.config.mappings.folder | trimSuffix "/" -}}
{{- $mounted := eq $folder $own -}}
{{- $others := list "/tmp" "/var/spool/front-connector" -}}
{{- if .Values.existingSecret }}{{ $others = append $others "/etc/front-connector/secrets" }}{{ end -}}
{{- range .Values.extraVolumeMounts }}{{ $others = append $others (trimSuffix "/" .mountPath) }}{{ end -}}
{{- range $others -}}
{{- if hasPrefix (print . "/") (print $folder "/") }}{{ $mounted = true }}{{ end -}}
{{- end -}}
{{- if not $mounted -}}
{{- fail (printf "config.mappings.folder is %s, but nothing is mounted there: the connector would find no folder. Leave it at %s, or mount a volume there with extraVolumes and extraVolumeMounts." $folder $own) -}}
{{- end -}}
{{- $table := .Values.config.front.channels -}}
{{- include "front-connector.refuseRelative" (list "config.front.channels" $table "channels table" $own) -}}
{{- if not .Values.mappings.existingConfigMap -}}
{{- $files := keys (.Values.mappings.files | default dict) -}}
{{- if not $files -}}
{{- range $path, $_ := .Files.Glob "mappings/*" }}{{ $files = append $files (base $path) }}{{ end -}}
{{- end -}}
{{- if and $table (eq (dir $table) $own) (not (has (base $table) $files)) -}}
{{- fail (printf "config.front.channels is %s, but mappings.files has no %s: the connector would not start. Add it to mappings.files, or set config.front.channels to null and channels_topic to a topic's name." $table (base $table)) -}}
{{- end -}}
{{- $read := list -}}
{{- $hints := list -}}
{{- range $files | sortAlpha -}}
{{- if and (hasSuffix ".yaml" .) (not (hasSuffix ".tests.yaml" .)) }}{{ $read = append $read . }}{{ end -}}
{{- if hasSuffix ".yml" . }}{{ $hints = append $hints (print . " is not read: name it .yaml") }}{{ end -}}
{{- end -}}
{{- if and (eq $folder $own) (not $read) -}}
{{- fail (printf "mappings.files has no *.yaml%s: the connector would not start. Add a mapping file." (ternary (printf " (%s)" (join "; " $hints)) "" (not (empty $hints)))) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A path that the connector would look for beside its configuration. Takes a list: key, path, what is named, where it lies. */}}
{{- define "front-connector.refuseRelative" -}}
{{- $path := index . 1 -}}
{{- if and $path (not (hasPrefix "/" $path)) -}}
{{- fail (printf "%s is %s, which is relative to /etc/front-connector/config, where no %s is mounted: write %s/%s." (index . 0) $path (index . 2) (index . 3) (base $path)) -}}
{{- end -}}
{{- end }}

{{/* The same for every key that names a file, wherever it stands. Takes a list: key, map, whether every value is a path. */}}
{{- define "front-connector.refuseRelativeIn" -}}
{{- $every := index . 2 -}}
{{- $at := index . 0 -}}
{{- range $key, $value := index . 1 -}}
{{- $where := printf "%s.%s" $at $key -}}
{{- if kindIs "map" $value -}}
{{- include "front-connector.refuseRelativeIn" (list $where $value (eq $key "properties_from_files")) -}}
{{- else if and (kindIs "string" $value) (or $every (regexMatch "(_file|\\.file|\\.location)$" $key)) -}}
{{- /* librdkafka's own word for "look in the usual places". */ -}}
{{- if not (and (hasSuffix ".ca.location" $key) (eq $value "probe")) -}}
{{- include "front-connector.refuseRelative" (list $where $value "Secret" "/etc/front-connector/secrets") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A key of the connector's configuration that holds a secret itself, wherever it stands. Takes a list: path, map, context. */}}
{{- define "front-connector.refuseSecretsIn" -}}
{{- $path := index . 0 -}}
{{- $context := index . 2 -}}
{{- range $key, $value := index . 1 -}}
{{- if kindIs "map" $value -}}
{{- if not (has $key (list "properties" "properties_from_files")) -}}
{{- include "front-connector.refuseSecretsIn" (list (printf "%s.%s" $path $key) $value $context) -}}
{{- end -}}
{{- else if and $value (regexMatch "^(.+_)?(secret|token|password|header_value|headers)$" $key) -}}
{{- fail (printf "%s.%s holds a secret value, which would lie in the release's history. Put it into the Secret %s and name its file: %s_file: /etc/front-connector/secrets/..." $path $key $context.Values.existingSecret $key) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A text of the connector's configuration with user info in a URL, wherever it stands. Takes a list: path, value, context. */}}
{{- define "front-connector.refuseLoginsIn" -}}
{{- $path := index . 0 -}}
{{- $value := index . 1 -}}
{{- $context := index . 2 -}}
{{- if kindIs "map" $value -}}
{{- range $key, $child := $value -}}
{{- include "front-connector.refuseLoginsIn" (list $path $key $context) -}}
{{- include "front-connector.refuseLoginsIn" (list (printf "%s.%s" $path $key) $child $context) -}}
{{- end -}}
{{- else if kindIs "slice" $value -}}
{{- range $value }}{{ include "front-connector.refuseLoginsIn" (list $path . $context) }}{{ end -}}
{{- else if and (kindIs "string" $value) (regexMatch "://[^/\\s]*@" $value) -}}
{{- fail (printf "%s holds a user or password in a URL, which would lie in the release's history. Take it out of the URL: the connector has keys of its own for it where it can sign in, as username and password_file, whose file is a key of the Secret %s." $path $context.Values.existingSecret) -}}
{{- end -}}
{{- end }}

{{- define "front-connector.checkSecrets" -}}
{{- include "front-connector.refuseLoginsIn" (list "config" .Values.config .) -}}
{{- include "front-connector.refuseSecretsIn" (list "config" .Values.config .) -}}
{{- include "front-connector.refuseRelativeIn" (list "config" .Values.config false) -}}
{{- range $name, $value := .Values.config.kafka.properties -}}
{{- $named := and (regexMatch "password|passphrase|secret" $name) (not (regexMatch "\\.(file|location)$" $name)) -}}
{{- if and $value (or $named (hasSuffix "key.pem" $name)) -}}
{{- fail (printf "config.kafka.properties holds a secret value, %s, which would lie in the release's history. Put it into the Secret %s and name its file under config.kafka.properties_from_files." $name $.Values.existingSecret) -}}
{{- end -}}
{{- end -}}
{{- $needed := include "front-connector.neededKeys" . | fromJsonArray -}}
{{- $mounted := false -}}
{{- range .Values.extraVolumeMounts -}}
{{- if hasPrefix "/etc/front-connector/secrets/" (print .mountPath "/") }}{{ $mounted = true }}{{ end -}}
{{- end -}}
{{- if and $needed (not .Values.existingSecret) (not $mounted) -}}
{{- fail (printf "existingSecret is empty, but config names files in /etc/front-connector/secrets: %s. Name a Secret with these keys, or mount a volume of your own there with extraVolumes and extraVolumeMounts." (join ", " $needed)) -}}
{{- end -}}
{{- if and .Values.secretKeys (not .Values.existingSecret) -}}
{{- fail "secretKeys names keys, but existingSecret is empty: there is no Secret to take them from. Set existingSecret, or remove secretKeys." -}}
{{- end -}}
{{- range $needed -}}
{{- if and $.Values.secretKeys (not (has . $.Values.secretKeys)) -}}
{{- fail (printf "config names the file /etc/front-connector/secrets/%s, but secretKeys, which lists all that is mounted, has no %s: the connector would not start. Add it to secretKeys and to the Secret %s." . . $.Values.existingSecret) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Variables that something of the chart's would have to know. An entry: what cannot see it, and what to set instead. */}}
{{- define "front-connector.checkEnv" -}}
{{- $grace := list "the check of terminationGracePeriodSeconds cannot see" "config.limits.drain_s" -}}
{{- $port := list (printf "the probes and the Service cannot see: they ask port %v" .Values.config.telemetry.port) "config.telemetry.port" -}}
{{- $admin := list "the notes on the status page cannot see" "config.admin.port" -}}
{{- $spool := list "the check of spoolSizeLimit cannot see" "config.attachments.spool" -}}
{{- $refused := dict
  "LIMITS" $grace "LIMITS__DRAIN_S" $grace
  "TELEMETRY" $port "TELEMETRY__PORT" $port
  "ADMIN" $admin "ADMIN__PORT" $admin
  "ATTACHMENTS" $spool "ATTACHMENTS__SPOOL" $spool
  "ATTACHMENTS__SPOOL__FOLDER" $spool "ATTACHMENTS__SPOOL__DISK_TOTAL_BYTES" $spool
  "KAFKA__GROUP_PROTOCOL" (list "the checks of the group's membership cannot see" "config.kafka.group_protocol")
  "KAFKA__SESSION_TIMEOUT_S" (list "the checks of the group's membership cannot see" "config.kafka.session_timeout_s")
-}}
{{- $seen := dict -}}
{{- range $env := .Values.env -}}
{{- $variable := upper (toString $env.name) -}}
{{- $key := ternary $variable $env.name (hasPrefix "FRONT_CONNECTOR_" $variable) -}}
{{- if hasKey $seen $key -}}
{{- fail (printf "env gives %s twice: which one counts must not be a guess. Remove one of them." $env.name) -}}
{{- end -}}
{{- $_ := set $seen $key true -}}
{{- with get $refused (trimPrefix "FRONT_CONNECTOR_" $variable) -}}
{{- if hasPrefix "FRONT_CONNECTOR_" $variable -}}
{{- fail (printf "env sets %s, which %s. Set %s instead." $env.name (index . 0) (index . 1)) -}}
{{- end -}}
{{- end -}}
{{- if eq $variable "FRONT_CONNECTOR_KAFKA" -}}
{{- fail (printf "env sets %s, which the check of group_instance_id cannot see. Set config.kafka instead, or one variable for each setting." $env.name) -}}
{{- end -}}
{{- if and (eq $variable "FRONT_CONNECTOR_KAFKA__GROUP_INSTANCE_ID") $.Values.staticMembership.enabled -}}
{{- fail (printf "env sets %s, but staticMembership is enabled, which gives each pod its own name. Remove one of them." $env.name) -}}
{{- end -}}
{{- /* "$(NAME)" is another variable's value, which may differ from pod to pod. */ -}}
{{- if and $env.value (not (contains "$(" (toString $env.value))) -}}
{{- if eq $variable "FRONT_CONNECTOR_KAFKA__GROUP_INSTANCE_ID" -}}
{{- fail (printf "env gives %s one value for every pod: all would claim the same membership. Remove it, or use valueFrom.fieldRef with metadata.name." $env.name) -}}
{{- end -}}
{{- if eq $variable "FRONT_CONNECTOR_INSTANCE" -}}
{{- fail (printf "env gives %s one value for every pod: nobody could tell them apart in logs and status. Remove it: each pod's own name is the default." $env.name) -}}
{{- end -}}
{{- end -}}
{{- if and $env.value (regexMatch "^(FRONT_CONNECTOR|OTEL_EXPORTER)_.*(SECRET|TOKEN|PASSWORD|HEADER_VALUE|HEADERS)$" $variable) -}}
{{- fail (printf "env gives %s a secret value, which would lie in the release's history. Use valueFrom.secretKeyRef, or a file of the Secret %s." $env.name $.Values.existingSecret) -}}
{{- end -}}
{{- if and $env.value (regexMatch "^AWS_(SECRET_ACCESS_KEY|SESSION_TOKEN)$" $variable) -}}
{{- fail (printf "env gives %s a secret value, which would lie in the release's history. Use valueFrom.secretKeyRef." $env.name) -}}
{{- end -}}
{{- if and (hasPrefix "FRONT_CONNECTOR_" $variable) (hasPrefix "{" (trim (toString $env.value))) -}}
{{- fail (printf "env gives %s many settings at once, among which a secret or one that the chart must know itself would not be seen. Write them under config, and secrets into files of the Secret %s." $env.name $.Values.existingSecret) -}}
{{- end -}}
{{- /* A proxy may be given without a scheme. What "$(NAME)" stands for does not lie in the release. */ -}}
{{- $text := ternary (print "://" $env.value) (toString $env.value) (hasSuffix "_PROXY" $variable) -}}
{{- $hidden := regexReplaceAll "://([^/:@\\s]*:)?\\$\\([A-Za-z0-9_.-]+\\)@" $text "://" -}}
{{- if regexMatch "://[^/\\s]*@" $hidden -}}
{{- fail (printf "env gives %s a user or password in a URL, which would lie in the release's history. Use valueFrom.secretKeyRef for the whole, or refer to a variable that has the password so: $(NAME)." $env.name) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "front-connector.checkVolumes" -}}
{{- range concat .Values.initContainers .Values.extraContainers -}}
{{- if eq (toString .name) "front-connector" -}}
{{- fail "initContainers or extraContainers name a container front-connector, which is the connector's own name: the pod could not be made. Give it another name." -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraVolumes -}}
{{- if has (toString .name) (list "config" "mappings" "secrets" "tmp" "spool") -}}
{{- fail (printf "extraVolumes names a volume %s, which is one of the chart's own: the pod could not be made. Give it another name." .name) -}}
{{- end -}}
{{- end -}}
{{- $own := list "/etc/front-connector/config" "/etc/front-connector/mappings" "/tmp" "/var/spool/front-connector" -}}
{{- if .Values.existingSecret }}{{ $own = append $own "/etc/front-connector/secrets" }}{{ end -}}
{{- $writable := list "/tmp" "/var/spool/front-connector" -}}
{{- range $mount := .Values.extraVolumeMounts -}}
{{- $path := trimSuffix "/" $mount.mountPath -}}
{{- range $ours := $own -}}
{{- if or (eq $path $ours) (hasPrefix (print $ours "/") $path) (hasPrefix (print $path "/") $ours) -}}
{{- fail (printf "extraVolumeMounts mounts something at %s, where the chart mounts %s: one would hide the other, or could not be made. Choose a folder of its own." $mount.mountPath $ours) -}}
{{- end -}}
{{- end -}}
{{- if not $mount.readOnly }}{{ $writable = append $writable $path }}{{ end -}}
{{- end -}}
{{- $spool := (.Values.config.attachments | default dict).spool | default dict -}}
{{- $folder := $spool.folder | default "/tmp" | trimSuffix "/" -}}
{{- $at := "" -}}
{{- range $writable -}}
{{- if or (eq $folder .) (hasPrefix (print . "/") $folder) }}{{ $at = . }}{{ end -}}
{{- end -}}
{{- if not $at -}}
{{- fail (printf "config.attachments.spool.folder is %s, which cannot be written: the file system of the pod is read-only there. Use /var/spool/front-connector, or mount a volume with extraVolumes and extraVolumeMounts." $folder) -}}
{{- end -}}
{{- $limits := dict "/tmp" "tmpSizeLimit" "/var/spool/front-connector" "spoolSizeLimit" -}}
{{- with get $limits $at -}}
{{- $size := get $.Values . -}}
{{- $most := int64 ($spool.disk_total_bytes | default 1073741824) -}}
{{- if le (int64 (include "front-connector.bytes" $size)) $most -}}
{{- fail (printf "%s is %s, but config.attachments.spool.disk_total_bytes is %v: the kubelet would evict the pod before the connector stops putting files there. Make %s larger than that, or disk_total_bytes smaller." . $size $most .) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "front-connector.checkLabels" -}}
{{- $reserved := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/managed-by" -}}
{{- range $where := list "commonLabels" "podLabels" -}}
{{- range $label, $_ := get $.Values $where -}}
{{- if has $label $reserved -}}
{{- fail (printf "%s sets %s, by which Service, selectors and Helm find what belongs to the release. Choose another label." $where $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "front-connector.checkMonitoring" -}}
{{- if and .Values.monitoring.serviceMonitor.enabled .Values.monitoring.podMonitor.enabled -}}
{{- fail "monitoring.serviceMonitor and monitoring.podMonitor are both enabled: each pod would be scraped twice, and every sum would be double. Disable one of them." -}}
{{- end -}}
{{- end }}

{{- define "front-connector.checkKeda" -}}
{{- $keda := .Values.keda -}}
{{- if ne (int .Values.replicas) 1 -}}
{{- fail (printf "replicas is %v, but keda is enabled, and two would decide how many pods there are. Remove replicas; keda.minReplicaCount and keda.maxReplicaCount bound them." .Values.replicas) -}}
{{- end -}}
{{- if lt (int $keda.minReplicaCount) 1 -}}
{{- fail "keda.minReplicaCount is 0: without a pod there is no metric that would bring one back, and Kafka forgets the offsets of a group without members (offsets.retention.minutes, 7 days). Make it at least 1." -}}
{{- end -}}
{{- if lt (int $keda.maxReplicaCount) (int $keda.minReplicaCount) -}}
{{- fail (printf "keda.maxReplicaCount is %v, below keda.minReplicaCount, which is %v. Swap or raise them; more pods than partitions stand idle." $keda.maxReplicaCount $keda.minReplicaCount) -}}
{{- end -}}
{{- if not $keda.prometheus.serverAddress -}}
{{- fail "keda is enabled, but keda.prometheus.serverAddress is empty: KEDA scales by records that wait, and asks Prometheus for them. Set it, for instance to http://prometheus.monitoring.svc:9090." -}}
{{- end -}}
{{- if contains "@" $keda.prometheus.serverAddress -}}
{{- fail "keda.prometheus.serverAddress holds a user or password, which would lie in the release's history. Put them into a Secret and name it in keda.prometheus.authentication.secretTargetRef." -}}
{{- end -}}
{{- if not (or .Values.monitoring.prometheusRule.enabled $keda.prometheus.query) -}}
{{- fail "keda is enabled, but the recording rule that it asks for, job:front_connector_consumer_unsettled:sum, is not made. Set monitoring.prometheusRule.enabled to true; or, where you load rules/front-connector.yaml yourself, give keda.prometheus.query." -}}
{{- end -}}
{{- $authentication := $keda.prometheus.authentication -}}
{{- if and $authentication.existing $authentication.secretTargetRef -}}
{{- fail "keda.prometheus.authentication has both existing and secretTargetRef, but a trigger has one TriggerAuthentication. Remove one of them." -}}
{{- end -}}
{{- if and $authentication.modes (not $authentication.existing) (not $authentication.secretTargetRef) -}}
{{- fail (printf "keda.prometheus.authentication.modes is %s, but there are no credentials. Give secretTargetRef, or existing: the name of a TriggerAuthentication." $authentication.modes) -}}
{{- end -}}
{{- if and (or $authentication.existing $authentication.secretTargetRef) (not $authentication.modes) -}}
{{- fail "keda.prometheus.authentication has credentials, but modes is empty: KEDA would not send them. Set modes to basic, bearer, tls or custom." -}}
{{- end -}}
{{- end }}
