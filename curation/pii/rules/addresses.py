"""Streets, units, boxes and postal codes as people of several countries write them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.pii.finding import Finding

STREET, ZIP = "STREET_ADDRESS", "ZIP_CODE"
_WORD = r"[^\W\d_][\w.'’-]*"
_NUMBER = r"\d{1,5}(?:[ -]?[A-Za-z]\b)?(?:[/-]\d{1,4})?"
_ENGLISH = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Court|Ct|Way|Place|Pl|Square|Sq|Terrace|Ter|Parkway"
    "|Pkwy|Highway|Hwy|Crescent|Cres|Close|Circle|Cir|Trail|Alley|Row|Mews|Grove|Gardens|Hill|Park|Quay|Walk"
)
_SUFFIXES = (  # one word with the street's name: Hauptstrasse 5, Storgatan 12, Koskikatu 25
    "strasse|straße|str\\.|gasse|platz|allee|damm|ufer|weg|straat|laan|plein|gracht|kade|dreef|gade|vej|vejen|gata|gatan"
    "|vägen|gränd|gate|veien|vegen|katu|tie|kuja|polku|utca|utja|tér|ova|ická|ého|tänav|maantee|iela|gatvė"
)
_PREFIXES = (  # before the name: Rue Pasteur 12, Calle Mayor 3, Via Roma 7, ul. Długa 4
    "Rue|Avenue|Boulevard|Chemin|Impasse|Allée|Quai|Place|Calle|C/|Avenida|Avda\\.?|Plaza|Paseo|Carrer|Camino|Carretera"
    "|Ronda|Rúa|Rua|Travessa|Praça|Largo|Via|Viale|Piazza|Corso|Vicolo|Strada|Ulica|ul\\.|al\\.|Aleja|Aleje|Plac"
    "|Strada|Bulevardul|Calea|ulice|nám\\.|náměstí"
)
_SMALL = r"(?:(?:de|del|de la|de las|de los|la|le|les|du|des|di|da|do|dos|das|della|dei|van(?: der)?|den|der|d')\s+)*"
_UNIT = r"(?:,?\s+(?:Apt|Apartment|Suite|Unit|Ste|Flat|Floor|Room|Rm|#)\.?\s*#?\d+[A-Za-z]?\b)?"
_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR"
    "|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR|A[AEP]"
)

_STREETS = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        (
            rf"\b{_NUMBER} +(?:[NSEW]\.? +)?(?:(?:{_WORD}|\d{{1,3}}(?:st|nd|rd|th)) +){{1,4}}?"
            rf"(?:{_ENGLISH})\b\.?{_UNIT}",
            0,
        ),
        (rf"\b[^\W\d_][\w'’-]*(?:{_SUFFIXES})\s+{_NUMBER}(?![\w-])", re.IGNORECASE),
        (
            rf"(?<!\w)(?:{_PREFIXES})\s+{_SMALL}{_WORD}(?:\s+{_SMALL}{_WORD}){{0,3}}?,?\s+(?:n[º°.]\s?)?"
            rf"{_NUMBER}(?![\w-])",
            0,
        ),
        (
            rf"\b{_NUMBER},?\s+(?:bis\s+|ter\s+)?(?:{_PREFIXES})\s+{_SMALL}{_WORD}"
            rf"(?:[ -]{_SMALL}[^\W\d_a-z][\w'’-]*){{0,3}}",
            re.IGNORECASE,
        ),
        (r"\b(?:Apt|Apartment|Suite|Unit|Ste|Flat)\.?\s*#?\d+[A-Za-z]?\b", 0),
        (
            r"\b(?:P\.?\s?O\.?\s?Box|Postfach|Apartado|Boîte postale|PSC\s+\d+,\s?Box|Unit\s+\d+\s+Box)\s+\d+\b",
            re.IGNORECASE,
        ),
        (r"\b(?:APO|FPO|DPO)\s+A[AEP]\s+\d{5}\b", 0),
    )
)  # fmt: skip
# The forms of postal codes that no other number has; others need a word or a place beside them.
_CODES = (
    re.compile(rf"\b(?:{_STATES})\s+(?P<it>\d{{5}}(?:-\d{{4}})?)(?![\w-])"),
    re.compile(
        r"\b(?P<it>(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}))\b"
    ),  # United Kingdom
    re.compile(r"\b(?P<it>[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d)\b"),  # Canada
    re.compile(
        r"\b(?:zip(?:[ -]?codes?)?|post(?:al)?[ -]?codes?|postcode|PLZ|code postal|código postal|CAP|CEP)\b"
        r"\W{0,3}(?:is\s+|was\s+|of\s+|to\s+|=\s*)?"
        r"(?P<it>(?=[\w -]*\d)[A-Z]{0,2}-?\d[\dA-Z]{1,6}(?:[ -]\d?[A-Z\d]{2,4})?)(?![\w-])",
        re.IGNORECASE,
    ),
)
_NUMBERED = re.compile(r"\d")


def find(text: str) -> Iterator[Finding]:
    """Streets with a number, units, boxes; postal codes."""
    if not _NUMBERED.search(text):
        return
    for pattern in _STREETS:
        for match in pattern.finditer(text):
            if _is_street(match.group()):
                yield Finding(STREET, *match.span(), 0.7)
    for pattern in _CODES:
        for match in pattern.finditer(text):
            yield Finding(ZIP, *match.span("it"), 0.7)


def _is_street(match: str) -> bool:
    """Whether the name is written as one: some word but the first number begins with a capital."""
    words = [word for word in match.split() if word[:1].isalpha()]
    return any(word[0].isupper() for word in words)
