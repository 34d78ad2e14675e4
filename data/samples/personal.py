"""Planted personal data. Everybody is made up; numbers are from ranges reserved for examples and tests.

Phones: 555-01xx. Cards: the card companies' published test numbers. IBANs: the registry's own examples. E-mail: example
domains (RFC 2606). IP addresses: documentation ranges (RFC 5737). SSN: from the 9xx series, never issued.
"""

from __future__ import annotations

import random

from data.samples.rows import Row

ROWS = 80
FIRST = (
    "Marta",
    "Daniel",
    "Priya",
    "Oliver",
    "Sofia",
    "James",
    "Helen",
    "Robert",
    "Laura",
    "Michael",
    "Anna",
    "David",
)
LAST = (
    "Lindqvist",
    "Porter",
    "Raman",
    "Whitfield",
    "Moretti",
    "Hargrove",
    "Jensen",
    "Coleman",
    "Novak",
    "Bennett",
)
DOMAINS = ("example.com", "example.org", "example.net")
CARDS = (
    "4111 1111 1111 1111",
    "5555 5555 5555 4444",
    "3782 822463 10005",
    "6011 1111 1111 1117",
    "4012888888881881",
)
IBANS = ("GB29 NWBK 6016 1331 9268 19", "DE89 3704 0044 0532 0130 00", "FR14 2004 1010 0505 0001 3M02 606")
SSNS = ("912-22-8147", "945-46-3852", "971-33-5926", "928-38-4471")
ADDRESSES = ("192.0.2.44", "198.51.100.17", "203.0.113.201")
TYPES = ("EMAIL_ADDRESS", "PHONE_NUMBER", "PERSON", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS")


def plant_personal(rows: list[Row], rng: random.Random) -> None:
    """Add a sentence with personal data to the prompt or the answer of some of `rows`, in place."""
    for number, row in enumerate(rng.sample(rows, ROWS)):
        kinds = [TYPES[number % len(TYPES)]]
        if number % 4 == 0 and kinds != ["PERSON"]:
            kinds.append("PERSON")
        sentence = _sentence(kinds, rng)
        if rng.random() < 0.5:
            row.user = f"{row.user} {sentence}"
        else:
            row.answer = f"{row.answer}\n{sentence}"
        row.plants += [
            {"kind": "pii", "what": "personal data in a sentence", "type": kind, "count": 1} for kind in kinds
        ]


def _sentence(kinds: list[str], rng: random.Random) -> str:
    name = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
    who = f"{name} " if "PERSON" in kinds else "the buyer "
    user = f"{rng.choice(FIRST)}.{rng.choice(LAST)}".lower()
    said = {
        "EMAIL_ADDRESS": (
            f"can be reached at {user}@{rng.choice(DOMAINS)}.",
            f"writes from {user}{rng.randrange(10, 99)}@{rng.choice(DOMAINS)}.",
        ),
        "PHONE_NUMBER": (
            f"answers the phone at (212) 555-01{rng.randrange(10, 99)}.",
            f"asked for a call on +1 415-555-01{rng.randrange(10, 99)}.",
        ),
        "CREDIT_CARD": (
            f"paid with the card {rng.choice(CARDS)}.",
            f"wants card {rng.choice(CARDS)} to be charged.",
        ),
        "IBAN_CODE": (
            f"gets the refund on {rng.choice(IBANS)}.",
            f"pays from the account {rng.choice(IBANS)}.",
        ),
        "US_SSN": (
            f"gave the social security number {rng.choice(SSNS)}.",
            f"signed with SSN {rng.choice(SSNS)}.",
        ),
        "IP_ADDRESS": (
            f"ordered from the address {rng.choice(ADDRESSES)}.",
            f"logged in from {rng.choice(ADDRESSES)}.",
        ),
        "PERSON": ("asked for this one last week.", "called about it and would like a reply."),
    }
    told = who + rng.choice(said[kinds[0]])
    return told[0].upper() + told[1:]
