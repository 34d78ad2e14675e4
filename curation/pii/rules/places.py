"""Places by GeoNames, a postal code beside a city, and what people are called by country."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.pii.finding import Finding
from curation.pii.wordlists import all_cities, demonyms, places

MOST_WORDS = 4
_WORD = re.compile(r"(?<![\w@./-])[^\W\d_][\w.'’-]*")
_CITY = r"(?P<city>[^\W\d_]{3,}(?:[ -][^\W\d_]+){0,3})"
_BESIDE = (
    re.compile(
        r"(?<![\w./-])(?:[A-Z]{1,2}-)?(?P<code>\d{4,6}|\d{3} \d{2}|\d{2}-\d{3}|\d{5}-\d{3})"
        rf"[ ,\n]{{1,2}}{_CITY}"
    ),
    re.compile(rf"(?<!\w){_CITY},? (?P<code>\d{{5}}(?:-\d{{3,4}})?|\d{{6}}|\d{{3}} \d{{2}})(?![\w-])"),
)


def find(text: str) -> Iterator[Finding]:
    """Places, postal codes beside cities, and demonyms."""
    words = [(m.start(), m.end()) for m in _WORD.finditer(text)]
    known, people = places(), demonyms()
    until = 0
    for at, (start, end) in enumerate(words):
        word = text[start:end].strip(".'’-")
        if word.lower() in people:
            yield Finding("NRP", start, start + len(word), 0.6)
        if start < until or not word[:1].isupper():
            continue
        for last in range(min(at + MOST_WORDS, len(words)) - 1, at - 1, -1):
            name = text[start : words[last][1]].rstrip("'’-")
            name = name if name in known else name.rstrip(".")
            if name in known:
                until = start + len(name)
                yield Finding("LOCATION", start, until, 0.6)
                break
    if any(map(str.isdigit, text)):
        yield from _codes(text)


def _codes(text: str) -> Iterator[Finding]:
    cities = all_cities()
    for pattern in _BESIDE:
        for match in pattern.finditer(text):
            words = match.group("city").lower().split(" ")
            first = match.span("code")[0] < match.span("city")[0]
            ways = (
                (words[:n] for n in range(len(words), 0, -1))
                if first
                else (words[-n:] for n in range(len(words), 0, -1))
            )
            city = next((" ".join(way) for way in ways if " ".join(way) in cities), None)
            if city is None:
                continue
            start, end = match.span("city")
            start, end = (start, start + len(city)) if first else (end - len(city), end)
            if text[start].isupper() and text[end : end + 1] != ":":
                yield Finding("ZIP_CODE", *match.span("code"), 0.7)
                yield Finding("LOCATION", start, end, 0.7)
