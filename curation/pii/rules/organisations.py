"""Companies that say what they are: a legal form behind the name, or names joined as a firm's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.pii.finding import Finding

_NAME = r"[A-Z][\w'&’.-]*"
_FORMS = (
    r"Inc|LLC|L\.L\.C|Ltd|Limited|PLC|plc|GmbH|AG|KG|S\.?A\.?|S\.?A\.?S|SARL|S\.?p\.?A|S\.?r\.?l|B\.?V|N\.?V|AB|A/S|Oy|Corp"
    r"|Corporation|Group|Company|Holdings?|Associates|Partners|and Sons|& Sons|& Co|Foundation|Institute|University"
)
_COMPANY = re.compile(rf"\b{_NAME}(?:\s(?:&\s|and\s|of\s)?{_NAME}){{0,3}},?\s(?:{_FORMS})\b\.?")
_FIRM = re.compile(
    r"\b[A-Z][\w'’-]+,\s[A-Z][\w'’-]+\s(?:and|&)\s[A-Z][\w'’-]+\b(?=\s(?:is|has|was|will|are|announced)\b)"
)


def find(text: str) -> Iterator[Finding]:
    """Company names."""
    for pattern in (_COMPANY, _FIRM):
        for match in pattern.finditer(text):
            yield Finding("ORGANIZATION", *match.span(), 0.6)
