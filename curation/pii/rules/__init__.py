"""Rules of the engine `best`: what its model and spaCy miss or call by a wrong name, one family a module.

Each rule is a function of a text that gives findings; a literal table says which exist. They read structure (formats,
check digits, words beside a value) and word lists, and know nothing of any data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from curation.pii.finding import Finding
from curation.pii.rules import addresses, dates, identifiers, online, organisations, people, places, secrets

Rule = Callable[[str], Iterable[Finding]]

RULES: dict[str, tuple[tuple[str, ...], Rule]] = {
    "addresses": (("STREET_ADDRESS", "ZIP_CODE"), addresses.find),
    "dates": (("DATE_TIME", "DATE_OF_BIRTH"), dates.find),
    "identifiers": (
        ("NATIONAL_ID", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "PHONE_NUMBER"),
        identifiers.find,
    ),
    "online": (("EMAIL_ADDRESS", "URL"), online.find),
    "organisations": (("ORGANIZATION",), organisations.find),
    "people": (("PERSON", "AGE", "TITLE"), people.find),
    "places": (("LOCATION", "ZIP_CODE", "NRP"), places.find),
    "secrets": (("SECRET",), secrets.find),
}
