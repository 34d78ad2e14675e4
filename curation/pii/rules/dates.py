"""Dates written in figures or with a month, and which of them are dates of birth."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.pii.finding import Finding

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\b"
)
_DAY, _YEAR4 = r"(?:[12]\d|3[01]|0?[1-9])", r"(?:1[89]|20)\d\d"
_TIME = r"(?:[ T,]\s?\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?m\b\.?)?Z?)?"
DATES = (
    re.compile(rf"(?<![\d./-])(?:1[89]|20)\d\d-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01]){_TIME}(?![\d-])"),
    re.compile(rf"(?<![\d./-]){_DAY}([/.-]){_DAY}\1(?:{_YEAR4}|\d\d){_TIME}(?![\d/-])"),
    re.compile(rf"\b{_MONTH}\.?\s+{_DAY}(?:st|nd|rd|th)?\b(?:,?\s+{_YEAR4}\b)?", re.IGNORECASE),
    re.compile(rf"\b{_DAY}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\.?(?:,?\s+{_YEAR4}\b)?", re.IGNORECASE),
    re.compile(rf"\b{_MONTH}\.?,?\s+(?:of\s+)?{_YEAR4}\b", re.IGNORECASE),
)  # fmt: skip
_YEAR = re.compile(
    r"\b(?:in|since|until|till|from|by|during|before|after|circa|year|class\s+of|spring\s+of|summer\s+of|fall\s+of|winter\s+of|a|an"
    r"|the)\s+(?P<it>(?:1[89]|20)\d\d)(?![\w%-]|[.,:/]\d|\s*(?:people|dollars|euros|items|words|bytes|times|users|x)\b)"
)
_BIRTH = re.compile(
    r"\b(?:born(?:\s+on)?|birth\s?dates?|birthdays?|dates?\s+of\s+birth|d\.?o\.?b\.?)\b[\s:=,*]{0,4}(?:is|was|on|the|of)?\s*"
    r"(?:is\s+|on\s+|the\s+)?$",
    re.IGNORECASE,
)
_BIRTH_CHARS = 40


def find(text: str) -> Iterator[Finding]:
    """Dates; one that a word before it calls a day of birth is a DATE_OF_BIRTH besides."""
    if not any(map(str.isdigit, text)):
        return
    for match in _YEAR.finditer(text):
        yield Finding("DATE_TIME", *match.span("it"), 0.5)
    for pattern in DATES:
        for match in pattern.finditer(text):
            yield Finding("DATE_TIME", *match.span(), 0.7)
            if _BIRTH.search(text[max(0, match.start() - _BIRTH_CHARS) : match.start()]):
                yield Finding("DATE_OF_BIRTH", *match.span(), 0.9)
