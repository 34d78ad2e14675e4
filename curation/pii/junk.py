"""What looks like personal data and is none: figures as persons, file names as addresses, durations as dates.

Each filter answers for one type whether a stretch of text can be of it at all.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence

from curation.pii.finding import Finding
from curation.pii.rules.online import is_web_address
from curation.pii.wordlists import (
    TECHNICAL,
    family_names,
    given_names,
    ordinary_nouns,
    ordinary_words,
    stop_words,
)

SPACY_SCORE = 0.85  # Presidio's for every name that spaCy finds
_SIGNS_OF_CODE = re.compile(r"[(){}\[\]<>=;/\\_|$~+*^#@\"`]|::|->|\.\w{1,4}\b$|\w\.\w{2,}")
_CAMEL = re.compile(r"^[a-z]+[A-Z]\w*$|^[A-Z][a-z]+[A-Z][a-z]+[A-Z]\w*$")
_TIME = re.compile(
    r"\d{1,2}:\d{2}|\b(?:[ap]\.?m\.?|today|tomorrow|yesterday|tonight|morning|noon|evening|midnight)\b",
    re.IGNORECASE,
)
_CALENDAR = re.compile(
    r"\b(?:1[5-9]|20)\d\d\b|\d[/.-]\d{1,2}[/.-]\d|\d:\d\d|\d(?:st|nd|rd|th)\b|\b(?:january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul"
    r"|aug|sept?|oct|nov|dec|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"^(?:(?:about|over|nearly|almost|(?:more|less) than|at least|the (?:first|last|next|past)|every|each|another|only)"
    r"\s+)*"
    r"(?:[^\W\d][\w.]*[\s-]+|\d[\d.,]*\s*\+?[\s-]*)"
    r"(?:milliseconds?|seconds?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|quarters?|years?|yrs?|decades?"
    r"|centur(?:y|ies))(?:[\s-]old)?(?:\s+(?:ago|later|old|earlier))?$",
    re.IGNORECASE,
)
# Kept free for examples (RFC 2606), and one's own machine.
_NOBODYS_HOST = re.compile(
    r"['\"`(<]*(?:[a-z]+://)?(?:[\w.-]+\.)?(?:example\.(?:com|org|net|edu)|example|invalid|test|localhost|127\.0\.0\.1|0\.0\.0\.0)(?![\w.-])",
    re.IGNORECASE,
)
_EXCLAMATION = re.compile(
    r"(?:b?[aeh]*(?:h[aeo]){2,}h?|[hu]m+|[ao]h+|ugh|lol|omg|lmao|rt|wow|yay|yeah|yep|nope|thx|pls)[!.]*",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_OLD = re.compile(r"\b(?:years?|months?|yrs?)[\s-]*old\b", re.IGNORECASE)


def of_nobodys_host(address: str) -> bool:
    """Whether a web address or the name of a host is kept free for examples, or one's own machine."""
    return _NOBODYS_HOST.match(address) is not None


def is_private(address: str) -> bool:
    """Whether an IP address is of a home or company network, which thousands have, or kept free for examples."""
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False


def without_junk(text: str, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that can be what they are called."""
    return [
        f
        for f in findings
        if (f.type not in _FILTERS or _FILTERS[f.type](text, f.start, f.end)) and not _unsure(text, f)
    ]


def _unsure(text: str, finding: Finding) -> bool:
    """A name in lower case that spaCy alone gives, and no list knows: it reads capitals, and guesses without."""
    if finding.type != "PERSON" or finding.score != SPACY_SCORE:
        return False
    value = text[finding.start : finding.end]
    words = set(_WORD.findall(value))
    return value.islower() and words.isdisjoint(given_names()) and words.isdisjoint(family_names())


def _person(text: str, start: int, end: int) -> bool:
    value = text[start:end]
    letters = sum(map(str.isalpha, value))
    figures = sum(map(str.isdigit, value))
    return (
        letters >= 2
        and figures <= 1
        and not _SIGNS_OF_CODE.search(value)
        and not _CAMEL.match(value)
        and not _TIME.search(value)
        and text[end : end + 1] not in ("(", "_", "=", "[")
        and text[start - 1 : start] not in ("_", "$", "<", "\\", "/", "@", "#")
        and not (text[end : end + 1] == "." and text[end + 1 : end + 2].islower())
        and not (text[start - 1 : start] == "." and text[start - 2 : start - 1].isalnum())
        and not _is_of_words(value)
        and not _EXCLAMATION.fullmatch(value)
        and not (letters <= 2 and value.isupper() and value.lower() not in family_names())
    )


def _is_of_words(value: str) -> bool:
    """Names of languages and tools; or all in lower case, each word an English one and none a name: `helicopter`."""
    words = set(_WORD.findall(value))
    if TECHNICAL.issuperset(word.lower() for word in words):
        return True
    if not value.islower():
        return False
    if stop_words().issuperset(words):  # "else" is a first name in Denmark
        return True
    return (words - ordinary_words()).issubset(ordinary_nouns()) and words.isdisjoint(given_names())


def _name(text: str, start: int, end: int) -> bool:
    """Places, groups and organisations: a capital, and no sign of code."""
    value = text[start:end]
    return (
        any(map(str.isupper, value))
        and value.lower() not in TECHNICAL
        and not re.search(r"[{}<>=_\\()\[\];|]", value)
        and not _CAMEL.match(value)
        and text[end : end + 1] not in ("(", "_", "=", "[")
        and text[start - 1 : start] not in ("_", "$", "\\", "#", "<")
    )


def _group(text: str, start: int, end: int) -> bool:
    """What people are called by country may be in lower case."""
    return not _SIGNS_OF_CODE.search(text[start:end])


def _date(text: str, start: int, end: int) -> bool:
    value = text[start:end]
    return bool(
        _CALENDAR.search(value)
        and not _DURATION.match(value)
        and not _OLD.search(value)
        and not re.fullmatch(
            r"\d{1,3}|\d{5,}|\d+\.\d+|(?:the\s+)?(?:early\s+|mid-?\s?|late\s+)?(?:\d\d)?\d0s", value
        )
    )


def _url(text: str, start: int, end: int) -> bool:
    if text[end : end + 1].isalnum() or _NOBODYS_HOST.match(text, start, end):
        return False
    return is_web_address(text[start:end], text[max(0, start - 2) : start], text[end : end + 1])


def _address(text: str, start: int, end: int) -> bool:
    """Not the addresses that stand for no computer or for any."""
    try:
        address = ipaddress.ip_address(text[start:end])
    except ValueError:
        return True
    return not (address.is_unspecified or address.is_loopback)


def _number(text: str, start: int, end: int) -> bool:
    """Personal numbers and telephone numbers of a model: some digits, and no part of a longer word or number."""
    value = text[start:end]
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    return (
        sum(map(str.isdigit, value)) >= 4
        and not (before.isalnum() or after.isalnum() or before in ("_", ".", "$"))
        and not re.search(r"[=(){}<>;_\[\]]{2}|[={}<>;_]", value)
        and not re.fullmatch(r"\d*\.\d+|(?:19|20)\d\d", value)
    )


def _postal_code(text: str, start: int, end: int) -> bool:
    """A round number is a sum or a limit."""
    return not re.fullmatch(r"\d+000", text[start:end])


def _telephone(text: str, start: int, end: int) -> bool:
    value = text[start:end]
    return not any(map(str.isdigit, value)) or (
        sum(map(str.isdigit, value)) >= 5
        and not re.search(r"[={}<>;_*\[\]]", value)
        and not re.fullmatch(r"\d*\.\d+", value)
    )


_FILTERS: dict[str, Callable[[str, int, int], bool]] = {
    "PERSON": _person,
    "LOCATION": _name,
    "ORGANIZATION": _name,
    "NRP": _group,
    "DATE_TIME": _date,
    "URL": _url,
    "IP_ADDRESS": _address,
    "NATIONAL_ID": _number,
    "ZIP_CODE": _postal_code,
    "US_PASSPORT": _number,
    "US_DRIVER_LICENSE": _number,
    "US_BANK_NUMBER": _number,
    "PHONE_NUMBER": _telephone,
}
