"""Grafana's alert state machine, as its source has it (pkg/services/ngalert/state), over a real database whose time is at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from provisioning.influxdb_server import DatabaseError, Server
from telegraf_inputs import duration
from telegraf_inputs.point import Point

LOOK = 30  # seconds from look to look
START = 1_700_000_000  # a multiple of LOOK; all times of traces are seconds after it
MISSING_LOOKS = 2  # a series that is out for so many looks is over
NS = 10**9

Labels = tuple[tuple[str, str], ...]
Answer = dict[Labels, float] | Exception  # an empty one is "no data"


@dataclass
class Instance:
    """One instance of a rule: its state, since when, its reason, and the looks that it was missing for."""

    state: str = "Normal"
    since: int = 0
    reason: str = ""
    missing: int = 0


@dataclass
class Machine:
    """The states of one rule. ``changes`` are (time, labels, state) of all that people are told, or could be."""

    rule: dict[str, Any]
    instances: dict[Labels, Instance] = field(default_factory=dict)
    changes: list[tuple[int, Labels, str]] = field(default_factory=list)

    def look(self, now: int, answer: Answer) -> None:
        """Take in what an evaluation at ``now`` gives."""
        if isinstance(answer, Exception) or not answer:
            kind, how = ("Error", "execErrState") if isinstance(answer, Exception) else ("NoData", "noDataState")
            for labels in list(self.instances) or [()]:
                self._turn(now, labels, self.rule[how], kind)
            return
        for labels, value in answer.items():
            self._turn(now, labels, "Alerting" if self._holds(value, labels) else "OK", "")
            self.instances[labels].missing = 0
        for labels in [labels for labels in self.instances if labels not in answer]:
            instance = self.instances[labels]
            instance.missing += 1
            if instance.missing >= MISSING_LOOKS:
                self._enter(now, labels, instance, "Normal")
                del self.instances[labels]

    def _holds(self, value: float, labels: Labels) -> bool:
        if _joins(self.rule):
            return value == 1
        (condition,) = self.rule["data"][-1]["model"]["conditions"]
        instance = self.instances.get(labels, Instance())
        loaded = instance.state in ("Alerting", "Pending") and not instance.reason
        if loaded and "unloadEvaluator" in condition:
            return not _compared(value, condition["unloadEvaluator"])
        return _compared(value, condition["evaluator"])

    def _turn(self, now: int, labels: Labels, to: str, reason: str) -> None:
        """Go from state to state. ``to`` is OK, Alerting or KeepLast; the ``reason`` is Error, NoData, or none."""
        instance = self.instances.setdefault(labels, Instance(since=now))
        wait = duration.read(self.rule["for"])
        keep = duration.read(self.rule.get("keepFiringFor", "0s"))
        lasted, state = now - instance.since, instance.state
        if to == "KeepLast":
            # What is pending begins once its wait is over; what is recovering is taken for normal.
            to = "Alerting" if state in ("Alerting", "Pending") else "OK"
            if state == "Pending" and lasted < wait:
                instance.reason = reason
                return
        if to == "Alerting":
            if state in ("Normal", "Recovering"):
                at_once = not wait or state == "Recovering"
                self._enter(now, labels, instance, "Alerting" if at_once else "Pending")
            elif state == "Pending" and lasted >= wait:
                self._enter(now, labels, instance, "Alerting")
        elif state == "Alerting":
            self._enter(now, labels, instance, "Recovering" if keep else "Normal")
        elif state == "Pending" or (state == "Recovering" and lasted >= keep):
            self._enter(now, labels, instance, "Normal")
        instance.reason = reason

    def _enter(self, now: int, labels: Labels, instance: Instance, state: str) -> None:
        if instance.state != state:
            instance.state, instance.since = state, now
            self.changes.append((now, labels, state))

    @property
    def told(self) -> list[tuple[int, str]]:
        """List what people are told: when an alarm begins ("on") and when it is over ("off")."""
        found: list[tuple[int, str]] = []
        for now, _, state in self.changes:
            if state == "Alerting" and (not found or found[-1][1] == "off"):
                found.append((now, "on"))
            elif state == "Normal" and found and found[-1][1] == "on":
                found.append((now, "off"))
        return found


def _compared(value: float, evaluator: dict[str, Any]) -> bool:
    (border,) = evaluator["params"]
    return bool(value > border if evaluator["type"] == "gt" else value < border)


class Past:
    """A database with a past of one's own making: what is written into it, and what rules find there, look by look."""

    def __init__(self, server: Server, database: str, write: Callable[[str], None]):
        self._server, self._database, self._write = server, database, write

    def points(
        self, measurement: str, tags: dict[str, str], when: Iterable[float], values: Callable[[float], dict[str, Any]]
    ) -> None:
        """Write a point for each time (s after START) for which there are values."""
        lines = [
            Point(measurement, tags, found, round((START + at) * NS)).line() for at in when if (found := values(at))
        ]
        if lines:
            self._write("".join(lines))

    def looks(
        self, rule: dict[str, Any], since: int, until: int, away: Iterable[tuple[int, int]] = (), every: int = LOOK
    ) -> Machine:
        """Look again and again; the database does not answer in the times ``away`` ((from, until) each)."""
        times = range(since, until, every)
        answers = self.results([(rule, at) for at in times])
        machine = Machine(rule)
        for at, answer in zip(times, answers, strict=True):
            machine.look(at, ConnectionError() if _within(at, away) else answer)
        return machine

    def live(
        self,
        rules: Iterable[dict[str, Any]],
        since: int,
        until: int,
        arrives: Callable[[int, int], None],
        away: Iterable[tuple[int, int]] = (),
    ) -> list[Machine]:
        """Look again and again, at all rules, at a database that has only what ``arrives`` (from, until) before each look."""
        machines = [Machine(rule) for rule in rules]
        for at in range(since, until, LOOK):
            arrives(at - LOOK, at)
            answers = self.results([(machine.rule, at) for machine in machines])
            for machine, answer in zip(machines, answers, strict=True):
                machine.look(at, ConnectionError() if _within(at, away) else answer)
        return machines

    def results(self, looks: Iterable[tuple[dict[str, Any], int]]) -> list[Answer]:
        """Ask, for each rule and time, what its condition goes by."""
        looks = list(looks)
        asked = [_asked(query, START + at) for rule, at in looks for query in _queries(rule)]
        answers: list[Answer] = []
        for first in range(0, len(asked), 100):
            answers += self._answers(asked[first : first + 100])
        each = iter(answers)
        return [_joined(rule, [next(each) for _ in _queries(rule)]) for rule, _ in looks]

    def _answers(self, statements: list[str]) -> list[Answer]:
        body = self._server._post(
            "query", {"q": ";\n".join(statements), "db": self._database}, params={"epoch": "ns"}
        ).json()
        found: list[Answer] = []
        for result in body["results"]:
            if "error" in result:
                raise DatabaseError(result["error"])
            answer: dict[Labels, float] = {}
            for series in result.get("series", []):
                values = [row[1] for row in series["values"] if row[1] is not None]
                if values:
                    answer[tuple(sorted(series.get("tags", {}).items()))] = values[-1]
            found.append(answer)
        assert len(found) == len(statements)
        return found


def _within(at: int, times: Iterable[tuple[int, int]]) -> bool:
    return any(start <= at < end for start, end in times)


def _joins(rule: dict[str, Any]) -> bool:
    """Tell whether the condition is made of two questions: one for each series, and one that holds for all."""
    model = rule["data"][-1]["model"]
    assert model["type"] in ("math", "threshold")
    return bool(model["type"] == "math")


def _queries(rule: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the queries that the condition goes by; a threshold's is the first, others show a value."""
    return [part for part in rule["data"] if "query" in part["model"]][: 2 if _joins(rule) else 1]


def _joined(rule: dict[str, Any], answers: list[Answer]) -> Answer:
    """Reckon as Grafana does: where one side of a formula has no data, all of it has none."""
    if not _joins(rule):
        return answers[0]
    assert rule["data"][-1]["model"]["expression"] == "$B < 1 && $E >= 1"
    each, every = answers
    assert not isinstance(each, Exception) and not isinstance(every, Exception)
    return {labels: float(value < 1 and every[()] >= 1) for labels, value in each.items()} if every else {}


def _asked(query: dict[str, Any], now: int) -> str:
    """Fill in a rule's query as of then; a little later than the look, as Grafana is."""
    ms = now * 1000 + 3
    since = ms - query["relativeTimeRange"]["from"] * 1000
    text = query["model"]["query"].replace("$timeFilter", f"time >= {since}ms and time <= {ms}ms")
    return str(text.replace("now()", f"{ms}ms"))
