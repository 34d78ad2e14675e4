"""Ages, forms of address, and names that the models miss: in lower case, or behind words that announce a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.pii.finding import Finding
from curation.pii.wordlists import family_names, given_names, ordinary_words

OLDEST = 120
_AGES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?P<it>\d{1,3})(?=[\s-]*(?:years?|yrs?|y)[\s/.-]*(?:olds?\b|o\b|of\s+age))",
        r"\b(?P<it>\d{1,3})(?=[\s-]*(?:months?|weeks?)[\s-]*old\b)",
        r"\b(?:aged?|age\s+(?:is|of|was)|age:|ages)\s+(?P<it>\d{1,3})(?![\d%.]*[%\d])(?!\s*(?:percent|dollars|/|-bit|bits?))",
        r"\b(?:turn(?:ed|ing|s)?|at\s+the\s+age\s+of)\s+(?P<it>\d{1,3})\b(?!\s*(?:%|percent|dollars|degrees|pages|off|on|into|to|times))",
        r"\b(?:I\s+am|I'm|I’m|he\s+is|she\s+is|he's|she's|who\s+is|who's)\s+(?:only\s+|now\s+|already\s+)?(?P<it>\d{1,3})(?=\s*(?:$|[.,!;?)]|and\b|now\b|but\b))",
        r"(?<=[a-z]), (?P<it>[1-9]\d),(?=\s(?:was|is|has|who|from|of|said|died|and|a|an|the)\b)",
    )
)
_TITLES = re.compile(
    r"\b(?:(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam|Rev|Reverend|Hon|Capt|Captain|Lt|Sgt|Herr|Frau|Señor|Señora|Sra?"
    r"|Monsieur|Madame|Mme|Mlle|Signor|Signora|Dott|Mgr|Ing)\b\.?(?=\s+[^\W\d_])"
    r"|(?:mr|mrs|ms|dr|prof|mme|sra?)\.(?=\s+[^\W\d_]))"
)
_CUE = re.compile(
    r"(?:\b(?:my|his|her|your|the|their)\s+(?:full\s+|first\s+|last\s+)?names?\s+(?:is|are|was)|\bname'?s|\bnames?\s?:|\bnamed|\bcalled"
    r"|\bthis\s+is|\bI\s+am|\bI'm|\bI’m|\bdear|\bhi|\bhello|\bhey|\bregards,?|\bsincerely,?|\bcheers,|\bthanks,|\bcc:?|\bfrom:|\bto:"
    r"|\b(?:mrs?|ms|miss|dr|prof)\.?|\bsigned,?|\bcontact|\bask\s+for|\bspeak\s+(?:to|with)|\bmet|\btell|\bowner\s?:|\bholder\s?:)\s+"
    r"(?P<it>[^\W\d_][^\W\d_'’-]*(?:[ -][^\W\d_][^\W\d_'’-]*){0,2})",
    re.IGNORECASE,
)
_PAIR = re.compile(r"(?<![\w@./-])(?=(?P<it>(?P<one>[^\W\d_]{2,}) (?P<two>[^\W\d_]{2,}))(?![\w@/(=]|\.\w))")


def find(text: str) -> Iterator[Finding]:
    """Ages in figures, forms of address before a name, names."""
    if any(map(str.isdigit, text)):
        for pattern in _AGES:
            for match in pattern.finditer(text):
                if 0 < int(match.group("it")) <= OLDEST:
                    yield Finding("AGE", *match.span("it"), 0.8)
    for match in _TITLES.finditer(text):
        yield Finding("TITLE", *match.span(), 0.7)
    yield from _announced(text)
    yield from _pairs(text)


def _announced(text: str) -> Iterator[Finding]:
    """`my name is maria garcia`: a first name that is known behind a word that announces one, whatever its case."""
    first, last, words = given_names(), family_names(), ordinary_words()
    for match in _CUE.finditer(text):
        parts = match.group("it").split(" ")
        low = [part.lower() for part in parts]
        if low[0] not in first or low[0] in words:
            continue
        length = 1
        while (
            length < len(parts) and (low[length] in first or low[length] in last) and low[length] not in words
        ):
            length += 1
        end = match.start("it") + len(" ".join(parts[:length]))
        yield Finding("PERSON", match.start("it"), end, 0.7)


def _pairs(text: str) -> Iterator[Finding]:
    """A first and a last name side by side, written alike, of which neither is an ordinary word."""
    first, last, words = given_names(), family_names(), ordinary_words()
    for match in _PAIR.finditer(text):
        one, two = match.group("one"), match.group("two")
        if one[0].isupper() != two[0].isupper():
            continue
        a, b = one.lower(), two.lower()
        if a in first and b in last and a not in words and b not in words:
            yield Finding("PERSON", *match.span("it"), 0.6)
