{{- define "streamwatch.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "streamwatch.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "streamwatch.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "streamwatch.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "streamwatch.selector" -}}
app.kubernetes.io/name: {{ include "streamwatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "streamwatch.labels" -}}
{{ include "streamwatch.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "streamwatch.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "streamwatch.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{/* The agent's configuration: what was given, and where it listens and remembers. */}}
{{- define "streamwatch.config" -}}
{{- $own := dict "listen" (dict "address" "0.0.0.0:9308") "rules" (dict "state" "/var/lib/streamwatch/state.db") }}
{{- if eq .Values.mode "pair" }}
{{- $own = set $own "ha" (include "streamwatch.ha" . | fromYaml) }}
{{- end }}
{{- mergeOverwrite $own (deepCopy .Values.config) | toYaml }}
{{- end }}

{{/* Whether agents have names of their own: of a StatefulSet. */}}
{{- define "streamwatch.isSet" -}}
{{- if has .Values.mode (list "statefulset" "pair") }}true{{ end }}
{{- end }}

{{- define "streamwatch.replicas" -}}
{{- if eq .Values.mode "pair" }}{{ max 2 (int .Values.replicas) }}{{ else }}{{ .Values.replicas }}{{ end }}
{{- end }}

{{/* How the agents of a pair find, know and agree with each other, where the configuration does not say it. */}}
{{- define "streamwatch.ha" -}}
{{- $name := include "streamwatch.fullname" . }}
peers:
{{- range until (int (include "streamwatch.replicas" .)) }}
  - url: {{ printf "%s://%s-%d.%s-agents.%s.svc:%s" (lower (include "streamwatch.scheme" $)) $name . $name $.Release.Namespace (include "streamwatch.port" $) }}
    {{- with $.Values.pair.caFile }}
    ca_file: {{ . }}
    {{- end }}
{{- end }}
{{- with .Values.pair.tokenSecret }}
token_file: /etc/streamwatch/secrets/{{ . }}/{{ $.Values.pair.tokenKey }}
{{- end }}
{{- if not (dig "ha" "lease" dict (deepCopy .Values.config)) }}
lease: {kubernetes: {name: {{ $name }}}}
{{- end }}
{{- end }}

{{/* The Lease of Kubernetes by which the agents of a pair agree, as JSON; empty where it is kept elsewhere. */}}
{{- define "streamwatch.lease" -}}
{{- if eq .Values.mode "pair" }}
{{- $lease := dig "ha" "lease" dict (include "streamwatch.config" . | fromYaml) }}
{{- if hasKey $lease "kubernetes" }}{{ mergeOverwrite (dict "name" "streamwatch") ($lease.kubernetes | default dict) | toJson }}{{ end }}
{{- end }}
{{- end }}

{{/* The Secrets whose keys are files, as JSON. */}}
{{- define "streamwatch.secretFiles" -}}
{{- $own := ternary (list .Values.pair.tokenSecret) list (and (eq .Values.mode "pair") (ne .Values.pair.tokenSecret "")) }}
{{- concat .Values.secretFiles $own | uniq | toJson }}
{{- end }}

{{- define "streamwatch.scheme" -}}
{{- if dig "listen" "tls" "" (deepCopy .Values.config) }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{- define "streamwatch.port" -}}
{{- dig "listen" "address" "0.0.0.0:9308" (deepCopy .Values.config) | splitList ":" | last }}
{{- end }}

{{/* A probe of a path; by a connection alone where clients must show a certificate, which the kubelet has not. */}}
{{- define "streamwatch.probe" -}}
{{- if dig "listen" "tls" "client_ca_file" "" (deepCopy .root.Values.config) }}
tcpSocket: {port: metrics}
{{- else }}
httpGet: {path: {{ .path }}, port: metrics, scheme: {{ include "streamwatch.scheme" .root }}}
{{- end }}
{{- end }}

{{/* Whether everybody who reaches the agent may read: nobody is asked who he is. */}}
{{- define "streamwatch.isOpen" -}}
{{- $listen := dig "listen" dict (deepCopy .Values.config) }}
{{- if not (or $listen.basic_auth (dig "tls" "client_ca_file" "" $listen)) }}true{{ end }}
{{- end }}

{{- define "streamwatch.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}

{{- define "streamwatch.security" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* The container. In a sidecar it is part of somebody else's pod, and says everything about itself. */}}
{{- define "streamwatch.container" -}}
name: streamwatch
image: {{ include "streamwatch.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - run
  - --config=/etc/streamwatch/config/streamwatch.yaml
  {{- if eq .Values.mode "statefulset" }}
  - --share=$(POD_INDEX)/{{ .Values.replicas }}
  {{- end }}
ports:
  - {name: metrics, containerPort: {{ include "streamwatch.port" . }}, protocol: TCP}
{{- if or .Values.env (eq .Values.mode "statefulset") }}
env:
  {{- if eq .Values.mode "statefulset" }}
  - name: POD_INDEX
    valueFrom:
      fieldRef: {fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']"}
  {{- end }}
  {{- with .Values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with .Values.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and (eq .Values.mode "sidecar") .Values.sidecar.native }}
restartPolicy: Always
{{- end }}
startupProbe:
  {{- include "streamwatch.probe" (dict "root" . "path" "/healthz") | nindent 2 }}
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  {{- include "streamwatch.probe" (dict "root" . "path" "/healthz") | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 5
{{- if ne .Values.mode "sidecar" }}
{{- /* Somebody else's pod does not wait for what the agent sees. */}}
readinessProbe:
  {{- include "streamwatch.probe" (dict "root" . "path" "/readyz") | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- include "streamwatch.security" . | nindent 2 }}
volumeMounts:
  - {name: streamwatch-config, mountPath: /etc/streamwatch/config, readOnly: true}
  - {name: streamwatch-state, mountPath: /var/lib/streamwatch}
  - {name: streamwatch-tmp, mountPath: /tmp}
  {{- range $number, $secret := include "streamwatch.secretFiles" . | fromJsonArray }}
  - {name: streamwatch-secret-{{ $number }}, mountPath: /etc/streamwatch/secrets/{{ $secret }}, readOnly: true}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* What the container mounts; the state's claim is the workload's. */}}
{{- define "streamwatch.volumes" -}}
- name: streamwatch-config
  configMap: {name: {{ include "streamwatch.fullname" . }}}
- name: streamwatch-tmp
  emptyDir: {sizeLimit: 16Mi}
{{- if or (eq .Values.mode "sidecar") (not .Values.state.persistent) }}
- name: streamwatch-state
  emptyDir: {sizeLimit: {{ .Values.state.size }}}
{{- else if eq .Values.mode "deployment" }}
- name: streamwatch-state
  persistentVolumeClaim: {claimName: {{ include "streamwatch.fullname" . }}}
{{- end }}
{{- range $number, $secret := include "streamwatch.secretFiles" . | fromJsonArray }}
{{- /* By number: a Secret's name may have dots, and be longer than a volume's. */}}
- name: streamwatch-secret-{{ $number }}
  {{- /* For the pod's own group alone; somebody else's pod may have none. */}}
  secret: {secretName: {{ $secret }}{{ if ne $.Values.mode "sidecar" }}, defaultMode: 0440{{ end }}}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* For other charts: {{ include "streamwatch.sidecar" .Subcharts.streamwatch | nindent 8 }} in their containers, */}}
{{/* or in their initContainers, where `sidecar.native` is set. */}}
{{- define "streamwatch.sidecar" -}}
- {{ include "streamwatch.container" . | nindent 2 | trim }}
{{- end }}

{{- define "streamwatch.pod" -}}
metadata:
  labels:
    {{- include "streamwatch.selector" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "streamwatch.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "streamwatch.serviceAccount" . }}
  automountServiceAccountToken: {{ ternary true false (ne (include "streamwatch.lease" .) "") }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    runAsNonRoot: true
    seccompProfile: {type: RuntimeDefault}
  containers:
    - {{ include "streamwatch.container" . | nindent 6 | trim }}
  volumes:
    {{- include "streamwatch.volumes" . | nindent 4 }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.affinity }}
  affinity:
    {{- toYaml .Values.affinity | nindent 4 }}
  {{- else if eq .Values.mode "pair" }}
  # A machine, or a zone, that dies takes one of them with it.
  affinity:
    podAntiAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "streamwatch.selector" . | nindent 14 }}
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: topology.kubernetes.io/zone
            labelSelector:
              matchLabels:
                {{- include "streamwatch.selector" . | nindent 16 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
{{- end }}

{{- define "streamwatch.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.state.storageClass }}
storageClassName: {{ . }}
{{- end }}
resources: {requests: {storage: {{ .Values.state.size }}}}
{{- end }}
