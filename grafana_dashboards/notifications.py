"""Who is told of alarms: contact points, and the policies that group alarms and hold them back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from provisioning.grafana_text import file, literal
from provisioning.site import ContactPoint, Site
from telegraf_inputs import duration

from . import messages, style
from .provision import NOBODY, Email, Messenger, MuteTime, NotificationPolicy, Webhook
from .uids import uid

ALWAYS = "labline always"  # the mute timing that holds at all times
# One mail for all that happens within group_interval: a mail account is blocked after several dozen an hour.
GROUP_BY = ("grafana_folder", "severity")


def contact_points(site: Site, secrets: str) -> list[Email | Webhook | Messenger]:
    """Make the contact points of a site. Grafana reads their secrets from files in the folder ``secrets``."""
    return [_contact_point(site, point, secrets) for point in site.notifications.contact_points]


def _contact_point(site: Site, point: ContactPoint, secrets: str) -> Email | Webhook | Messenger:
    own, name = uid(site.name, "contact", point.name), _named(site, point)
    told = _expand(site)
    subject, message = told["subject"], told["message"]
    url = literal(point.url) if point.url else _file(secrets, point.url_file)
    token = _file(secrets, point.token_file)
    if point.type == "email":
        return Email(uid=own, name=name, addresses=point.addresses, **told)
    # ntfy takes what Grafana posts (its own template of that name: ?template=grafana).
    if point.type in ("webhook", "ntfy"):
        return Webhook(
            uid=own,
            name=name,
            url=url,
            username=point.username,
            password=_file(secrets, point.password_file),
            token=token,
            title=subject,
            message=message,
        )
    kind, settings = {
        # Mattermost's incoming webhooks take what is written for Slack's.
        "slack": (
            "slack",
            {"url": url, "token": token, "recipient": literal(point.channel), "title": subject, "text": message},
        ),
        "mattermost": ("slack", {"url": url, "recipient": literal(point.channel), "title": subject, "text": message}),
        "teams": ("teams", {"url": url, "title": subject, "message": message}),
        # A text of HTML would be refused where a summary has a `<`.
        "telegram": (
            "telegram",
            {
                "bottoken": token,
                "chatid": literal(point.chat),
                "message": f"{subject}\n\n{message}",
                "parse_mode": "None",
            },
        ),
        "pushover": (
            "pushover",
            {"apiToken": token, "userKey": _file(secrets, point.user_file), "title": subject, "message": message},
        ),
    }[point.type]
    return Messenger(uid=own, name=name, kind=kind, settings=settings)


def _named(site: Site, point: ContactPoint) -> str:
    """Name a contact point: of all sites in a Grafana each has a name of its own."""
    return f"{point.name} ({site.name})"


def _expand(site: Site) -> dict[str, str]:
    """Say which of the site's templates make a message."""
    return {part: f'{{{{ template "{messages.group(site)}.{part}" . }}}}' for part in ("subject", "message")}


def _file(secrets: str, name: str) -> str:
    """Name a secret as Grafana reads it: a file, which must be there when it starts."""
    return file(os.path.join(secrets, name)) if name else ""


def policy(site: Site, beside: Sequence[Site] = ()) -> NotificationPolicy:
    """Make the tree that groups alarms and holds them back: per contact point at most one message an interval and severity.

    A Grafana has but one: ``beside`` are the other sites whose alarms it brings to their people.
    """
    sites = sorted((site, *beside), key=lambda one: one.name)
    first = next((one for one in sites if one.notifications.contact_points), site)
    told = first.notifications
    root = _named(first, told.contact_points[0]) if told.contact_points else NOBODY
    routes = tuple(route for one in sites for route in _routes(one))
    return NotificationPolicy(
        receiver=root, repeat_interval=duration.exact(told.repeat), routes=routes, **_waits(first)
    )


def _waits(site: Site) -> dict[str, Any]:
    told = site.notifications
    return {
        "group_by": GROUP_BY,
        "group_wait": duration.exact(told.group_wait),
        "group_interval": duration.exact(told.group_interval),
    }


def _routes(site: Site) -> tuple[NotificationPolicy, ...]:
    """Make the routes of a site's alarms to its contact points."""
    told, waits = site.notifications, _waits(site)
    repeats = {"warning": duration.exact(told.repeat), "critical": duration.exact(told.repeat_critical)}
    return tuple(
        NotificationPolicy(
            receiver=_named(site, point),
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
            receiver=_named(site, told.contact_points[0]),
            matchers=(("site", "=", site.name), ("severity", "=", severity)),
            repeat_interval=repeats[severity],
            muted=(ALWAYS,),
            **waits,
        )
        for severity in _unasked(site)
    )


def mute_times(sites: Sequence[Site]) -> list[MuteTime]:
    """Make the mute timing of the alarms that no contact point asks for, where there are such."""
    return [MuteTime(name=ALWAYS)] if any(_unasked(site) for site in sites) else []


def receivers(site: Site) -> list[str]:
    """Name a site's contact points as Grafana knows them."""
    return [literal(_named(site, point)) for point in site.notifications.contact_points]


def _unasked(site: Site) -> list[str]:
    """List the severities that none of the site's contact points asks for."""
    asked = [set(point.severities) for point in site.notifications.contact_points]
    return sorted(set(style.SEVERITY).difference(*asked)) if asked else []
