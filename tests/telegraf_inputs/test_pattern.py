"""Patterns that people write for what devices say: those that may take for ever are refused, the others are soon done."""

from __future__ import annotations

import datetime
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from telegraf_inputs import stanza
from telegraf_inputs.errors import BadAnswer, BadInput
from telegraf_inputs.pattern import Pattern

ENDLESS = [
    r"(a+)+b",
    r"(a*)*b",
    r"(a|a)*b",
    r"(a|aa)+b",
    r"(aa?)*b",
    r"(.*)*x",
    r"(?:a{1,100}){100}b",
    r"(a?){30}a{30}",
    r"(?:a|a){30}b",
    r"(?:a|){30}b",
    r"(?:a|ab|b){30}c",
    r"(?=(a+)+b)",
    r"(?:(?=a*b)a)*b",
    r"(a+)\1\1b",
    r".*.*.*.*.*b",
    r"\w*\d*\w*\w*[0-9a]*b",
    r"(?i)A*a*A*a*A*b",
    r"(((a{100}){100}){100}){100}",
    "a" * 301,
    "(" * 300,
]
GOOD = [
    ("HMP4040", "HAMEG,HMP4040,1,2", True),
    (r"LSCI,MODEL372,.*,1\.\d", "LSCI,MODEL372,LSA1,1.3", True),
    (r"[-+]?(\d+\.?\d*)(?:[eE][-+]?\d+)?\s*V", "12.5e3 V", False),
    (r"(?:[^,]*,){3}([^,]*).*", "a,b,c,12.5,e", False),
    (r".*,.*,(.*)", "a,b,c", False),
    (r"(?:OK|ERR) ?(\d+)", "OK 12", False),
    (r"(\d+) ?(?:mbar|Torr|Pa)", "12 Torr", False),
    (r"TEMP=(?P<value>[-+0-9.]+);.*", "TEMP=4.2;x", False),
]


@pytest.mark.parametrize("text", ENDLESS)
def test_one_that_may_take_for_ever_is_refused(text: str):
    with pytest.raises(BadInput, match="may take for ever|no regular expression|characters long"):
        Pattern(text)


@pytest.mark.parametrize(("text", "answer", "search"), GOOD)
def test_what_people_write_is_taken(text: str, answer: str, search: bool):
    assert Pattern(text, search=search).match(answer)


def parts(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeat = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "{0,20}", "{20}"])
    return st.one_of(
        st.builds("(?:{}){}".format, inner, repeat),
        st.builds("{}|{}".format, inner, inner).map("(?:{})".format),
        st.builds("{}{}".format, inner, inner),
    )


@settings(max_examples=300, deadline=datetime.timedelta(seconds=30))
@given(
    st.recursive(st.sampled_from(["a", "b", ".", "[ab]", "[^b]", r"\w", "ab"]), parts, max_leaves=8),
    st.sampled_from(["a", "b", "ab", "ba"]),
    st.booleans(),
)
def test_whatever_is_taken_is_soon_done(text: str, of: str, search: bool):
    """With the longest text that it may be tried on: an engine that tries all ways would not come back."""
    try:
        pattern = Pattern(text, search=search)
    except BadInput:
        assume(False)
    hostile = (of * pattern.longest)[: pattern.longest - 1] + "\n"
    assert bool(pattern.match(hostile)) == bool((re.search if search else re.fullmatch)(text, hostile))
    with pytest.raises(BadAnswer, match="characters"):
        pattern.match(f"{hostile}a")


READ = {"v": {"query": "V?", "unit": "V", "pattern": r"(\d+)+x"}}


@pytest.mark.parametrize(
    "keys",
    [
        {"driver": "scpi", "identity": "(a+)+b", "channels": {"1": {"read": {"v": {"query": "V?", "unit": "V"}}}}},
        {"driver": "scpi", "channels": {"1": {"read": READ}}},
        *({"driver": name, "identity": "(a+)+b"} for name in ("lakeshore_372", "julabo")),
    ],
)
def test_every_pattern_of_a_stanza_is_looked_at(keys: dict):
    with pytest.raises(BadInput, match="may take for ever"):
        stanza.check({"name": "x", "connection": "tcp://h:1", **keys})
