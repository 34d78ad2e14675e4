"""A part of a value stays: enough to work with, too little to name somebody."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

HIDDEN = "*"


def _last(count: int) -> Callable[[str], str | None]:
    """All letters and digits but the last `count` are hidden; None where there are less than three times as many."""

    def rule(value: str) -> str | None:
        signs = sum(map(str.isalnum, value))
        if sum(map(str.isdigit, value)) < 3 * count:
            return None
        seen, written = 0, []
        for sign in value:
            seen += sign.isalnum()
            written.append(HIDDEN if sign.isalnum() and seen <= signs - count else sign)
        return "".join(written)

    return rule


def _first(count: int) -> Callable[[str], str | None]:
    """The first `count` letters and digits stay."""

    def rule(value: str) -> str | None:
        signs = sum(map(str.isalnum, value))
        if signs <= count:
            return None
        seen, written = 0, []
        for sign in value:
            seen += sign.isalnum()
            written.append(HIDDEN if sign.isalnum() and seen > count else sign)
        return "".join(written)

    return rule


def _email(value: str) -> str | None:
    local, at, domain = value.rpartition("@")
    return f"{HIDDEN * 3}@{domain}" if at and local else None


def _initials(value: str) -> str | None:
    words = re.findall(r"[^\W\d_]+", value)
    return " ".join(f"{word[0].upper()}." for word in words) or None


def _iban(value: str) -> str | None:
    hidden = _last(4)(value)  # every country's has more than twelve digits
    return value[:2] + hidden[2:] if hidden else None


def _ip(value: str) -> str | None:
    mark = ":" if ":" in value else "."
    parts = value.split(mark)
    return mark.join([*parts[:2], *[HIDDEN] * (len(parts) - 2)]) if len(parts) > 2 else None


def _year(value: str) -> str | None:
    years = re.findall(r"\b(?:19|20)\d\d\b", value)
    return str(years[0]) if len(years) == 1 and years[0] != value else None


def _host(value: str) -> str | None:
    found = re.match(r"(?:[a-z]+://)?[^/?#]+", value, re.IGNORECASE)
    return f"{found.group()}/{HIDDEN * 3}" if found and found.end() < len(value.rstrip("/")) else None


# Types without a rule get the typed placeholder, and so does a value too short for its rule.
RULES: Mapping[str, Callable[[str], str | None]] = {
    "EMAIL_ADDRESS": _email,  # the domain
    "CREDIT_CARD": _last(4),
    "PHONE_NUMBER": _last(2),
    "US_SSN": _last(2),
    "US_BANK_NUMBER": _last(2),
    "IBAN_CODE": _iban,  # the country and the last four
    "IP_ADDRESS": _ip,  # the first two parts
    "MAC_ADDRESS": _first(6),  # the maker
    "ZIP_CODE": _first(3),
    "PERSON": _initials,
    "DATE_TIME": _year,
    "DATE_OF_BIRTH": _year,
    "URL": _host,
}


def partial(entity: str, value: str) -> str | None:
    """The value with a part hidden; None where too much of it would stay."""
    rule = RULES.get(entity)
    return rule(value) if rule else None
