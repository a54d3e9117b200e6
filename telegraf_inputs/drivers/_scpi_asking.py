"""Asks the questions of one cycle: each once, and what is wrong with one costs the quantities alone that it answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from ..errors import BadAnswer, InstrumentError, NoAnswer, OutOfStep
from ..reading import Gathered
from ._scpi_quantity import Question


class Way(Protocol):
    """What is asked: a Line, or what leads to one."""

    @property
    def answered_ns(self) -> int:
        """When the last answer was complete (ns, UTC)."""

    def query(self, question: str, /) -> str:
        """Ask one question; returns its answer."""


Key = tuple[str, str]  # what selects, and the question


@dataclass
class Asked(Gathered):
    """What the questions of one channel came to; ``answered_ns`` is when its first answer came (ns, UTC)."""

    answered_ns: int = 0


class Cycle:
    """The answers of one cycle. ``recover(error)`` gets back into step after a failed question, or raises."""

    def __init__(self, link: Way, recover: Callable[[InstrumentError], None]):
        self._link, self._recover = link, recover
        self._answers: dict[Key, tuple[str, int] | InstrumentError] = {}  # and its time, or why there is none
        self._recovered: set[Key] = set()

    def ask(self, before: str, questions: Iterable[Question]) -> Asked:
        """Ask for the quantities of one channel, which ``before`` has selected. Raises where the instrument is gone."""
        asked = Asked()
        questions = list(questions)
        for question in questions:
            with self._contained(asked, (before, question.query)):
                answer, moment = self._answer((before, question.query))
                asked.answered_ns = asked.answered_ns or moment
                value, trouble = question.value(answer)
                asked.add(question.name, value, trouble)
        for question in questions:  # after all values: what it says is about them
            if question.valid is not None and question.name in asked.values:
                value = asked.values.pop(question.name)
                with self._contained(asked, (before, question.valid.query)):
                    if against := question.valid.trouble(self._answer((before, question.valid.query))[0]):
                        asked.note("not_valid", against)
                    else:
                        asked.values[question.name] = value
        asked.answered_ns = asked.answered_ns or time.time_ns()
        return asked

    def _answer(self, key: Key) -> tuple[str, int]:
        found = self._answers.get(key)
        if found is None:
            try:
                found = str(self._link.query(key[1])), self._link.answered_ns
            except OutOfStep:
                raise
            except (NoAnswer, BadAnswer) as error:
                found = error
            self._answers[key] = found
        if isinstance(found, InstrumentError):
            raise found
        return found

    @contextmanager
    def _contained(self, asked: Asked, key: Key) -> Iterator[None]:
        """Note what is wrong with one question; once for each, the way is seen to be in step."""
        try:
            yield
        except OutOfStep:
            raise
        except (NoAnswer, BadAnswer) as error:
            if key not in self._recovered:
                self._recovered.add(key)
                self._recover(error)
            asked.note("no_answer" if isinstance(error, NoAnswer) else "bad_answer", str(error))
