"""PII-002 and PII-010: a second look by other means than the scrubbing's: checksums, number plans, forms of secrets.

Nothing here is shared with the detectors of curation, and no model of names: what both miss is not seen by either, but
what one of them has no eye for, the other may have.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from audit.context import Context
from audit.leaks import leak_facts
from data.errors import MissingPackage
from data.facts import Fact
from data.records import drawn

WHAT = "e-mail addresses, card numbers, IBANs, telephone and national numbers with valid checksums"
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}(?![\w-])")
# Digits with single blanks or dashes between them, as long as a card number, by themselves.
CARD = re.compile(r"(?<![\w-])(?:\d[ -]?){12,18}\d(?![\w-])")
IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}(?!\w)")
SSN = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")
LETTERED = re.compile(r"(?<!\w)(?=[A-Z0-9]*\d)(?=[A-Z0-9]*[A-Z])[A-Z0-9]{9,16}(?!\w)")
# As people write them: with a + or something between the digits. A bare run of digits is as often an order's number.
PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d[\d\s().-]{6,18}\d|\(?\d{2,5}\)?[\s.-]\(?\d[\d\s().-]{3,14}\d)(?![\w-])"
)
DATE = re.compile(r"(?:\d{4}[.-]\d{1,2}[.-]\d{1,2}|\d{1,2}[.-]\d{1,2}[.-]\d{2,4})(?:\s+\d{1,2})?")
# The number plans asked, besides numbers that begin with +.
REGIONS = ("US", "GB", "DE", "FR", "IN")


def independent_rescan(context: Context) -> list[Fact]:
    """PII-002: the share of rows in which python-stdnum, phonenumbers or the form of an address find something."""
    found = [_findings(texts, spans) for texts, spans in _rows(context)]
    return leak_facts(
        context,
        "PII-002",
        found,
        what=WHAT,
        signature="python-stdnum,phonenumbers|regions:" + ",".join(REGIONS),
    )


def secrets_left(context: Context) -> list[Fact]:
    """PII-010: the share of rows with a key or token, by the forms that detect-secrets knows (no entropy, no words)."""
    plugins = _secret_forms()
    found = [
        Counter(
            kind
            for text, own in zip(texts, spans, strict=True)
            for kind, matches in plugins
            for place in matches(text)
            if not _inside(place, own)
        )
        for texts, spans in _rows(context)
    ]
    return leak_facts(
        context,
        "PII-010",
        found,
        what="keys, tokens and passwords in the forms of known services",
        signature=f"detect-secrets|forms:{len(plugins)}",
    )


Spans = list[tuple[int, int]]


def _rows(context: Context) -> Iterator[tuple[list[str], list[Spans]]]:
    """Of each row drawn the contents, and where scrubbing put made-up values (they are nobody's)."""
    frame = context.frame("record_id", "messages", "replaced")
    for messages, replaced in (
        drawn(frame, context.policy.pii_rows, context.config.seed).select("messages", "replaced").iter_rows()
    ):
        spans: list[Spans] = [[] for _ in messages]
        for message, start, end, _ in json.loads(replaced or "[]"):
            spans[message].append((start, end))
        yield [message["content"] for message in messages], spans


def _inside(place: tuple[int, int], spans: Spans) -> bool:
    return any(start < place[1] and place[0] < end for start, end in spans)


def _findings(texts: list[str], spans: list[Spans]) -> Counter[str]:
    return Counter(
        kind
        for text, own in zip(texts, spans, strict=True)
        for kind, start, end in found_in(text)
        if not _inside((start, end), own)
    )


def found_in(text: str) -> Iterator[tuple[str, int, int]]:
    """(type, start, end) of what this family finds in a text."""
    stdnum = _stdnum()
    taken: Spans = []
    for kind, pattern, valid in (
        ("EMAIL_ADDRESS", EMAIL, lambda value: True),
        ("CREDIT_CARD", CARD, stdnum["card"]),
        ("IBAN_CODE", IBAN, stdnum["iban"]),
        ("US_SSN", SSN, stdnum["ssn"]),
        ("NATIONAL_ID", LETTERED, stdnum["lettered"]),
    ):
        for match in pattern.finditer(text):
            if valid(match.group()):
                taken.append(match.span())
                yield kind, *match.span()
    for start, end in _phones(text):
        if not _inside((start, end), taken):
            yield "PHONE_NUMBER", start, end


@cache
def _stdnum() -> dict[str, Callable[[str], bool]]:
    try:
        from stdnum import iban, luhn
        from stdnum.es import dni, nie
        from stdnum.in_ import pan
        from stdnum.it import codicefiscale
        from stdnum.us import ssn
    except ImportError:
        raise MissingPackage(
            "python-stdnum is not installed", "install it: pip install -c constraints.txt -e '.[curation]'"
        ) from None
    lettered = (dni, nie, pan, codicefiscale)

    def card(value: str) -> bool:
        digits = re.sub(r"\D", "", value)
        # Major industry 3 to 6 (ISO/IEC 7812): travel, banking, merchandising; not one digit over and over.
        return digits[0] in "3456" and len(set(digits)) > 1 and bool(luhn.is_valid(digits))

    return {
        "card": card,
        "iban": lambda value: bool(iban.is_valid(value)),
        "ssn": lambda value: bool(ssn.is_valid(value)),
        "lettered": lambda value: any(module.is_valid(value) for module in lettered),
    }


def _phones(text: str) -> Spans:
    """Where valid telephone numbers stand, of the regions' plans and of any country with its +."""
    candidates = [match for match in PHONE.finditer(text) if not DATE.fullmatch(match.group())]
    if not candidates:
        return []
    try:
        import phonenumbers
    except ImportError:
        raise MissingPackage(
            "phonenumbers is not installed", "install it: pip install -c constraints.txt -e '.[curation]'"
        ) from None

    def valid(value: str) -> bool:
        for region in (None,) if value.startswith("+") else REGIONS:
            try:
                if phonenumbers.is_valid_number(phonenumbers.parse(value, region)):
                    return True
            except phonenumbers.NumberParseException:
                pass
        return False

    return [match.span() for match in candidates if valid(match.group())]


@cache
def _secret_forms() -> tuple[tuple[str, Callable[[str], list[tuple[int, int]]]], ...]:
    """(type, where it is in a text) of detect-secrets' plugins that know a form."""
    try:
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
        from detect_secrets.plugins.base import RegexBasedDetector
    except ImportError:
        raise MissingPackage(
            "detect-secrets is not installed", "install it: pip install -c constraints.txt -e '.[curation]'"
        ) from None
    known: dict[str, Any] = dict(get_mapping_from_secret_type_to_class())
    return tuple(
        (kind, _places(plugin().denylist))
        for kind, plugin in sorted(known.items())
        if issubclass(plugin, RegexBasedDetector) and "Public" not in kind
    )


def _places(patterns: Any) -> Callable[[str], list[tuple[int, int]]]:
    compiled = list(patterns)
    return lambda text: [match.span() for pattern in compiled for match in pattern.finditer(text)]
