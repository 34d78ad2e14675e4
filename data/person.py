"""How a person is asked for, and the pattern that finds a name, an address or a number however it is written.

    Jane Smith            jane  SMITH, Smith, Jane, jane.smith
    jane@example.com      JANE@Example.com, jane at example dot com
    +44 20 7946 0958      020 7946-0958, (020) 79460958, 0044 20 7946 0958

A pattern is RE2 (DuckDB, polars) or Python's; case does not matter; what is found stands for itself, not within a
longer word or number.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from data.errors import UserError

FEWEST_CHARS = 4
_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
_PHONE = re.compile(r"\+?[\d\s().\-/]{7,24}")
_RECORD = re.compile(r"[0-9a-f]{16}")
# Between the words of a name: "Smith, Jane", "jane.smith", a line break in a mail.
_GAP = r"[\s.,_\-]{1,8}"
_DIGIT_GAP = r"[\s().\-/]{0,3}"
_AT = r"(?:@|[\s(\[{]{1,3}at[\s)\]}]{1,3})"
_DOT = r"(?:\.|[\s(\[{]{1,3}dot[\s)\]}]{1,3})"
# The Turkish ı and İ are I and i in the other case: who writes a name in capitals leaves open which it was.
_I = "[iIıİ]\u0307?"
_QUOTES = "['’ʼ`´]"


def read_values(given: Sequence[str]) -> list[str]:
    """The values asked for; `-` reads them from standard input and `@FILE` from a file, one a line.

    Raises UserError for none, for one that is too short to mean a person, and for a file that is not there.
    """
    values: list[str] = []
    for word in given:
        if word == "-":
            values += sys.stdin.read().splitlines()
        elif word.startswith("@"):
            path = Path(word[1:]).expanduser()
            if not path.is_file():
                raise UserError(f"{word}: there is no file {path}", "a handle is asked for without its @")
            values += path.read_text(encoding="utf-8").splitlines()
        else:
            values.append(word)
    found = list(dict.fromkeys(" ".join(value.split()) for value in values if value.strip()))
    if not found:
        raise UserError("no value was given", 'e.g.: python -m data subject "Jane Smith" jane@example.com')
    for number, value in enumerate(found, 1):
        if len(re.sub(r"\W", "", value)) < FEWEST_CHARS:
            raise UserError(
                f"value {number} has fewer than {FEWEST_CHARS} letters or digits: it would find half of the data",
                "give a full name, an address, a number, or a record id of 16 hex digits",
            )
    return found


def record_ids(values: Sequence[str]) -> list[str]:
    """Those of the values that are written like record ids."""
    return [value for value in values if _RECORD.fullmatch(value)]


def pattern(values: Sequence[str], *, re2: bool) -> str:
    """One pattern for all values that are no record ids: group 1 before, group 2 after; "" where there are none."""
    parts = [_one(value) for value in values if not _RECORD.fullmatch(value)]
    if not parts:
        return ""
    word = r"[^\pL\pN_]" if re2 else r"\W"
    return rf"(?i)(^|{word})(?:{'|'.join(parts)})($|{word})"


def _one(value: str) -> str:
    value = unicodedata.normalize("NFC", value).replace("i\u0307", "i")
    if _EMAIL.fullmatch(value):
        return _email(value)
    digits = re.sub(r"\D", "", value)
    if _PHONE.fullmatch(value) and len(digits) >= 7:
        return _phone(value, digits)
    words = [word for word in re.split(r"[\s,]+", value) if word]
    spelt = [_spelt(word) for word in words]
    orders = [spelt] if len(spelt) == 1 else [spelt, [spelt[-1], *spelt[:-1]]]
    return "|".join(_GAP.join(order) for order in orders)


def _spelt(word: str) -> str:
    """A word with its apostrophes and accents as they may be written."""
    letters = []
    for letter in word:
        apart = unicodedata.normalize("NFD", letter)
        if letter in "'’ʼ`´":
            letters.append(_QUOTES)
        elif letter in "iIıİ":
            letters.append(_I)
        elif apart != letter:
            letters.append(f"(?:{re.escape(letter)}|{re.escape(apart)})")
        else:
            letters.append(re.escape(letter))
    return "".join(letters)


def _email(value: str) -> str:
    local, _, domain = value.partition("@")
    dotted = [_DOT.join(_spelt(part) for part in side.split(".")) for side in (local, domain)]
    return _AT.join(dotted)


def _phone(value: str, digits: str) -> str:
    """The digits with what is written between them; the country's prefix and a leading zero may be there or not."""
    national = digits
    if value.startswith("+") or digits.startswith("00"):
        national = (
            _national("+" + digits.removeprefix("00") if not value.startswith("+") else value) or digits[-9:]
        )
    own = _DIGIT_GAP.join(national.lstrip("0"))
    return rf"(?:(?:\+|00)?\d{{1,3}}{_DIGIT_GAP})?(?:\(?0\)?{_DIGIT_GAP})?\(?{own}"


def _national(value: str) -> str:
    """The number without its country's prefix, where the package phonenumbers is there and knows it."""
    try:
        import phonenumbers
    except ImportError:
        return ""
    try:
        return str(phonenumbers.parse(value).national_number)
    except phonenumbers.NumberParseException:
        return ""
