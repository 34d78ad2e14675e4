"""Texts with personal data that is known, made up by Faker, and texts that hold none.

The sentences were written for this check, and no detector was built on them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from data.errors import MissingPackage

# Where names come from: Faker's locales in Latin script.
ORIGINS = ("en_US", "en_GB", "en_IN", "de_DE", "fr_FR", "es_ES", "pl_PL", "tr_TR", "vi_VN", "yo_NG")
WRITTEN, LOWER = "as written", "lower case"

NAME_SENTENCES = (
    "Could you ask {} to call me back before noon?",
    "The parcel was handed to {} at the front desk.",
    "I was told by {} that the heating stays off until Monday.",
    "Many thanks to {} for mending the report so quickly.",
    "Please make out the invoice to {} and send it once more.",
    "We met {} on the train and talked about the harvest.",
    "{} has not answered my last two letters.",
    "As far as I know, {} moved the meeting to the small room.",
)
VALUE_SENTENCES = (
    "For everything else please use {} from now on.",
    "I noted {} in the form, as you asked.",
    "You will find it under {} in the old list.",
    "They still have {} on file, which is wrong.",
)
CLEAN_SENTENCES = (
    "The {thing} works well, but the manual leaves out how to clean it.",
    "Set the {thing} to level {small} and wait for {small} minutes.",
    "Our team shipped {big} units of the {thing} and nobody complained.",
    "Why does the {thing} get slower when more than {small} of them are linked?",
    "A good summary names the cause, the effect, and one {thing}.",
    "Return the {thing} within {small} days and keep the receipt.",
    "def total(items): return sum(item.price for item in items)  # {small} items",
    "SELECT name, count(*) FROM orders GROUP BY name HAVING count(*) > {small};",
    "Mix {small} spoons of flour with water; bake it at {oven} degrees.",
    "The recipe for the {thing} takes {small} steps and hardly any skill.",
    "Rivers carry sand to the sea, and a {thing} shows how much.",
    "Write a short poem about a {thing} that is afraid of rain.",
    "The Kettle Pro and the Lamp Mini are sold out until May, says our shop.",
    "Python, Java and Rust have different rules for lists of {big} items.",
    "GET /v{small}/orders returned {big} rows and an HTTP 200 on Monday.",
    "Part {big}-{small}B fits the {thing} of the Model T{small} series.",
)
THINGS = ("kettle", "printer", "ladder", "scanner", "lamp", "drill", "toaster", "pump", "clock", "filter")


@dataclass(frozen=True, slots=True)
class Planted:
    """A text with a value at characters [start, end).

    stratum  what is compared: `name en_US, lower case`; `e-mail`
    types    types of the detector that would be right
    origin, case  of a name; empty for other values
    """

    stratum: str
    types: tuple[str, ...]
    text: str
    start: int
    end: int
    origin: str = ""
    case: str = ""


def planted(per_stratum: int, seed: int) -> Iterator[Planted]:
    """`per_stratum` texts for each stratum; the same seed gives the same texts. Raises MissingPackage."""
    for origin in ORIGINS:
        faker = _faker(origin, seed)
        for number in range(per_stratum):
            value = f"{faker.first_name()} {faker.last_name()}"
            for case in (WRITTEN, LOWER):
                sentence = NAME_SENTENCES[number % len(NAME_SENTENCES)]
                yield _put(sentence, value, f"name {origin}, {case}", ("PERSON",), origin=origin, case=case)
    faker, draw = _faker("en_US", seed), random.Random(seed)
    for stratum, types, make in VALUES:
        for number in range(per_stratum):
            yield _put(VALUE_SENTENCES[number % len(VALUE_SENTENCES)], make(faker, draw), stratum, types)


def names(count: int, seed: int) -> list[str]:
    """`count` distinct names of all origins, or as many as there are."""
    fakers = [_faker(origin, seed) for origin in ORIGINS]
    drawn = (f"{f.first_name()} {f.last_name()}" for _ in range(count) for f in fakers)
    return list(dict.fromkeys(drawn))[:count]


def clean(count: int, seed: int) -> list[str]:
    """`count` texts without personal data."""
    draw = random.Random(seed)
    return [
        CLEAN_SENTENCES[number % len(CLEAN_SENTENCES)].format(
            thing=draw.choice(THINGS), small=draw.randint(2, 9), big=draw.randint(20, 900), oven=200
        )
        for number in range(count)
    ]


def _put(
    sentence: str, value: str, stratum: str, types: tuple[str, ...], *, origin: str = "", case: str = ""
) -> Planted:
    start = sentence.index("{}")
    text = sentence.replace("{}", value)
    if case == LOWER:
        text = text.lower()
    return Planted(stratum, types, text, start, start + len(value), origin, case)


def _faker(locale: str, seed: int) -> Any:
    try:
        from faker import Faker
    except ImportError:
        raise MissingPackage(
            "faker is not installed", "install it: pip install -c constraints.txt -e '.[curation]'"
        ) from None
    faker = Faker(locale)
    faker.seed_instance(seed)
    return faker


_DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _spelled_email(faker: Any, draw: random.Random) -> str:
    return f"{faker.last_name().lower()} at {faker.domain_word()} dot {draw.choice(('com', 'org', 'net'))}"


def _phone(faker: Any, draw: random.Random) -> str:
    """A valid North American number: area and exchange begin with 2 to 9 and are no service codes."""
    area, exchange, line = (
        draw.choice(("212", "415", "617", "303")),
        draw.randint(220, 899),
        draw.randint(1000, 9999),
    )
    form = draw.choice(("({}) {}-{}", "{}-{}-{}", "+1 {} {} {}", "{}.{}.{}"))
    return form.format(area, exchange, line)


def _phone_in_words(faker: Any, draw: random.Random) -> str:
    return " ".join(draw.choice(_DIGIT_WORDS) for _ in range(10))


def _aws_key(faker: Any, draw: random.Random) -> str:
    return "AKIA" + "".join(draw.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16))


def _ssn(faker: Any, draw: random.Random) -> str:
    return f"{draw.randint(100, 665)}-{draw.randint(10, 99)}-{draw.randint(1000, 9999)}"


Maker = Callable[[Any, random.Random], str]
VALUES: tuple[tuple[str, tuple[str, ...], Maker], ...] = (
    ("e-mail", ("EMAIL_ADDRESS",), lambda faker, draw: str(faker.email())),
    ("e-mail spelled out", ("EMAIL_ADDRESS",), _spelled_email),
    ("phone", ("PHONE_NUMBER",), _phone),
    ("phone in words", ("PHONE_NUMBER",), _phone_in_words),
    ("card", ("CREDIT_CARD",), lambda faker, draw: str(faker.credit_card_number("visa16"))),
    ("IBAN", ("IBAN_CODE",), lambda faker, draw: str(_faker("de_DE", draw.randint(0, 10**9)).iban())),
    ("US social security number", ("US_SSN",), _ssn),
    ("street address", ("STREET_ADDRESS", "LOCATION"), lambda faker, draw: str(faker.street_address())),
    ("IP address", ("IP_ADDRESS",), lambda faker, draw: str(faker.ipv4_public())),
    ("AWS key", ("SECRET",), _aws_key),
)
