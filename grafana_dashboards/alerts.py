"""Alert rules: a group for each instrument, one for the line behind them."""

from __future__ import annotations

import hashlib
from collections import Counter

import attr

from provisioning.grafana_text import literal
from provisioning.site import Site
from telegraf_inputs import duration

from . import alarm_words, check_alerting, limit_alarms, line_alarms, silence_alarms
from .alarm_words import Panels
from .provision import Rule, RuleGroup


def groups(site: Site, panel: Panels) -> list[RuleGroup]:
    """Make all rules of a site: a group for each instrument, one for the line itself."""
    found = []
    for instrument in site.enabled:
        rules = [
            *limit_alarms.rules(instrument, site, panel),
            *silence_alarms.stale(instrument, site, panel),
            *silence_alarms.channels(instrument, site, panel),
            *silence_alarms.unsteady(instrument, site, panel),
        ]
        if rules:
            found.append(_group(site, instrument.name, rules))
    found.append(_group(site, "the line", list(line_alarms.rules(site, panel))))
    titles = Counter(rule.title for group in found for rule in group.rules)
    return [
        attr.evolve(group, rules=[_linked(_distinct(rule, titles), site) for rule in group.rules]) for group in found
    ]


def _distinct(rule: Rule, titles: Counter[str]) -> Rule:
    """Give a rule a title of its own, and not too long a one: with another, Grafana does not start."""
    title = rule.title
    if titles[title] > 1 or len(literal(title)) > check_alerting.LONGEST_TITLE:
        title = f"{title[: check_alerting.LONGEST_TITLE // 2]} ({rule.uid})"
    return attr.evolve(rule, title=title)


def _linked(rule: Rule, site: Site) -> Rule:
    """Give a rule the link that its messages have, and a name for its help: what many alarms say is told once."""
    notes = dict(rule.annotations)
    if site.grafana.url:
        dashboard, panel = rule.panel
        notes["link"] = f"{site.grafana.url.rstrip('/')}/d/{dashboard}?viewPanel={panel}"
    if help := notes.get("help"):
        notes["helpid"] = f"h{hashlib.sha256(help.encode()).hexdigest()[:8]}"
    return attr.evolve(rule, annotations=notes)


def _group(site: Site, name: str, rules: list[Rule]) -> RuleGroup:
    return RuleGroup(
        name=f"{site.name}: {name}",
        folder=alarm_words.folder(site),
        every=duration.exact(site.alarms.every),
        rules=rules,
    )
