"""The values of a record as text: numbers, times, categories and words."""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_INTEGER = re.compile(r"-?[0-9]+\Z")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))\Z")

_SECONDS_BELOW = 1e11
_MAX_MILLIS = 253402300799999  # the end of the year 9999


class Number(str):
    """A number of a record: its literal, of which float() is the value."""

    __slots__ = ()


def trim(text: str) -> str:
    """Remove spaces and tabs around text."""
    return text.strip(" \t")


def parse_number(text: str) -> float | None:
    """Read text that is a decimal number and nothing else."""
    return float(text) if _NUMBER.match(text) else None


def is_integer(text: str) -> bool:
    """Whether text is digits with an optional minus sign."""
    return _INTEGER.match(text) is not None


def category(text: str, value: float) -> str:
    """Return the text that stands for a number used as a category.

    Digits alone stay as they are; any other number is written as ECMAScript does.
    """
    if value == 0:
        return "0"
    if is_integer(text):
        return text
    if 1e-6 <= abs(value) < 1e21:
        plain = format(Decimal(repr(value)), "f")
        return plain[:-2] if plain.endswith(".0") else plain
    return re.sub(r"e([+-])0", r"e\1", repr(value).replace(".0e", "e"))


def instant(value: object) -> int | None:
    """Return a time in milliseconds since 1970, from a number or RFC 3339 text."""
    if not isinstance(value, str):
        return None
    number = float(value) if isinstance(value, Number) else parse_number(trim(value))
    if number is not None:
        return _millis(number)
    return _parse_time(trim(value))


def _millis(v: float) -> int | None:
    if abs(v) < _SECONDS_BELOW:
        v *= 1000
    if not abs(v) <= _MAX_MILLIS:
        return None
    whole = math.floor(abs(v))
    if abs(v) - whole >= 0.5:
        whole += 1
    return -whole if v < 0 else whole


def _parse_time(text: str) -> int | None:
    """Read an RFC 3339 time; digits behind the millisecond are cut off, a leap second is the one after it."""
    m = _TIME.match(text)
    if not m:
        return None
    year, month, day, hour, minute, second = map(int, m.groups()[:6])
    if hour > 23 or minute > 59 or second > 60:
        return None
    days = _days(year, month, day)
    if days is None:
        return None
    offset = 0
    if m[8] is None:
        zone_hour, zone_minute = int(m[10]), int(m[11])
        if zone_hour > 23 or zone_minute > 59:
            return None
        offset = zone_hour * 60 + zone_minute
        if m[9] == "-":
            offset = -offset
    fraction = int((m[7] or "0").ljust(3, "0")[:3])
    return (((days * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000 + fraction


def _days(year: int, month: int, day: int) -> int | None:
    """Return the days since 1970-01-01, None for what is no date. The year 0 is that before 1."""
    shift = 0
    if year == 0:  # which datetime does not have; 400 years are 146,097 days
        year, shift = 400, 146097
    try:
        return datetime.date(year, month, day).toordinal() - 719163 - shift
    except ValueError:
        return None


def words(text: str) -> list[str]:
    """Return the longest runs of letters, marks and decimal digits, in simple lower case."""
    if text.isascii():
        return re.findall("[0-9a-z]+", text.lower())
    out, word = [], []
    for c in text:
        kind = unicodedata.category(c)
        if kind[0] in "LM" or kind == "Nd":
            # U+0130 alone has a lower case of two code points; its simple one is i.
            word.append("i" if c == "\u0130" else c.lower())
        elif word:
            out.append("".join(word))
            word = []
    if word:
        out.append("".join(word))
    return out
