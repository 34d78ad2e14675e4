"""Texts with labelled personal data that no rule was written on: templates and locales of their own, by Faker.

The templates and the locales were chosen after the rules of `pii=best` were frozen. No name of these locales is in its
word lists (`curation.pii.wordlists.LOCALES`), except where a name is at home in several countries.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from audit.pii_scores import Label

LOCALES = (
    "pt_BR",
    "sv_SE",
    "tr_TR",
    "ro_RO",
    "cs_CZ",
    "hr_HR",
    "nl_BE",
    "en_NZ",
    "en_IE",
    "id_ID",
    "vi_VN",
    "es_CO",
)
TEMPLATES = (
    "Hi, this is {PERSON}. My parcel still has not arrived at {STREET_ADDRESS}, {GPE}. You can ring me "
    "on {PHONE_NUMBER}.",
    "Customer {PERSON} ({EMAIL_ADDRESS}) asked for a refund on {DATE_TIME}; the card used was {CREDIT_CARD}.",
    "Please update the account of {PERSON}: new address {STREET_ADDRESS}, postal code {ZIP_CODE}, {GPE}.",
    "We interviewed {PERSON}, {AGE} years old, who moved from {GPE} to {GPE} and now works for {ORGANIZATION}.",
    "Transfer the rest to IBAN {IBAN_CODE}, account holder {PERSON}, before {DATE_TIME}.",
    "{TITLE} {PERSON_LAST} will see you at the clinic in {GPE} on {DATE_TIME}.",
    "Ticket opened by {EMAIL_ADDRESS}: login from {IP_ADDRESS} was refused. Contact: {PERSON}, tel. {PHONE_NUMBER}.",
    "could you forward this to {PERSON_LOWER}? her number is {PHONE_NUMBER} and she lives in {GPE}",
    "my name is {PERSON_LOWER} and i was born on {DATE_TIME} in {GPE}",
    "Invoice for {ORGANIZATION}, attn. {PERSON}, {STREET_ADDRESS}, {ZIP_CODE} {GPE}",
    "The witness, a {AGE}-year-old from {GPE}, gave her social security number as {US_SSN}.",
    "Nominees are {PERSON}, {PERSON} and {PERSON}; the winner receives a trip to {GPE}.",
    "According to {PERSON_LAST}, sales at {ORGANIZATION} fell in {DATE_TIME}.",
    "Dear {PERSON_FIRST},\nthank you for your order. We deliver to {STREET_ADDRESS} in {GPE} by {DATE_TIME}.\nYours, "
    "{PERSON}",
    "{PERSON}'s website is {URL}, and her assistant {PERSON_FIRST} answers at {EMAIL_ADDRESS}.",
    "Do you know whether {PERSON} still teaches in {GPE}? I only have an old address: {STREET_ADDRESS}.",
)
_FIELD = re.compile(r"\{([A-Z_]+)\}")


class Text(NamedTuple):
    """A text with its labels."""

    text: str
    labels: list[Label]


def generate(texts: int, seed: int = 7) -> list[Text]:
    """Texts by turns of template and locale; the same for the same seed and version of Faker."""
    from faker import Faker

    chosen = random.Random(seed)
    fakers = {locale: Faker([locale]) for locale in LOCALES}
    for number, faker in enumerate(fakers.values()):
        faker.seed_instance(seed + number)
    made = []
    for number in range(texts):
        locale = LOCALES[number % len(LOCALES)]
        made.append(_filled(chosen.choice(TEMPLATES), _values(fakers[locale], chosen), locale))
    return made


def _filled(template: str, values: dict[str, Callable[[], str]], locale: str) -> Text:
    text, labels, at = "", [], 0
    for field in _FIELD.finditer(template):
        text += template[at : field.start()]
        value = values[field.group(1)]()
        kind = "PERSON" if field.group(1).startswith("PERSON") else field.group(1)
        case = "lower" if value.islower() else "as written"
        slices = (("case", case), ("locale", locale)) if kind == "PERSON" else (("locale", locale),)
        labels.append(Label(kind, len(text), len(text) + len(value), slices))
        text, at = text + value, field.end()
    return Text(text + template[at:], labels)


def _values(faker: Any, chosen: random.Random) -> dict[str, Callable[[], str]]:
    def one_line(value: str) -> str:
        return " ".join(value.split())

    def person() -> str:
        return f"{faker.first_name()} {faker.last_name()}"

    return {
        "PERSON": person,
        "PERSON_FIRST": faker.first_name,
        "PERSON_LAST": faker.last_name,
        "PERSON_LOWER": lambda: person().lower(),
        "TITLE": lambda: chosen.choice(["Mr.", "Mrs.", "Ms.", "Dr.", "Prof."]),
        "GPE": lambda: one_line(chosen.choice([faker.city, faker.country])()),
        "STREET_ADDRESS": lambda: one_line(faker.street_address()),
        "ZIP_CODE": faker.postcode,
        "PHONE_NUMBER": faker.phone_number,
        "EMAIL_ADDRESS": faker.email,
        "ORGANIZATION": faker.company,
        "DATE_TIME": lambda: faker.date_object().strftime(
            chosen.choice(["%d/%m/%Y", "%Y-%m-%d", "%B %d, %Y", "%d %b %Y", "%B %Y"])
        ),
        "CREDIT_CARD": lambda: str(faker.credit_card_number()),
        "IBAN_CODE": faker.iban,
        "IP_ADDRESS": faker.ipv4_public,
        "US_SSN": lambda: (
            f"{chosen.randint(1, 665):03}-{chosen.randint(1, 99):02}-{chosen.randint(1, 9999):04}"
        ),
        "URL": faker.url,
        "AGE": lambda: str(chosen.randint(18, 90)),
    }
