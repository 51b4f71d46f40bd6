{{/* The pods, whatever makes them. */}}
{{- define "front-connector.podTemplate" -}}
metadata:
  labels:
    {{- include "front-connector.labelsWith" (list . .Values.podLabels) | nindent 4 }}
  annotations:
    # A change of what the chart renders rolls the pods; an existing Secret or ConfigMap cannot be seen from here.
    checksum/config: {{ include (print $.Template.BasePath "/configmap-config.yaml") . | sha256sum }}
    {{- if not .Values.mappings.existingConfigMap }}
    checksum/mappings: {{ include (print $.Template.BasePath "/configmap-mappings.yaml") . | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "front-connector.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "front-connector.podSecurity" . | nindent 4 }}
  {{- with .Values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: front-connector
      {{- include "front-connector.container" . | nindent 6 }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "front-connector.volumes" . | nindent 4 }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- if .Values.topologySpreadConstraints }}
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "front-connector.selectorLabels" $ | nindent 10 }}
    {{- end }}
    {{- end }}
{{- end }}

{{/* Pod Security Standards, level "restricted". Only the numbers can be changed. */}}
{{- define "front-connector.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.podSecurityContext }}
{{ toYaml . }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "front-connector.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: ["ALL"]
{{- end }}

{{- define "front-connector.container" -}}
image: {{ include "front-connector.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: ["run", "--config", "/etc/front-connector/config/config.yaml"]
{{- if or .Values.env .Values.staticMembership.enabled }}
env:
  {{- if .Values.staticMembership.enabled }}
  # Static membership: a pod that comes back under its name is the same member of the group.
  - name: FRONT_CONNECTOR_KAFKA__GROUP_INSTANCE_ID
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  {{- end }}
  {{- with .Values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
ports:
  - name: metrics
    containerPort: {{ .Values.config.telemetry.port }}
    protocol: TCP
startupProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
# The last lines of the log say which setting was refused when the container ends by itself.
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- include "front-connector.containerSecurity" . | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
# Whole directories and no subPath, which never sees an update; beside one another, because a mount point
# cannot be made inside a volume that is read-only.
volumeMounts:
  - {name: config, mountPath: /etc/front-connector/config, readOnly: true}
  - {name: mappings, mountPath: /etc/front-connector/mappings, readOnly: true}
  {{- if .Values.existingSecret }}
  - {name: secrets, mountPath: /etc/front-connector/secrets, readOnly: true}
  {{- end }}
  - {name: tmp, mountPath: /tmp}
  - {name: spool, mountPath: /var/spool/front-connector}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "front-connector.volumes" -}}
- name: config
  configMap:
    name: {{ include "front-connector.configName" . }}
- name: mappings
  configMap:
    name: {{ include "front-connector.mappingsName" . }}
{{- if .Values.existingSecret }}
- name: secrets
  secret:
    secretName: {{ .Values.existingSecret }}
    defaultMode: 0440
    {{- with .Values.secretKeys }}
    items:
      {{- range . }}
      - {key: {{ . | quote }}, path: {{ . | quote }}}
      {{- end }}
    {{- end }}
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: {{ .Values.tmpSizeLimit }}
- name: spool
  emptyDir:
    sizeLimit: {{ .Values.spoolSizeLimit }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
