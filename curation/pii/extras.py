"""What Presidio has no recogniser for and a simple pattern finds precisely.

Stock recall is 0 for spelled-out e-mail addresses and street addresses and .2 for API keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from curation.pii.finding import Finding

_STREET_KINDS = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Court|Ct|Way|Place|Pl|Square|Sq|Terrace|Ter"
    "|Parkway|Pkwy|Highway|Hwy|Crescent|Close"
)
_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR"
    "|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR"
)
_UNIT = r"(?:,?\s+(?:Apt|Apartment|Suite|Unit|Ste|Flat)\.?\s*#?\d+[A-Za-z]?\b)?"
_CITY_STATE_ZIP = rf"(?:,\s*[A-Z][A-Za-z.' -]{{1,30}},?\s+(?:{_STATES})\b(?:\s+\d{{5}}(?:-\d{{4}})?\b)?)?"
_TLD = "com|org|net|edu|gov|info|biz|co|io|uk|de|fr|ca|au"  # not in, me, us: "at the dot in the middle"
_AT = r"(?:\s+at\s+|\s*[(\[{]\s*at\s*[)\]}]\s*)"
_DOT = r"(?:\s+dot\s+|\s*[(\[{]\s*dot\s*[)\]}]\s*)"


def _mixed(text: str) -> bool:
    """Letters and digits both: a key, not `YOUR_API_KEY` and not a word."""
    return any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def _luhn(text: str) -> bool:
    """The check digit of card numbers: every second digit from the right doubled, the digit sum divisible by 10."""
    digits = [int(c) for c in reversed(text) if c.isdigit()]
    total = sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])
    return len(set(digits)) > 1 and total % 10 == 0


class Extra(NamedTuple):
    """One pattern; where it has a group named `it`, only that is found. `hint` must occur in the lower-case text."""

    type: str
    score: float
    hint: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None


EXTRAS = (
    Extra(
        "EMAIL_ADDRESS",
        0.6,
        "dot",
        re.compile(
            rf"\b[a-z0-9][\w+-]*(?:(?:{_DOT}|\.)[\w+-]+)*{_AT}[a-z0-9][\w-]*(?:{_DOT}[\w-]+)*{_DOT}(?:{_TLD})\b",
            re.I,
        ),
    ),
    # Presidio's card pattern ends at 16 digits and knows four first digits; other cards are believed beside a word.
    Extra(
        "CREDIT_CARD",
        1.0,
        "",
        re.compile(
            r"\b(?:cards?|cc|visa|maestro|mastercard|credit|debit)\b\D{0,25}"
            r"(?P<it>(?:1800|2131|[2-6]\d{3})(?:[ -]?\d){8,15})(?![\w-])",
            re.I,
        ),
        _luhn,
    ),
    # phonenumbers knows the forms that numbers have; beside a word that says so, other forms are believed too.
    Extra(
        "PHONE_NUMBER",
        0.6,
        "",
        re.compile(
            r"\b(?:(?:tele)?phone|tel|mobile|cell|fax|desk|(?:call|reach|text)\s+me\s+(?:at|on))\b(?:\s+(?:number|no))?"
            r"(?:\s+is)?[ .:#]{0,4}\s?(?P<it>\+?\(?\d(?:[ ().-]{0,2}\d){6,14})(?:\s?x\s?\d{1,6})?(?![\w-])",
            re.I,
        ),
    ),
    Extra(
        "SECRET",
        1.0,
        "private key",
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.{0,10000}?-----END [A-Z ]*PRIVATE KEY-----)?", re.S
        ),
    ),
    Extra("SECRET", 0.95, "a", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    Extra(
        "SECRET", 0.95, "gh", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{40,}\b")
    ),
    Extra("SECRET", 0.95, "xox", re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,}")),
    Extra("SECRET", 0.95, "aiza", re.compile(r"\bAIza[0-9A-Za-z_-]{35}(?![\w-])")),
    Extra("SECRET", 0.8, "sk", re.compile(r"\bsk[-_](?:live_|test_|proj-|ant-)?[A-Za-z0-9_-]{20,}"), _mixed),
    Extra("SECRET", 0.9, "eyj", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")),
    Extra(
        "SECRET",
        0.7,
        "",
        re.compile(
            r"(?:api[_-]?key|secret(?:[_-]?key)?|access[_-]?token|auth[_-]?token|passw(?:or)?d)[\"']?\s*[:=]\s*"
            r"[\"'](?P<it>[A-Za-z0-9+/_-]{16,}={0,2})[\"']",
            re.I,
        ),
        _mixed,
    ),
    Extra(
        "STREET_ADDRESS",
        0.6,
        "",
        re.compile(
            rf"\b\d{{1,5}}[A-Za-z]?\s+(?:[NSEW]\.?\s+)?(?:[A-Z][\w.'’-]*\s+|\d{{1,3}}(?:st|nd|rd|th)\s+){{1,4}}"
            rf"(?:{_STREET_KINDS})\b\.?{_UNIT}{_CITY_STATE_ZIP}"
        ),
    ),
    Extra("STREET_ADDRESS", 0.6, "box", re.compile(r"\b(?:P\.?\s?O\.?|PSC\s+\d+,)\s?Box\s+\d+\b", re.I)),
    Extra(
        "STREET_ADDRESS", 0.5, "", re.compile(rf"\b(?:{_STATES}|[AFD]PO\s+A[AEP])\s+\d{{5}}(?:-\d{{4}})?\b")
    ),
)
_DIGITAL = ("STREET_ADDRESS", "CREDIT_CARD", "PHONE_NUMBER")
_DIGIT = re.compile(r"\d")
_ASSIGNED = re.compile(r"key|secret|token|passw", re.I)


def find_extras(text: str, entities: frozenset[str], threshold: float) -> list[Finding]:
    """Findings of EXTRAS in `text`, of the given types, with a score of at least `threshold`."""
    low = text.lower()
    digits = _DIGIT.search(text) is not None
    assigned = _ASSIGNED.search(low) is not None
    found = []
    for extra in EXTRAS:
        if extra.type not in entities or extra.score < threshold or extra.hint not in low:
            continue
        if (extra.type in _DIGITAL and not digits) or (
            not extra.hint and extra.type == "SECRET" and not assigned
        ):
            continue
        for match in extra.pattern.finditer(text):
            name = "it" if "it" in extra.pattern.groupindex else 0
            if extra.check is None or extra.check(match.group(name)):
                found.append(Finding(extra.type, *match.span(name), extra.score))
    return found
