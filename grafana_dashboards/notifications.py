"""Who is told of alarms: contact points, and the policies that group alarms and hold them back."""

from __future__ import annotations

import os
from typing import Any

from provisioning.site import ContactPoint, Site
from telegraf_inputs import duration

from . import style
from .provision import NOBODY, Email, MuteTime, NotificationPolicy, Webhook, literal
from .uids import uid

ALWAYS = "labline always"  # the mute timing that holds at all times
# One mail for all that happens within group_interval: a mail account is blocked after several dozen an hour.
GROUP_BY = ("grafana_folder", "severity")
EXPAND = {"subject": '{{ template "labline.subject" . }}', "message": '{{ template "labline.message" . }}'}


def contact_points(site: Site, secrets: str) -> list[Email | Webhook]:
    """Make the contact points of a site. Grafana reads their secrets from files in the folder ``secrets``."""
    return [_contact_point(site, point, secrets) for point in site.notifications.contact_points]


def _contact_point(site: Site, point: ContactPoint, secrets: str) -> Email | Webhook:
    own = uid(site.name, "contact", point.name)
    if point.type == "email":
        return Email(uid=own, name=point.name, addresses=point.addresses, **EXPAND)
    return Webhook(
        uid=own,
        name=point.name,
        url=literal(point.url) if point.url else _file(secrets, point.url_file),
        username=point.username,
        password=_file(secrets, point.password_file),
        token=_file(secrets, point.token_file),
        title=EXPAND["subject"],
        message=EXPAND["message"],
    )


def _file(secrets: str, name: str) -> str:
    """Name a secret as Grafana reads it: a file, which must be there when it starts."""
    return f"$__file{{{os.path.join(secrets, name)}}}" if name else ""


def policy(site: Site) -> NotificationPolicy:
    """Make the tree that groups alarms and holds them back: per contact point at most one message an interval and severity."""
    told = site.notifications
    waits: dict[str, Any] = {
        "group_by": GROUP_BY,
        "group_wait": duration.exact(told.group_wait),
        "group_interval": duration.exact(told.group_interval),
    }
    repeats = {"warning": duration.exact(told.repeat), "critical": duration.exact(told.repeat_critical)}
    routes = tuple(
        NotificationPolicy(
            receiver=point.name,
            matchers=(("site", "=", site.name), ("severity", "=", severity)),
            repeat_interval=repeats[severity],
            goes_on=True,
            **waits,
        )
        for point in told.contact_points
        for severity in point.severities
    ) + tuple(
        # What no route takes would go to the root's contact point, whatever that asks for.
        NotificationPolicy(
            receiver=told.contact_points[0].name,
            matchers=(("site", "=", site.name), ("severity", "=", severity)),
            repeat_interval=repeats[severity],
            muted=(ALWAYS,),
            **waits,
        )
        for severity in _unasked(site)
    )
    root = told.contact_points[0].name if told.contact_points else NOBODY
    return NotificationPolicy(receiver=root, repeat_interval=repeats["warning"], routes=routes, **waits)


def mute_times(site: Site) -> list[MuteTime]:
    """Make the mute timing of the alarms that no contact point asks for, where there are such."""
    return [MuteTime(name=ALWAYS)] if _unasked(site) else []


def _unasked(site: Site) -> list[str]:
    """List the severities that none of the site's contact points asks for."""
    asked = [set(point.severities) for point in site.notifications.contact_points]
    return sorted(set(style.SEVERITY).difference(*asked)) if asked else []
