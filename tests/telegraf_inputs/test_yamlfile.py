"""YAML as people read it: the line of every value, no surprises, no silent doubles."""

from __future__ import annotations

import subprocess
import sys

import pytest

from telegraf_inputs import yamlfile
from telegraf_inputs.errors import BadInput

LAB = """\
site: lab
instruments:
  - name: a
    channels:
      5: {label: Still}
  - name: b
    tags:
      on: yes
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 1e5),
        ("-1.5e-7", -1.5e-7),
        (".5", 0.5),
        ("3.", 3.0),
        ("1.10", 1.1),
        ("-5", -5),
        ("+3", 3),
        ("0", 0),
        (".inf", float("inf")),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        # What YAML 1.1 would make 750, 8, 1000, False, a date:
        ("12:30", "12:30"),
        ("010", "010"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("no", "no"),
        ("off", "off"),
        ("2024-01-01", "2024-01-01"),
        ('"5"', "5"),
        ("'no'", "no"),
        ("!!str 5", "5"),
        ('!!int "5"', 5),
        ("|\n  5", "5"),
        ("5 K", "5 K"),
        ("! 5", "5"),
        # A minus as word processors write it:
        ("\u22125", -5),
        ("\u22121.5e\u22127", -1.5e-7),
        ("'\u22125'", "\u22125"),
    ],
)
def test_a_plain_word_is_what_it_looks_like(text, value):
    found = yamlfile.parse(f"a: {text}", "f.yml").data["a"]
    assert found == value and type(found) is type(value)


def test_every_key_is_a_text():
    data = yamlfile.parse("{5: a, on: b, 1.10: c, null: d, 2024-01-01: e, x: {6: f}}", "f.yml").data
    assert data == {"5": "a", "on": "b", "1.10": "c", "null": "d", "2024-01-01": "e", "x": {"6": "f"}}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("site",), 1),
        (("instruments", 0), 3),
        (("instruments", 0, "channels", "5"), 5),
        (("instruments", 0, "channels", "5", "label"), 5),
        (("instruments", 1, "name"), 6),
        (("instruments", 1, "tags", "on"), 8),
        ((), 1),
        (("instruments", 1, "interval"), 6),
        (("instruments", 9), 2),
        (("nowhere", "at", "all"), 1),
    ],
)
def test_the_line_of_a_value_or_of_what_is_nearest(path, line):
    assert yamlfile.parse(LAB, "f.yml").line(path) == line


def test_an_error_gets_its_file_and_line_once():
    document = yamlfile.parse(LAB, "f.yml")
    error = document.located(BadInput("is no name", ("instruments", 1, "name")))
    assert str(error) == "f.yml:6: instruments[1].name: is no name"
    assert str(yamlfile.parse("x: 1", "other.yml").located(error)) == str(error)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "f.yml:4: b.c: 'c' stands twice (first on line 3); keep one"),
        ("{5: 1, '5': 2}", "f.yml:1: 5: '5' stands twice (first on line 1); keep one"),
        (
            "a: [1,\n",
            "f.yml:1: is not YAML: while parsing a flow node did not find expected node content; "
            "this bracket is not closed, or a comma is missing before line 2",
        ),
        (
            "a: 1\nb: {x: 1, y: 2\nc: 3\n",
            "f.yml:2: is not YAML: while parsing a flow mapping did not find expected ',' or '}'; "
            "this bracket is not closed, or a comma is missing before line 3",
        ),
        (
            "a: {b: 1 c: 2}",
            "f.yml:1: is not YAML: while parsing a flow mapping did not find expected ',' or '}'",
        ),
        (
            'a: 1\nb: "x\nc: 2\nd: 3\n',
            "f.yml:2: is not YAML: while scanning a quoted scalar found unexpected end of stream; these quotes are not closed",
        ),
        (
            'x:\n  - name: a\n    label: "Foo\n    driver: b\n  - name: "c"\n',
            "f.yml:3: is not YAML: while parsing a block mapping did not find expected key; "
            "the quotes opened here are closed on line 5 only",
        ),
        (
            "a:\n  - name: x\n    driver:julabo\n    connection: sim\n",
            "f.yml:3: is not YAML: while scanning a simple key could not find expected ':'; "
            "a key needs a colon and a space behind it",
        ),
        (
            "a:\n  x: 1\n  name\n  b: 3\n",
            "f.yml:3: is not YAML: while scanning a simple key could not find expected ':'; a key needs a colon and a space behind it",
        ),
        (
            "a:\n  interval:\u00a05s\n  b: 3\n",
            "f.yml:2: is not YAML: mapping values are not allowed in this context; "
            "column 12 is an invisible character (no-break space); type a space there",
        ),
        (
            "a: 1\nb:\u200b 2\nc: 1",
            "f.yml:2: is not YAML: while scanning a simple key could not find expected ':'; "
            "column 3 is an invisible character (zero width space); type a space there",
        ),
        (
            "a: 5\u00a0K\n b: c\n",
            "f.yml:2: is not YAML: mapping values are not allowed in this context; this line's key begins in column 2, "
            "the one above in column 1: keys of one thing stand in one column, and an entry of a list begins with '- '",
        ),
        (
            "a:\n  b: 1\n c: 2\nd: 2",
            "f.yml:3: is not YAML: while parsing a block mapping did not find expected key; this line's key begins in column 2, "
            "the one above in column 3: keys of one thing stand in one column, and an entry of a list begins with '- '",
        ),
        (
            "a:\n\t- b\n",
            "f.yml:2: is not YAML: while scanning for the next token found character that cannot start any token; "
            "there is a tab in this line, and YAML wants spaces",
        ),
        (
            "a: b: c",
            "f.yml:1: is not YAML: mapping values are not allowed in this context; a text with a colon may need quotes",
        ),
        ("--- a\n--- b\n", "f.yml:2: is not YAML: expected a single document in the stream but found another document"),
        (
            "x: 1\na: {above: 25,5 °C, below: 3}",
            "f.yml:2: a.above: found '25,5 °C', expected '25.5 °C': decimals have a point, not a comma",
        ),
        ("{a: -1,5e-3}", "f.yml:1: a: found '-1,5e-3', expected '-1.5e-3': decimals have a point, not a comma"),
        ("? [a]\n: b\n", "f.yml:1: a key must be a plain word or number"),
        ("a: *b", "f.yml:1: is not YAML: found undefined alias; a text that begins with * needs quotes: '*b'"),
        ("a: &b [1, *b]", "f.yml:1: a[1]: holds itself, by an alias"),
        (
            "a: !!python/name:os.system x",
            "f.yml:1: a: found the tag '!!python/name:os.system', expected a value without a tag: tags mean nothing here",
        ),
        ("a: 1\nb: {c: !!int x}", "f.yml:2: b.c: found '!!int x', expected a whole number behind this tag, or no tag"),
        ("a: !!bool x", "f.yml:1: a: found '!!bool x', expected true or false behind this tag, or no tag"),
        ("a: !!null x", "f.yml:1: a: found '!!null x', expected nothing behind this tag, or no tag"),
        ("a: !!float 1_0", "f.yml:1: a: found '!!float 1_0', expected a number behind this tag, or no tag"),
        (
            "a: !!timestamp x",
            "f.yml:1: a: found the tag '!!timestamp', expected a value without a tag: tags mean nothing here",
        ),
        (
            "a: !secret x",
            "f.yml:1: a: found the tag '!secret', expected a value without a tag: tags mean nothing here; a text that "
            "begins with ! needs quotes, and a password is in a file that the stanza names",
        ),
        ("- !!set {a}", "f.yml:1: [0]: found the tag '!!set', expected a value without a tag: tags mean nothing here"),
        ("!!int 1: a", "f.yml:1: a key must be a plain word or number"),
        ("&a x: *a\n*a : 1", "f.yml:2: a key must be a plain word or number"),
        ("a: &x 1\nb: &x 2", "f.yml:2: is not YAML: the anchor &x stands twice; give each its own name"),
        ("a: &x {c: 1}\nb:\n  <<: *x\n  <<: *x", "f.yml:4: b.<<: '<<' stands twice; keep one"),
        (
            "a: &x [1]\nb: {<<: *x}",
            "f.yml:2: b: found '<<' before what has no keys; expected a mapping, or a list of some",
        ),
        ("[" * 60 + "]" * 60, "f.yml:1: is nested too deeply (more than 50 levels)"),
        ("a: 1\nb: \x07\n", "f.yml:2: is not YAML: control characters are not allowed"),
    ],
)
def test_what_is_no_good_yaml_is_told(text, message):
    with pytest.raises(BadInput) as caught:
        yamlfile.parse(text, "f.yml")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text", ["{5,6}", "{a: 1, 5}", "{a: 1,5: x}", "{a: '1',5}", "{a: x,5}", "{a: [1],5}", "{a: 1,5: ''}", "{a: 1,b}"]
)
def test_a_key_without_a_value_is_half_a_number_only_where_it_looks_so(text):
    assert len(yamlfile.parse(text, "f.yml").data) == text.count(",") + 1


BOMBS = {
    "brackets": "[" * 30_000,
    "braces": "{a: " * 30_000,
    "dashes": "- " * 30_000,
    "question marks": "? " * 30_000,
    "indentation": "\n".join(" " * n + "a:" for n in range(200)),
    "aliases in aliases": "l0: &l0 1\n"
    + "".join(f"l{n + 1}: &l{n + 1} [*l{n}, *l{n}]\n" for n in range(60)),  # 2⁶⁰ numbers, if it were written out
    "aliases below each other": "l0: &l0 1\n" + "".join(f"l{n + 1}: &l{n + 1} [*l{n}]\n" for n in range(200)),
    "merge keys": "l0: &l0 {"
    + ", ".join(f"k{n}: 1" for n in range(100))
    + "}\n"
    # Nine levels, each of ten of the one before.
    + "".join(f"l{n + 1}: &l{n + 1} {{<<: [{', '.join([f'*l{n}'] * 10)}], l{n}: *l{n}}}\n" for n in range(9)),
    "a long text": f"unit: {'m' * 70_000}",
    "a long key": f"{'m' * 70_000}: 1",
    "many values": "[" + "1," * 1_000_001 + "]",
}


@pytest.mark.parametrize("what", BOMBS)
def test_what_is_too_much_is_refused_before_it_is_made(what):
    with pytest.raises(BadInput, match=r"f.yml:\d+: .*(too deeply|too much|characters long|a key must be)"):
        yamlfile.parse(BOMBS[what], "f.yml")


def test_a_program_in_c_reads_no_deeper_either():
    """It ended by SIGSEGV."""
    code = "from telegraf_inputs import yamlfile; yamlfile.parse('[' * 1_000_000, 'f.yml')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 1 and "nested too deeply" in ended.stderr


def test_a_file_beyond_all_reason_is_not_read(tmp_path):
    (tmp_path / "lab.yml").write_bytes(b"#" * (yamlfile.LARGEST + 1))
    with pytest.raises(BadInput, match="is too large for what people write: more than 32 MB"):
        yamlfile.load(tmp_path / "lab.yml")


def test_an_alias_is_the_same_thing_again():
    text = "x: &x {a: 1, b: 5}\ny: *x\nz: {<<: *x, b: 2}\nw: &w\n  <<: [{a: 3}, *x]\n  c: *x\nv: {'<<': 1}"
    document = yamlfile.parse(text, "f.yml")
    data = document.data
    assert data["y"] == {"a": 1, "b": 5} and data["z"] == {"a": 1, "b": 2} and data["v"] == {"<<": 1}
    assert data["w"] == {"a": 3, "b": 5, "c": {"a": 1, "b": 5}}
    assert [document.line(path) for path in (("z", "a"), ("z", "b"), ("w", "b"), ("w", "c"), ("w", "c", "a"))] == [
        *(1, 3, 1, 6, 1)
    ]


def test_a_file_that_can_not_be_read_is_told(tmp_path):
    for content, message in (
        (b"b: 1\na: \xff", "2: is not UTF-8 text (invalid start byte)"),
        (None, "No such file or directory"),
    ):
        file = tmp_path / "lab.yml"
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(BadInput) as caught:
            yamlfile.load(file)
        assert str(caught.value).startswith(str(file)) and message in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    (tmp_path / "lab.yml").write_bytes(b"\xef\xbb\xbfsite: x\n")
    assert yamlfile.load(tmp_path / "lab.yml").data == {"site": "x"}


def test_an_empty_file_is_nothing():
    document = yamlfile.parse("", "f.yml")
    assert document.data is None and document.line(("a",)) == 1
