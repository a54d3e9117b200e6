"""One form of what people write in several: signs that look alike, in units and numbers; and what can't be seen."""

from __future__ import annotations

import re
import unicodedata

LONGEST_UNIT = 40  # characters
MINUS = "\N{MINUS SIGN}"
# What keyboards, manuals and fonts have for one sign -> the sign that is meant.
ALIKE = str.maketrans(
    {
        "\N{OHM SIGN}": "\N{GREEK CAPITAL LETTER OMEGA}",
        "\N{KELVIN SIGN}": "K",
        "\N{ANGSTROM SIGN}": "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}",
        "\N{GREEK SMALL LETTER MU}": "\N{MICRO SIGN}",  # Grafana's ids have the other one
        "\N{DEGREE CELSIUS}": "°C",
        "\N{DEGREE FAHRENHEIT}": "°F",
        "\N{MASCULINE ORDINAL INDICATOR}": "°",
        "\N{RING ABOVE}": "°",
        **dict.fromkeys((MINUS, "\N{HYPHEN}", "\N{NON-BREAKING HYPHEN}", "\N{FIGURE DASH}", "\N{EN DASH}"), "-"),
        **dict.fromkeys(("\N{DOT OPERATOR}", "\N{BULLET OPERATOR}", "\N{BULLET}"), "·"),
        **dict.fromkeys(("\N{DIVISION SLASH}", "\N{FRACTION SLASH}"), "/"),
        "\N{ASTERISK OPERATOR}": "*",
        **dict.fromkeys(
            ("\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}", "\N{THIN SPACE}", "\N{HAIR SPACE}", "\N{FIGURE SPACE}"),
            " ",
        ),
    }
)
# ㎜, ㏀, ㎛ …, and letters of the width of Chinese ones: made for old tables of characters.
SQUARE = re.compile("[\u3300-\u33ff\uff00-\uffef]")


def normal(text: str) -> str:
    """Write a unit, or a number with one, in the one form of its signs: ``−5 ℃`` as ``-5 °C``, ``μA`` and ``Ω`` as one has them."""
    if text.isascii():
        return text
    text = SQUARE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return unicodedata.normalize("NFC", text).translate(ALIKE).replace("° C", "°C").replace("° F", "°F")


def visible(text: str, keep: str = "") -> str:
    """Write as escapes what is no printable character, but for those to ``keep``: a text of others may drive a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


THOUSANDS = re.compile(r"([+-]?[1-9]\d{0,2}),(\d{3})(?!\d)")


def comma(text: str) -> str:
    """Say what to write instead of a number with a comma; where it may be one between thousands, both."""
    if match := THOUSANDS.match(text):
        one, other = f"{match[1]}.{match[2]}", f"{match[1]}{match[2]}"
        return f"expected a number without a comma, which may be a decimal point or stand between thousands: {one} or {other}"
    return f"expected {text.replace(',', '.', 1)!r}: decimals have a point, not a comma"
