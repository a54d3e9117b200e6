"""Where a file is no YAML: the line that has to be mended, which is often above the one where the parser gave up."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import yaml

# Spaces and joiners that are no space to YAML, where one should stand.
INVISIBLE = re.compile(r"(?:^ *|[:,{[-])([\u00a0\u00ad\u2000-\u200f\u202f\u205f\u2060\u3000\ufeff])")
KEY = re.compile(r"(\s*(?:- +)*)[\w\"'-]+ *:(?:\s|\Z)")  # what a line of keys begins with
LINE_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")


def cause(error: yaml.MarkedYAMLError, text: str, loader: Any) -> tuple[int | None, str]:
    """Find the line (from 1; None where nobody knows) with the mistake, and what to say about it beside the parser's words."""
    end = error.problem_mark or error.context_mark
    if end is None:
        return None, ""
    lines = [*LINE_BREAK.split(text), ""]  # the parser may give up behind the last line
    context = error.context or ""
    begin = end.line
    if error.context_mark is not None and context.endswith(("simple key", "quoted scalar")):
        begin = error.context_mark.line
    above = next((n for n in range(end.line - 1, -1, -1) if lines[n].strip()), begin)
    for number in dict.fromkeys((begin, end.line, above)):
        if match := INVISIBLE.search(lines[number]):
            name = unicodedata.name(match[1]).lower()
            return number + 1, f"; column {match.start(1) + 1} is an invisible character ({name}); type a space there"
    if "\t" in lines[begin]:
        return begin + 1, "; there is a tab in this line, and YAML wants spaces"
    if context.endswith("simple key"):
        return begin + 1, "; a key needs a colon and a space behind it"
    if context.endswith("quoted scalar") and begin != end.line:
        return begin + 1, "; these quotes are not closed"
    problem = str(error.problem)
    if hint := _quotes(problem, context, lines[end.line], end.column):
        return end.line + 1, hint
    start, hint = _unclosed(end, text, loader)
    if start is not None:
        return start + 1, hint
    if hint := _column(problem, lines, end.line):
        return end.line + 1, hint
    if re.search(r"'[^']*'\w", lines[end.line]):
        return end.line + 1, "; a text with an apostrophe needs double quotes"
    return begin + 1, "; a text with a colon may need quotes" if "mapping values" in problem else ""


def _quotes(problem: str, context: str, line: str, column: int) -> str:
    """Say which text wants quotes, because it begins with a mark of YAML's."""
    if "block scalar" in context:  # > and | begin a text of several lines
        column = max(line.rfind(mark, 0, column) for mark in ">|")
    elif "cannot start any token" not in problem and "undefined alias" not in problem:
        return ""
    plain = re.match(r"[^#,\]}]*", line[column:])
    word = plain[0].strip() if plain else line[column:]
    quoted = "'" + word.replace("'", "''") + "'"
    return f"; a text that begins with {word[:1]} needs quotes: {quoted}"


def _column(problem: str, lines: list[str], number: int) -> str:
    """Say what is wrong where a line begins in the wrong column."""
    here = KEY.match(lines[number])
    above = next((line for line in reversed(lines[:number]) if line.strip() and not line.lstrip().startswith("#")), "")
    before = KEY.match(above)
    if not here:
        return ""
    if re.match(r"\s*(- +)?[\w-]+:[^\s:]", above) and "mapping values" in problem:
        return f"; the line above has no space behind its colon: {above.strip()}"
    if before is None:
        return ""
    column, there = here.end(1) + 1, before.end(1) + 1
    if column != there and ("mapping values" in problem or "did not find expected" in problem):
        return (
            f"; this line's key begins in column {column}, the one above in column {there}: keys of one thing stand "
            "in one column, and an entry of a list begins with '- '"
        )
    return ""


def _unclosed(end: yaml.Mark, text: str, loader: Any) -> tuple[int | None, str]:
    """Find the bracket or the quotes because of which the parser took ``end`` for something else than was meant."""
    brackets: list[int] = []
    quotes: Any = None
    try:
        for token in yaml.scan(text, Loader=loader):
            if token.start_mark.index >= end.index:
                break
            if isinstance(token, (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken)):
                brackets.append(token.start_mark.line)
            elif isinstance(token, (yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)) and brackets:
                brackets.pop()
            elif isinstance(token, yaml.ScalarToken):
                quotes = token if token.style in ("'", '"') else None
    except yaml.YAMLError:
        pass  # this is where the parser gave up
    if quotes is not None and quotes.start_mark.line < quotes.end_mark.line == end.line:
        return quotes.start_mark.line, f"; the quotes opened here are closed on line {end.line + 1} only"
    if brackets and brackets[-1] < end.line:
        return brackets[-1], f"; this bracket is not closed, or a comma is missing before line {end.line + 1}"
    return None, ""
