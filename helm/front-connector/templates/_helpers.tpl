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

{{/* A StatefulSet's name and 11 letters more are a label of its pods, which holds 63. */}}
{{- define "front-connector.workloadName" -}}
{{- $name := include "front-connector.fullname" . -}}
{{- if .Values.staticMembership.enabled }}{{ $name | trunc 52 | trimSuffix "-" }}{{ else }}{{ $name }}{{ end -}}
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

{{/* These two stand in selectors, which cannot be changed later: nothing may be added. */}}
{{- define "front-connector.selectorLabels" -}}
app.kubernetes.io/name: {{ include "front-connector.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "front-connector.metaLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Labels of an object: the chart's, commonLabels, and those of its own, which win. Takes a list: the context, a map. */}}
{{- define "front-connector.labelsWith" -}}
{{- $context := index . 0 -}}
{{- $own := printf "%s\n%s" (include "front-connector.selectorLabels" $context) (include "front-connector.metaLabels" $context) -}}
{{- toYaml (merge (deepCopy (index . 1 | default dict)) ($context.Values.commonLabels | default dict) (fromYaml $own)) -}}
{{- end }}

{{- define "front-connector.labels" -}}
{{- include "front-connector.labelsWith" (list . dict) -}}
{{- end }}

{{/* The pod of `helm test`: neither the Service nor a monitor may take it for a connector. */}}
{{- define "front-connector.testLabels" -}}
app.kubernetes.io/name: {{ include "front-connector.name" . | trunc 58 | trimSuffix "-" }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "front-connector.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{/* The port on loopback, as the connector derives it: admin.port, else three above telemetry.port. */}}
{{- define "front-connector.adminPort" -}}
{{- $given := (.Values.config.admin | default dict).port -}}
{{- $given | default (add (int .Values.config.telemetry.port) 3) | int -}}
{{- end -}}

{{/* More than one pod may run: now, or when KEDA says so. */}}
{{- define "front-connector.maxPods" -}}
{{- ternary .Values.keda.maxReplicaCount .Values.replicas .Values.keda.enabled | int -}}
{{- end }}

{{/* The keys that the Secret must have: the files below its mount that `config` names. A JSON list. */}}
{{- define "front-connector.neededKeys" -}}
{{- $keys := list -}}
{{- range regexFindAll "/etc/front-connector/secrets/[A-Za-z0-9._-]+" (toJson .Values.config) -1 -}}
{{- $keys = append $keys (trimPrefix "/etc/front-connector/secrets/" .) -}}
{{- end -}}
{{- $keys | uniq | sortAlpha | toJson -}}
{{- end }}

{{/* Bytes of a quantity such as 64Mi. */}}
{{- define "front-connector.bytes" -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 -}}
{{- $units = merge $units (dict "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) -}}
{{- $number := regexFind "^[0-9]+" . -}}
{{- mul (int64 $number) (get $units (trimPrefix $number .)) -}}
{{- end }}

{{/* Removes what is null: Helm does so only where the chart itself has a value. Changes the map that it is given. */}}
{{- define "front-connector.withoutNulls" -}}
{{- $map := . -}}
{{- range $key, $value := deepCopy $map -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $map $key -}}
{{- else if kindIs "map" $value -}}
{{- include "front-connector.withoutNulls" (get $map $key) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The connector's configuration: the values' `config`, and what follows from other values. */}}
{{- define "front-connector.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- include "front-connector.withoutNulls" $config -}}
{{- /* Nobody rolls the pods when a ConfigMap of somebody else changes: they look for themselves. */ -}}
{{- if and .Values.mappings.existingConfigMap (not $config.mappings.reload) -}}
{{- $_ := set $config.mappings "reload" "watch" -}}
{{- end -}}
{{- /* A pod that comes back within this keeps its partitions. With group_protocol consumer the brokers decide. */ -}}
{{- if and .Values.staticMembership.enabled (not $config.kafka.session_timeout_s) (ne (toString $config.kafka.group_protocol) "consumer") -}}
{{- $_ := set $config.kafka "session_timeout_s" 90 -}}
{{- end -}}
{{- toYaml $config -}}
{{- end }}
