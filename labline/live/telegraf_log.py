"""What Telegraf's log says: of each instrument's program, or of the input that reads it, the reason behind its state; of its outputs, what is wrong."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from provisioning import native_config, telegraf_config
from provisioning.site import Node, Site

from .outputs import Outputs, Trouble

LINE = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)) ([EWI])! \[(?:inputs\.execd::([^\]]+)|inputs\.\w+::([^\]]+)|outputs\.\w+::([^\]]+)|agent)\] (.*)"
)
NOT_STARTED = re.compile(
    r"Failed to start inputs\.\w+::(\S+), shutting down plugin: (.*)"
)  # told as if it were of no account
ABOUT_OUTPUT = re.compile(r"Error writing to outputs\.\w+::(\S+): (.*)")
# What inputs of Telegraf's own say, and what it may mean.
NATIVE = (
    ("not connected", "the broker can't be reached, or refuses this user or password"),
    ("not authentic", "wrong user or password, or another way of authentication"),
    ("decryption", "wrong password for privacy, or another way of encryption"),
    ("UserAccessDenied", "wrong user or password"),
    ("IdentityToken", "wrong user or password"),
)
MISSED = 3  # intervals of an input without a word of what was wrong: it is over
SLACK = 25.0  # s, beside them
UNTIL_CONNECTED = ("connection lost", "not connected")  # said of a broker, and once; "Connected" ends it
OWN = re.compile(r"\[([^\]]+)\] (?:(\w+)(?: again)?(?: \([^)]*\))?: )?(.*)")


class TelegrafLog:
    """Follows the log from ``offset`` on; lines from before ``since`` (s since 1970) are passed over.

    ``programs``: the instruments that each program reads, by its alias; ``natives``: how often (s) an input of Telegraf's own reads,
    by its instrument; ``node``: whose log it is, where that is to be told.
    """

    def __init__(
        self,
        file: Path,
        offset: int = 0,
        since: float = 0.0,
        *,
        programs: Mapping[str, Sequence[str]] | None = None,
        natives: Mapping[str, float] | None = None,
        node: str = "",
    ):
        self._file, self._offset, self._since = file, offset, since
        self._programs, self._natives = programs or {}, natives or {}
        self._details: dict[str, str] = {}
        self._said: dict[str, float] = {}  # when an input of Telegraf's own last said what is wrong (s since 1970)
        # The last line that a program wrote to stderr without a level: a traceback's end.
        self._words: dict[str, str] = {}
        self._outputs = Outputs(node)

    @classmethod
    def of_node(cls, site: Site, node: Node, file: Path, *, offset: int = 0, since: float = 0.0) -> TelegrafLog:
        """Follow the log of a node's Telegraf."""
        log = cls(file, offset, since, node=node.name if len(site.nodes) > 1 else "")
        log.reads(site, node)
        return log

    def reads(self, site: Site, node: Node) -> None:
        """Take note of what the node reads from now on."""
        there = site.of_node(node)
        self._programs = telegraf_config.names_by_program(there)
        self._natives = {i.name: i.stanza.interval for i in there if native_config.is_native(i.stanza)}

    def details(self) -> Mapping[str, str]:
        """Tell, by instrument, the last thing that went wrong and is not over."""
        self._read()
        now = time.time()
        for name, said in list(self._said.items()):
            # It says at each reading what is wrong, and nothing when it is well again.
            if now - said > MISSED * self._natives.get(name, float("inf")) + SLACK:
                del self._said[name]
                self._details.pop(name, None)
        return self._details

    def troubles(self) -> list[Trouble]:
        """Tell what is, or was, wrong with outputs."""
        self._read()
        return self._outputs.troubles()

    def _read(self) -> None:
        """Read what was written since the last time."""
        try:
            with open(self._file, "rb") as file:
                file.seek(self._offset)
                new = file.read()
        except OSError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if match := LINE.match(line):
                stamp, level, program, native, output, text = match.groups()
                when = datetime.fromisoformat(stamp).timestamp()
                if when < self._since:
                    continue
                if program:
                    self._note(level, program, text)
                elif native:
                    self._note_native(when, level, native, text)
                elif not_started := NOT_STARTED.match(text):
                    name, why = not_started.groups()
                    self._details[name] = f"{why}; once it is there, labline reload"
                    self._said.pop(name, None)  # it is said once, and stays so
                elif level != "I":
                    self._note_output(when, output, text)

    def _note_output(self, when: float, output: str | None, text: str) -> None:
        if output is None:
            if not (about := ABOUT_OUTPUT.match(text)):
                return
            output, text = about.groups()
        self._outputs.note(when, output, text)

    def _note_native(self, when: float, level: str, name: str, text: str) -> None:
        """Take in what an input of Telegraf's own says; of most only what goes wrong is said."""
        if level == "I":
            if text.startswith("Connected "):
                self._details.pop(name, None)
        elif level == "E":
            said = text.removeprefix("Error in plugin: ")
            self._details[name] = next((f"{said} ({words})" for begin, words in NATIVE if begin in said), said)
            if any(begin in said for begin in UNTIL_CONNECTED):
                self._said.pop(name, None)
            else:
                self._said[name] = when

    def _note(self, level: str, program: str, text: str) -> None:
        name = program
        if own := OWN.match(text):
            name = own[1]
            if level == "I":
                self._details.pop(name, None)
            else:
                self._details[name] = own[3]
        elif text.startswith("stderr: "):
            try:
                self._words[name] = str(json.loads(text.removeprefix("stderr: "))).strip()
            except ValueError:  # Go's quotes are not always JSON's
                self._words[name] = text.removeprefix("stderr: ").strip('"')
        elif level == "E" and " exited: " in text:
            said = self._words.pop(name, "")
            ended = f"its program ended{f', saying {said}' if said else ''}"
            self._details |= dict.fromkeys(self._programs.get(program, [program]), ended)


class TelegrafLogs:
    """The logs of all nodes, as one; may be asked from any thread."""

    def __init__(self, logs: Sequence[TelegrafLog]):
        self._logs = logs
        self._lock = threading.Lock()

    def details(self) -> Mapping[str, str]:
        """Tell, by instrument, the last thing that went wrong and is not over."""
        with self._lock:
            return {name: detail for log in self._logs for name, detail in log.details().items()}

    def troubles(self) -> list[Trouble]:
        """Tell what is, or was, wrong with outputs, what was lost first."""
        with self._lock:
            found = [replace(trouble) for log in self._logs for trouble in log.troubles()]
        return sorted(found, key=lambda trouble: not trouble.lost)
