"""The texts of messages, in the language of Go's templates; what they may call is Grafana's (no arithmetic, no duration in words)."""

from __future__ import annotations

from provisioning.grafana_text import plain
from provisioning.site import Site

from .dashboards._frame import OVERVIEW
from .provision import Template
from .uids import uid

NAMED = 3  # alarms in a subject
LISTED = 20  # alarms in a message, and as many that are over
HELPS = 8  # different things to do in a message
LINKED = 5  # alarms with a link of their own; of more, the overview is named
WHEN = "2006-01-02 15:04:05 MST"


def templates(site: Site) -> list[Template]:
    """Make the texts of messages. A value is shown in limits' summaries alone: elsewhere a missing one would read as 0."""
    name = plain(" ".join(site.title.split()))  # a subject is one line
    # Without a zone of the site, that of Grafana's machine.
    local = f'(tz "{site.zone}" .)' if site.zone != "browser" else ".Local"
    overview = f"{site.grafana.url.rstrip('/')}/d/{uid(site.name, OVERVIEW)}" if site.grafana.url else ""
    text = TEXT.replace("OVERVIEW", f"\nAll: {plain(overview)}" if overview else "")
    for word, value in (("NAMED", NAMED), ("LISTED", LISTED), ("LINKED", LINKED), ("SEEN", 10 * HELPS)):
        text = text.replace(word, str(value))
    text = text.replace("LOCAL", local).replace("WHEN", WHEN).replace('"labline.', f'"{group(site)}.')
    return [Template(name=group(site), text=text.replace("SITE", name))]


def group(site: Site) -> str:
    """Name the site's group of templates, and what all their names begin with."""
    return f"labline.{site.name}"


# How many are left out is the length of a slice: there is no subtraction. Each help has a name of nine characters, which
# is looked for among those that were told.
TEXT = """\
{{ define "labline.subject" -}}
[{{ if .Alerts.Firing }}{{ with .GroupLabels.severity }}{{ . }}: {{ end }}{{ len .Alerts.Firing }} active{{ else }}over{{ end }}] \
{{ if .Alerts.Firing }}{{ template "labline.names" .Alerts.Firing }}{{ else }}{{ template "labline.names" .Alerts.Resolved }}{{ end }} (SITE)
{{- end }}
{{ define "labline.names" -}}
{{ range $i, $each := . }}{{ if lt $i NAMED }}{{ if $i }}; {{ end }}{{ printf "%.80s" $each.Labels.alertname }}{{ end }}{{ end }}
{{- if gt (len .) NAMED }} and {{ len (slice . NAMED) }} more{{ end }}
{{- end }}
{{ define "labline.when" }}{{ LOCAL.Format "WHEN" }}{{ end }}
{{ define "labline.which" -}}
{{ .Labels.alertname }}{{ if eq .Labels.kind "line" }}\
{{ with .Labels.path }}, {{ . }}{{ end }}{{ with .Labels.alias }}, {{ . }}{{ end }}{{ with .Labels.instrument }}, {{ . }}{{ end }}{{ end }}
{{- end }}
{{ define "labline.alert" -}}
- {{ .Labels.severity }}: {{ with .Annotations.summary }}{{ . }}{{ else }}{{ .Labels.alertname }}{{ end }}, since {{ template "labline.when" .StartsAt }}
{{- with .Annotations.Error }}
  What Grafana says: {{ printf "%.300s" . }}{{ end }}
{{- end }}
{{ define "labline.more" -}}
{{ with .Annotations.description }}
{{ . }}{{ end }}
{{- if .Annotations.link }}
See: {{ .Annotations.link }}{{ else if .PanelURL }}
See: {{ .PanelURL }}{{ end }}
{{- with .SilenceURL }}
Silence: {{ . }}{{ end }}
{{- end }}
{{ define "labline.message" -}}
{{ range $i, $each := .Alerts.Firing }}{{ if lt $i LISTED }}{{ template "labline.alert" $each }}
{{ end }}{{ end }}{{ if gt (len .Alerts.Firing) LISTED }}- and {{ len (slice .Alerts.Firing LISTED) }} more
{{ end }}{{ $seen := "" }}{{ range .Alerts.Firing }}{{ if .Annotations.help }}{{ if and (lt (len $seen) SEEN) (not (match .Annotations.helpid $seen)) }}\
{{ $seen = printf "%s %s" $seen .Annotations.helpid }}
What to do: {{ .Annotations.help }}
{{ end }}{{ end }}{{ end }}{{ if .Alerts.Firing }}{{ if le (len .Alerts.Firing) LINKED }}{{ range .Alerts.Firing }}{{ template "labline.more" . }}
{{ end }}{{ end }}OVERVIEW
{{ end }}{{ if .Alerts.Resolved }}
Over:
{{ range $i, $each := .Alerts.Resolved }}{{ if lt $i LISTED }}- {{ template "labline.which" $each }}, after \
{{ ($each.EndsAt.Sub $each.StartsAt).Round 1000000000 }}, at {{ template "labline.when" $each.EndsAt }}{{ with $each.Annotations.over }}, {{ . }}{{ end }}
{{ end }}{{ end }}{{ if gt (len .Alerts.Resolved) LISTED }}- and {{ len (slice .Alerts.Resolved LISTED) }} more
{{ end }}{{ end }}
{{- end }}
"""
