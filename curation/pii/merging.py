"""Findings of several recognisers become one list: whole words, whole addresses, nothing inside something surer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from curation.pii.finding import Finding
from curation.pii.wordlists import family_names, given_names, ordinary_words

# A form with a check or a sign that nothing else has: what is found inside one is a part of it.
CERTAIN = frozenset(
    {"EMAIL_ADDRESS", "URL", "CREDIT_CARD", "IBAN_CODE", "IP_ADDRESS", "SECRET", "US_SSN", "CRYPTO"}
)
CERTAIN_SCORE = 0.7
# Neighbours of one type are one: `Ada` `Lovelace`, `Springfield` `Illinois`.
JOINED = frozenset({"PERSON", "LOCATION", "STREET_ADDRESS", "PHONE_NUMBER", "NATIONAL_ID"})
GAP_CHARS = 2
ADDRESS_GAP_CHARS = 3
_GAP = re.compile(r"[ ,.\n-]*")
_NAME = re.compile(r"[^\W\d_]{4,}")
REPEATED_SCORE = 0.5
AROUND = " \t\n\"'`“”‘’,;:"


def merged(text: str, findings: Iterable[Finding], entities: frozenset[str]) -> list[Finding]:
    """The findings of the wanted types, by position; two of one type do not overlap, two of different types may."""
    whole = [_renamed(text, _without_quotes(text, _whole_words(text, f))) for f in findings]
    whole = [f for f in whole if f.start < f.end]
    certain = [f for f in whole if f.type in CERTAIN and f.score >= CERTAIN_SCORE]
    free = [f for f in whole if not any(_within(f, c) for c in certain)]
    joined = _joined(text, free)
    if "LOCATION" not in entities:
        joined = _joined(text, _towns_of_addresses(text, joined))
    kept = [f for f in joined if f.type in entities and (f.end - f.start > 1 or f.type == "AGE")]
    return sorted([*kept, *_repeated(text, kept)], key=lambda f: (f.start, f.end, f.type))


def _whole_words(text: str, finding: Finding) -> Finding:
    start, end = finding.start, finding.end
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    return finding._replace(start=start, end=end)


def _without_quotes(text: str, finding: Finding) -> Finding:
    """Neither quotes nor spaces around it are a part of a finding."""
    start, end = finding.start, finding.end
    while start < end and text[start] in AROUND:
        start += 1
    while start < end and text[end - 1] in AROUND:
        end -= 1
    return finding._replace(start=start, end=end)


def _renamed(text: str, finding: Finding) -> Finding:
    """An organisation or place of two or three words of which the first is a first name is a person."""
    if (
        finding.type not in ("ORGANIZATION", "LOCATION")
        or not 2 <= len(words := text[finding.start : finding.end].split()) <= 3
    ):
        return finding
    person = words[0].lower() in given_names() and all(w[:1].isupper() and w.isalpha() for w in words)
    named = person and words[0].lower() not in ordinary_words() and words[-1].lower() in family_names()
    return finding._replace(type="PERSON") if named else finding


def _within(finding: Finding, other: Finding) -> bool:
    """Inside another that is longer, or as long and of another type."""
    inside = other.start <= finding.start and finding.end <= other.end
    longer = other.end - other.start > finding.end - finding.start
    return (
        inside
        and finding is not other
        and (longer or (finding.type not in CERTAIN and finding.type != other.type))
    )


def _joined(text: str, findings: Sequence[Finding]) -> list[Finding]:
    """Findings of one type that overlap, or for some types follow each other, as one."""
    last: dict[str, int] = {}
    made: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (f.start, -f.end)):
        at = last.get(finding.type)
        before = made[at] if at is not None else None
        if before is not None and at is not None:
            gap = text[before.end : finding.start]
            beside = finding.type in JOINED and len(gap) <= GAP_CHARS and _GAP.fullmatch(gap) is not None
            if finding.start < before.end or beside:
                made[at] = before._replace(
                    end=max(before.end, finding.end), score=max(before.score, finding.score)
                )
                continue
        last[finding.type] = len(made)
        made.append(finding)
    return made


def _towns_of_addresses(text: str, findings: Sequence[Finding]) -> list[Finding]:
    """Where places are not asked for, one beside a street or a postal code is a part of the address."""
    parts = [f for f in findings if f.type in ("STREET_ADDRESS", "ZIP_CODE")]

    def beside(f: Finding) -> bool:
        gaps = ((p.end, f.start) if p.end <= f.start else (f.end, p.start) for p in parts)
        return any(0 <= b - a <= ADDRESS_GAP_CHARS and _GAP.fullmatch(text[a:b]) for a, b in gaps)

    return [f._replace(type="STREET_ADDRESS") if f.type == "LOCATION" and beside(f) else f for f in findings]


def _repeated(text: str, findings: Sequence[Finding]) -> list[Finding]:
    """Words of a person's name that stand alone elsewhere in the same text."""
    names = {
        word.group()
        for f in findings
        if f.type == "PERSON"
        for word in _NAME.finditer(text, f.start, f.end)
        if word.group()[0].isupper()
    }
    if not names:
        return []
    return [
        Finding("PERSON", word.start(), word.end(), REPEATED_SCORE)
        for word in _NAME.finditer(text)
        if word.group() in names and not any(f.start < word.end() and word.start() < f.end for f in findings)
    ]
