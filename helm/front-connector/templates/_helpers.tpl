{{/* Names. The release's name is enough when it holds the chart's. */}}
{{- define "front-connector.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "front-connector.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "front-connector.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "front-connector.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Names with an ending: cut before it, so that the ending survives and stays unique. */}}
{{- define "front-connector.configName" -}}
{{ include "front-connector.fullname" . | trunc 54 | trimSuffix "-" }}-config
{{- end }}

{{- define "front-connector.mappingsName" -}}
{{- if .Values.mappings.existingConfigMap -}}
{{ .Values.mappings.existingConfigMap }}
{{- else -}}
{{ include "front-connector.fullname" . | trunc 54 | trimSuffix "-" }}-mappings
{{- end }}
{{- end }}

{{- define "front-connector.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "front-connector.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "front-connector.selectorLabels" -}}
app.kubernetes.io/name: {{ include "front-connector.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "front-connector.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "front-connector.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "front-connector.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{/* What no schema can say: relations between values. Each refusal is a sentence that says what to change. */}}
{{- define "front-connector.check" -}}
{{- $grace := float64 .Values.terminationGracePeriodSeconds -}}
{{- $drain := float64 .Values.config.limits.drain_s -}}
{{- if lt $grace (addf $drain 15) -}}
{{- fail (printf "terminationGracePeriodSeconds is %v, but config.limits.drain_s is %v: the pod could be killed while it drains. Make it at least %v (drain + 15), or lower the drain." $grace $drain (ceil (addf $drain 15))) -}}
{{- end -}}
{{- if .Values.config.kafka.group_instance_id -}}
{{- fail "config.kafka.group_instance_id cannot be set here: every pod of a Deployment would claim the same membership. Remove it." -}}
{{- end -}}
{{- if and .Values.mappings.existingConfigMap .Values.mappings.files -}}
{{- fail "Both mappings.existingConfigMap and mappings.files are set, but only one can be mounted. Remove one of them." -}}
{{- end -}}
{{- if and (eq (toString .Values.config.mappings.reload) "watch") (not .Values.mappings.existingConfigMap) -}}
{{- fail "config.mappings.reload is watch, but the pods are rolled already when mapping files of the values change: both would act on one edit. Remove it, or mount a ConfigMap of your own with mappings.existingConfigMap." -}}
{{- end -}}
{{- range $name, $app := .Values.config.front.apps -}}
{{- if kindIs "map" $app -}}
{{- range $key := list "secret" "token" -}}
{{- if get $app $key -}}
{{- fail (printf "config.front.apps.%s.%s holds a secret value, which would lie in the release's history. Put it into the Secret %s and name its file: %s_file: /etc/front-connector/secrets/..." $name $key $.Values.existingSecret $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.config.registry .Values.config.registry.password -}}
{{- fail (printf "config.registry.password holds a secret value, which would lie in the release's history. Put it into the Secret %s and name its file: password_file: /etc/front-connector/secrets/..." .Values.existingSecret) -}}
{{- end -}}
{{- range $name, $value := .Values.config.kafka.properties -}}
{{- if and $value (regexMatch "password|secret|key\\.pem" $name) -}}
{{- fail (printf "config.kafka.properties holds a secret value, %s, which would lie in the release's history. Put it into the Secret %s and name its file under config.kafka.properties_from_files." $name $.Values.existingSecret) -}}
{{- end -}}
{{- end -}}
{{- range .Values.env -}}
{{- $variable := upper (toString .name) -}}
{{- if has $variable (list "FRONT_CONNECTOR_LIMITS" "FRONT_CONNECTOR_LIMITS__DRAIN_S") -}}
{{- fail (printf "env sets %s, which the check of terminationGracePeriodSeconds cannot see. Set config.limits.drain_s instead." .name) -}}
{{- end -}}
{{- if has $variable (list "FRONT_CONNECTOR_TELEMETRY" "FRONT_CONNECTOR_TELEMETRY__PORT") -}}
{{- fail (printf "env sets %s, which the probes and the Service cannot see: they ask port %v. Set config.telemetry.port instead." .name $.Values.config.telemetry.port) -}}
{{- end -}}
{{- if eq $variable "FRONT_CONNECTOR_KAFKA" -}}
{{- fail (printf "env sets %s, which the check of group_instance_id cannot see. Set config.kafka instead, or one variable for each setting." .name) -}}
{{- end -}}
{{- /* "$(NAME)" is another variable's value, which may differ from pod to pod. */ -}}
{{- if and (eq $variable "FRONT_CONNECTOR_KAFKA__GROUP_INSTANCE_ID") .value (not (contains "$(" (toString .value))) -}}
{{- fail (printf "env gives %s one value for every pod: all would claim the same membership. Remove it, or use valueFrom.fieldRef with metadata.name." .name) -}}
{{- end -}}
{{- if and .value (regexMatch "^FRONT_CONNECTOR_.*(SECRET|TOKEN|PASSWORD)$" $variable) -}}
{{- fail (printf "env gives %s a secret value, which would lie in the release's history. Use valueFrom.secretKeyRef, or a file of the Secret %s." .name $.Values.existingSecret) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The port on loopback, as the connector derives it: admin.port, else three above telemetry.port. */}}
{{- define "front-connector.adminPort" -}}
{{- $given := (.Values.config.admin | default dict).port -}}
{{- $given | default (add (int .Values.config.telemetry.port) 3) | int -}}
{{- end -}}
