"""What the Phidget22 library hands over, by the letters of its types: C's values, unknown ones among them, as plain data.

Source: phidget22.h (PUNK_DBL and the like).
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

TYPES: Mapping[str, Any] = {
    "d": ctypes.c_double,
    "D": ctypes.POINTER(ctypes.c_double),
    "i": ctypes.c_int,
    "b": ctypes.c_int,
    "u": ctypes.c_uint32,
    "q": ctypes.c_int64,
    "Q": ctypes.c_uint64,
    "s": ctypes.c_char_p,
    "O": ctypes.POINTER(ctypes.c_double),
    "*": ctypes.c_void_p,
}
ARRAYS = {"D": 3, "O": 10}
LARGEST = 1e300  # what the library says for a number that it does not know, and so on for the other types
UNKNOWN = {"b": 2, "u": 0xFFFFFFFF, "i": 0x7FFFFFFF, "q": 0x7FFFFFFFFFFFFFFF, "Q": 0xFFFFFFFFFFFFFFFF}
LONGEST_TEXT = 256  # bytes; no tag is longer


def known(kind: str, value: Any) -> Any:
    """Give a number, or None for what the library says where it knows none."""
    if kind == "d":
        return value if -LARGEST < value < LARGEST else None  # false for NaN, too
    if kind == "b":
        return bool(value) if value in (0, 1) else None
    return None if value == UNKNOWN.get(kind) else value


def plain(types: str, arguments: tuple[Any, ...]) -> list[Any]:
    """Give the arguments of an event as plain data: lists for arrays, texts."""
    result: list[Any] = []
    for kind, argument in zip(types, arguments, strict=True):
        if kind in ARRAYS:
            result.append(list(argument[: ARRAYS[kind]]))
        elif kind == "s":
            result.append((argument or b"").decode("utf-8", "replace"))
        elif kind != "*":
            result.append(argument)
    return result


def flat(types: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Unfold the arguments of an event: arrays in place, unknown values as None."""
    result: list[Any] = []
    for kind, argument in zip(types, arguments, strict=True):
        if kind in ARRAYS:
            result += [known("d", number) for number in argument[: ARRAYS[kind]]]
        elif kind == "s":
            result.append((argument or b"").decode("utf-8", "replace"))
        elif kind != "*":
            result.append(known(kind, argument))
    return tuple(result)
