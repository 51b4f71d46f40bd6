{{/* Where the pods connect to, as far as `config` says so. JSON: brokers, registry, tracing, web, private, proxy: lists of
ports; inside: hosts that by their name lie in the cluster, where the rule for the world does not lead. */}}
{{- define "front-connector.destinations" -}}
{{- $config := .Values.config -}}
{{- $policy := .Values.networkPolicy -}}
{{- $inside := list -}}
{{- $brokers := $policy.brokers.ports -}}
{{- range $server := splitList "," $config.kafka.bootstrap_servers -}}
{{- $server = trim $server -}}
{{- $host := regexReplaceAll "^(.*://)?\\[?(.*?)\\]?(:[0-9]+)?$" $server "${2}" -}}
{{- if not (include "front-connector.isLoopback" $host) -}}
{{- $brokers = append $brokers (regexFind ":[0-9]+$" $server | trimPrefix ":" | default "9092" | int) -}}
{{- if and (include "front-connector.isInside" $host) (not $policy.brokers.to) -}}
{{- $inside = append $inside (dict "what" "config.kafka.bootstrap_servers" "where" $server "peers" "networkPolicy.brokers.to") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $web := list 443 -}}
{{- range $name, $app := $config.front.apps -}}
{{- with ($app | default dict).base_url -}}
{{- $web = append $web (include "front-connector.urlPort" . | int) -}}
{{- if and (include "front-connector.isInside" (urlParse .).hostname) (not $policy.front.to) -}}
{{- $inside = append $inside (dict "what" (printf "config.front.apps.%s.base_url" $name) "where" . "peers" "networkPolicy.front.to") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $files := list -}}
{{- $attachments := $config.attachments | default dict -}}
{{- range $host, $settings := $attachments.hosts -}}
{{- $files = append $files (regexFind ":[0-9]+$" $host | trimPrefix ":" | default "443" | int) -}}
{{- if ($settings | default dict).plain_text }}{{ $files = append $files 80 }}{{ end -}}
{{- end -}}
{{- with index ($config.kafka.properties | default dict) "sasl.oauthbearer.token.endpoint.url" -}}
{{- $web = append $web (include "front-connector.urlPort" . | int) -}}
{{- if and (include "front-connector.isInside" (urlParse .).hostname) (not $policy.extraEgress) -}}
{{- $inside = append $inside (dict "what" "config.kafka.properties sasl.oauthbearer.token.endpoint.url" "where" . "peers" "networkPolicy.extraEgress") -}}
{{- end -}}
{{- end -}}
{{- $tracing := $config.tracing | default dict -}}
{{- $own := dict "registry" list "tracing" list "proxy" $policy.proxy.ports -}}
{{- range list
  (list "registry" "config.registry.url" ($config.registry | default dict).url)
  (list "tracing" "config.tracing.endpoint" (ternary $tracing.endpoint nil (eq true $tracing.enabled)))
  (list "proxy" "config.front.proxy" (ternary nil $config.front.proxy (eq (toString $config.front.proxy) "environment")))
  (list "proxy" "config.attachments.proxy" $attachments.proxy)
-}}
{{- $name := index . 0 -}}
{{- $key := index . 1 -}}
{{- with index . 2 -}}
{{- $host := (urlParse .).hostname -}}
{{- if not (include "front-connector.isLoopback" $host) -}}
{{- $port := include "front-connector.urlPort" . | int -}}
{{- $peers := (get $policy $name).to -}}
{{- if and (include "front-connector.isInside" $host) (not $peers) -}}
{{- $inside = append $inside (dict "what" $key "where" . "peers" (printf "networkPolicy.%s.to" $name)) -}}
{{- else if or (ne $port 443) $peers -}}
{{- $_ := set $own $name (append (get $own $name) $port) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $private := ternary (uniq $files) list (not (empty $attachments.allow_private)) -}}
{{- dict "brokers" (uniq $brokers) "registry" $own.registry "tracing" $own.tracing "web" (concat $web $files | uniq) "private" $private "proxy" (uniq $own.proxy) "inside" $inside | toJson -}}
{{- end }}

{{- define "front-connector.urlPort" -}}
{{- $url := urlParse . -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "80" "443" (eq $url.scheme "http")) -}}
{{- end }}

{{/* Not empty for the pod itself, a sidecar's address: no policy stands between. */}}
{{- define "front-connector.isLoopback" -}}
{{- regexFind "^(localhost|127\\.[0-9.]+|::1)$" . -}}
{{- end }}

{{/* Not empty for a host that by its name or number lies inside: no dot, an ending of the cluster's, a private range. */}}
{{- define "front-connector.isInside" -}}
{{- if not (include "front-connector.isLoopback" .) -}}
{{- regexFind "(?i)^[^.:]+$|\\.(svc|local|internal)\\.?$|^(10|192\\.168|169\\.254|172\\.(1[6-9]|2[0-9]|3[01])|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7]))\\.[0-9.]+$|^(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):" . -}}
{{- end -}}
{{- end }}

{{/* TCP ports as a policy has them. */}}
{{- define "front-connector.tcp" -}}
{{- range . }}
- {protocol: TCP, port: {{ int . }}}
{{- end }}
{{- end }}

{{- define "front-connector.checkNetwork" -}}
{{- $destinations := include "front-connector.destinations" . | fromJson -}}
{{- range $env := .Values.env -}}
{{- $variable := upper (toString $env.name) -}}
{{- if and (eq $variable "FRONT_CONNECTOR_KAFKA__BOOTSTRAP_SERVERS") (not $.Values.networkPolicy.brokers.ports) -}}
{{- fail (printf "networkPolicy is enabled, but env sets %s, whose ports its rules cannot see: the brokers would not be reached. Give networkPolicy.brokers.ports, or set config.kafka.bootstrap_servers instead." $env.name) -}}
{{- end -}}
{{- if regexMatch "^(FRONT_CONNECTOR_(REGISTRY(__URL)?|FRONT(__PROXY|__APPS(__([^_]+_?)+|__.*__BASE_URL)?)?|TRACING(__ENABLED|__ENDPOINT)?|ATTACHMENTS__(HOSTS|PROXY|ALLOW_PRIVATE))|OTEL_EXPORTER_OTLP_(TRACES_)?ENDPOINT)$" $variable -}}
{{- fail (printf "networkPolicy is enabled, but env sets %s, which its rules cannot see: the host may not be reached. Set it in config instead." $env.name) -}}
{{- end -}}
{{- end -}}
{{- range $destinations.inside -}}
{{- fail (printf "networkPolicy is enabled, and %s is %s, which lies inside the cluster or a private network, where the rule for the world does not lead: every request would time out. Say where it lies in %s." .what .where .peers) -}}
{{- end -}}
{{- if and (eq (toString .Values.config.front.proxy) "environment") (not .Values.networkPolicy.proxy.ports) -}}
{{- fail "networkPolicy is enabled, and config.front.proxy is environment, whose port its rules cannot see: Front would not be reached. Give networkPolicy.proxy.ports, or the proxy's URL in config.front.proxy." -}}
{{- end -}}
{{- end }}
