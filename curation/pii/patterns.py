"""A second family of detectors that shares no code and no pattern with Presidio or with `extras`.

Structure and checksums only: python-stdnum for numbers with check digits, phonenumbers for international numbers,
regexes for the rest. No model, no names. The audit uses it as a second opinion on what the first family left.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from curation.pii.finding import Finding


class Rule(NamedTuple):
    """Candidates by `pattern` (the group `it`, or all of it), which `valid` then decides on."""

    type: str
    score: float
    pattern: re.Pattern[str]
    valid: Callable[[str], bool]


def _ip(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    # 0.0.0.0, ::1 and 127.0.0.1 point at nobody; neither does a version number such as 1.2.0.0 below.
    return not (address.is_unspecified or address.is_loopback)


def _card(text: str) -> bool:
    from stdnum import luhn

    digits = re.sub(r"\D", "", text)
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and bool(luhn.is_valid(digits))


def _ssn(text: str) -> bool:
    from stdnum.us import ssn

    return bool(ssn.is_valid(text))


def _itin(text: str) -> bool:
    from stdnum.us import itin

    return bool(itin.is_valid(text))


def _iban(text: str) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(text))


def _bitcoin(text: str) -> bool:
    from stdnum import bitcoin

    return bool(bitcoin.is_valid(text))


def _nhs(text: str) -> bool:
    from stdnum.gb import nhs

    return bool(nhs.is_valid(text))


def _mailbox(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    return 0 < len(local) <= 64 and ".." not in text and not domain.endswith((".png", ".jpg", ".gif", ".svg"))


def _always(text: str) -> bool:
    return bool(text)


RULES = (
    Rule(
        "EMAIL_ADDRESS",
        1.0,
        re.compile(
            r"(?<![\w.+%-])[^\W_][\w.+%'-]{0,63}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}(?![\w-])"
        ),
        _mailbox,
    ),
    Rule(
        "CREDIT_CARD",
        1.0,
        re.compile(r"(?<![\w.-])(?<![A-Z]{2}\d\d )(?:1800|2131|[2-6]\d{3})(?:[ -]?\d{2,6}){2,4}(?![\w-])"),
        _card,
    ),
    Rule(
        "IBAN_CODE",
        1.0,
        re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"),
        _iban,
    ),
    Rule(
        "IBAN_CODE",
        1.0,
        re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}[A-Za-z0-9]{11,30}(?![A-Za-z0-9])"),
        _iban,
    ),
    Rule("US_SSN", 0.9, re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), _ssn),
    Rule("US_ITIN", 0.9, re.compile(r"(?<![\d-])9\d{2}-\d{2}-\d{4}(?![\d-])"), _itin),
    Rule(
        "UK_NHS", 0.8, re.compile(r"(?i:\bNHS\b[^\d\n]{0,30})(?P<it>\d{3}[ -]?\d{3}[ -]?\d{4})(?!\d)"), _nhs
    ),
    Rule("IP_ADDRESS", 0.9, re.compile(r"(?<![\d.A-Za-z])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)"), _ip),
    Rule(
        "IP_ADDRESS",
        0.9,
        re.compile(
            r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::|[0-9A-Fa-f]{1,4})(?::?[0-9A-Fa-f]{1,4}){0,6}(?![\w:])"
        ),
        _ip,
    ),
    Rule(
        "CRYPTO",
        1.0,
        re.compile(r"(?<![A-Za-z0-9])(?:[13][A-HJ-NP-Za-km-z1-9]{25,34}|bc1[a-z0-9]{11,71})(?![A-Za-z0-9])"),
        _bitcoin,
    ),
    Rule("SECRET", 1.0, re.compile(r"-{5}BEGIN(?: [A-Z]+)* PRIVATE KEY-{5}"), _always),
    Rule(
        "SECRET",
        0.9,
        re.compile(
            r"(?<![A-Za-z0-9])(?:A[KS]IA[A-Z2-7]{16}|gh[a-z]_[0-9A-Za-z]{36}|xox[a-z]-\d[\w-]{10,})(?![A-Za-z0-9])"
        ),
        _always,
    ),
    Rule(
        "MAC_ADDRESS",
        0.8,
        re.compile(
            r"(?<![\w:-])[0-9A-Fa-f]{2}(?P<sep>[:-])(?:[0-9A-Fa-f]{2}(?P=sep)){4}[0-9A-Fa-f]{2}(?![\w:-])"
        ),
        _always,
    ),
)
# Written as people write telephone numbers of North America; a bare run of ten digits is more often an id.
_NORTH_AMERICAN = re.compile(
    r"(?<![\d./-])(?:(?:\+|00)?1[ .-]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?:x\d{1,6})?(?![\d-])"
)
_INTERNATIONAL = re.compile(r"(?<![\w+])\+[1-9](?:[ ().-]{0,2}\d){6,14}(?!\d)")
# Beside a word that says so, seven digits are enough.
_NAMED = re.compile(
    r"\b(?:(?:tele)?phone|tel|mobile|cell|fax|call(?:\s+(?:me|us))?(?:\s+(?:at|on))?)\b"
    r"(?:\s+(?:number|no))?(?:\s+is)?[\s.:#]{0,4}(?P<it>[+(]{0,2}\d[\d ().-]{5,16}\d)(?![\d-])",
    re.IGNORECASE,
)
_TELEPHONES = ((_INTERNATIONAL, None, 1.0), (_NORTH_AMERICAN, "US", 0.8), (_NAMED, "US", 0.6))
_DIGIT_OR_AT = re.compile(r"[\d@]|PRIVATE KEY|xox|::")


def scan_patterns(texts: Sequence[str]) -> list[list[Finding]]:
    """Findings for each text, by position; no two of one type overlap."""
    return [_scan(text) for text in texts]


def _scan(text: str) -> list[Finding]:
    if not _DIGIT_OR_AT.search(text):
        return []
    found: list[Finding] = []
    for rule in RULES:
        group = "it" if "it" in rule.pattern.groupindex else 0
        for match in rule.pattern.finditer(text):
            if rule.valid(match.group(group)):
                found.append(Finding(rule.type, *match.span(group), rule.score))
    taken = [(f.start, f.end) for f in found]
    found += [p for p in _phones(text) if not any(a < p.end and p.start < b for a, b in taken)]
    return sorted(set(found), key=lambda f: (f.start, f.end, f.type))


def _phones(text: str) -> list[Finding]:
    import phonenumbers

    found: list[Finding] = []
    for pattern, region, score in _TELEPHONES:
        name = "it" if "it" in pattern.groupindex else 0
        for match in pattern.finditer(text):
            number: Any
            try:
                number = phonenumbers.parse(match.group(name), region)
            except phonenumbers.NumberParseException:
                continue
            start, end = match.span(name)
            valid = phonenumbers.is_valid_number(number) if pattern is not _NAMED else end - start >= 7
            if valid and not any(f.start < end and start < f.end for f in found):
                found.append(Finding("PHONE_NUMBER", start, end, score))
    return found
