"""Names of columns as an error may show them: the first line of a file without a header holds values, not names."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST_NAME = 40
# An address, a number, a person's name, a sentence.
_VALUE = re.compile(r"@|\d{3}|^[\d\W]+$|^[A-Z]\S+[,\s]+[A-Z]\S*|(?:\S+\s+){5}")


def listed(names: Iterable[str]) -> str:
    """The names in order, or how many there are where one of them looks like a value."""
    given = list(names)
    known = shown(given)
    if known or not given:
        return ", ".join(known) or "none"
    return f"{len(given)} that look like the values of a row, not like names"


def shown(names: Iterable[str]) -> list[str]:
    """The names, sorted; none of them where one looks like a value."""
    ordered = sorted(map(str, names))
    return [] if any(len(name) > LONGEST_NAME or _VALUE.search(name) for name in ordered) else ordered
