"""What stands in the place of a value: of the same kind and format, the same for the same value, never the value."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from faker import Faker
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, luhn

from curation.pii.config import ENTITIES, Operator, PiiConfig
from curation.pii.finding import PLACEHOLDER
from curation.pii.instead import Numbers, Operators
from curation.pii.instead.names import Pseudonyms, kind_of, lists
from data.errors import ConfigError
from data.key import Key
from data.sealing import normalised

SECRET = "k3Jd92-mmQpWz_81xLbTReUo0vYcHs5aGi7Nf4"
NAMES = Pseudonyms(Key(SECRET))
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEPROOF_PII_KEY", SECRET)


def written(operator: Operator, entity: str, value: str) -> str:
    return Operators(PiiConfig(operator=operator)).written(entity, value, Numbers())


def surrogate(entity: str, value: str) -> str:
    return written(Operator.surrogate, entity, value)


# --- names ------------------------------------------------------------------------------------------------------


def test_every_form_of_a_name_becomes_that_form_of_another() -> None:
    given_name, family = NAMES.person("John Smith").split()
    assert {given_name, family}.isdisjoint({"John", "Smith"})
    forms = {
        "John": given_name,
        "Mr Smith": f"Mr {family}",
        "Mr. John Smith's": f"Mr. {given_name} {family}'s",
        "SMITH, John": f"{family.upper()}, {given_name}",
        "john smith": f"{given_name} {family}".lower(),
        "John-Smith": f"{given_name}-{family}",
        "Dr. JOHN SMITH": f"Dr. {given_name.upper()} {family.upper()}",
        "John van Smith": f"{given_name} van {family}",
    }  # fmt: skip
    assert {name: NAMES.person(name) for name in forms} == forms
    assert "Al" not in NAMES.person("Al Green") and "Le" not in NAMES.person("Bao Le")
    assert NAMES.person("José Álvarez") == NAMES.person("Jose Alvarez")


def _turkish_capitals(name: str) -> str:
    return name.replace("i", "İ").replace("ı", "I").upper()


def _turkish_small(name: str) -> str:
    return name.replace("I", "ı").replace("İ", "i").lower()


def test_a_turkish_name_has_one_pseudonym_whoever_wrote_it_in_capitals_or_small_letters() -> None:
    fake = Faker("tr_TR")
    fake.seed_instance(1)
    names = list(dict.fromkeys(f"{fake.first_name()} {fake.last_name()}" for _ in range(500)))
    assert sum("ı" in name or "İ" in name for name in names) > 50
    for name in names:
        spellings = [name, _turkish_capitals(name), _turkish_small(name), name.upper(), name.lower()]
        spellings.append(name.upper().title())
        assert len({normalised(NAMES.person(spelling)) for spelling in spellings}) == 1, name
        assert "\u0307" not in NAMES.person(name.lower())


def test_gender_and_language_are_kept_where_they_are_known() -> None:
    assert kind_of("maria")[:2] == ("given", "female") and kind_of("smith").role == "family"
    for name in ("Maria", "Hannelore", "Guillermo", "Wolfgang"):
        kind = kind_of(normalised(name))
        assert NAMES.word(name) in lists()[kind.language].of(kind)
    assert kind_of("hannelore").language == "de"


def test_a_name_is_not_its_own_pseudonym_and_few_persons_share_one() -> None:
    english = lists()["en"]
    persons = [f"{english.male[i % 300]} {english.family[(i * 7) % 1000]}" for i in range(3000)]
    other = {person: NAMES.person(person) for person in dict.fromkeys(persons)}
    for person, name in other.items():
        assert all(a != b for a, b in zip(person.split(), name.split(), strict=True))
    shared = sum(n for n in Counter(other.values()).values() if n > 1)
    assert shared / len(other) < 0.02


@given(st.text(min_size=1, max_size=30))
def test_any_text_can_be_a_name(name: str) -> None:
    assert NAMES.person(name) == Pseudonyms(Key(SECRET)).person(name)


# --- surrogates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "phone",
    [
        "212-555-2368",
        "(415) 867-5309",
        "+1 (415) 867-5309 ext. 12",
        "415.867.5309",
        "14158675309",
        "867-5309",
    ],
)
def test_a_phone_number_keeps_its_layout_and_belongs_to_nobody(phone: str) -> None:
    other = surrogate("PHONE_NUMBER", phone)
    assert re.sub(r"\d", "9", other) == re.sub(r"\d", "9", phone) and other != phone
    assert "55501" in re.sub(r"\D", "", other)


def test_one_number_in_two_spellings_is_one_number() -> None:
    spellings = ["+1 415 867 5309", "(415) 867-5309", "1-415-867-5309"]
    assert len({re.sub(r"\D", "", surrogate("PHONE_NUMBER", s))[-10:] for s in spellings}) == 1
    assert len({written(Operator.hash, "PHONE_NUMBER", s) for s in spellings}) == 1


def test_a_foreign_number_keeps_its_country() -> None:
    assert surrogate("PHONE_NUMBER", "+44 20 7946 0018").startswith("+44 ")
    assert surrogate("PHONE_NUMBER", "0049 30 901820").startswith("0049 ")


@pytest.mark.parametrize("card", ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"])
def test_a_card_keeps_length_scheme_and_check_digit(card: str) -> None:
    other = surrogate("CREDIT_CARD", card)
    assert re.sub(r"\d", "9", other) == re.sub(r"\d", "9", card) and other[0] == card[0] and other != card
    assert luhn.is_valid(re.sub(r"\D", "", other))
    wrong = card[:-1] + str((int(card[-1]) + 1) % 10)
    assert not luhn.is_valid(re.sub(r"\D", "", surrogate("CREDIT_CARD", wrong)))


def test_ibans_addresses_and_numbers_of_nobody() -> None:
    other = surrogate("IBAN_CODE", "DE89 3704 0044 0532 0130 00")
    assert (
        iban.is_valid(other)
        and other[:2] == "DE"
        and [len(part) for part in other.split()] == [4, 4, 4, 4, 4, 2]
    )
    assert re.fullmatch(r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+", surrogate("IP_ADDRESS", "10.20.30.40"))
    assert surrogate("IP_ADDRESS", "fe80::1ff:fe23:4567:890a").startswith("2001:db8::")
    assert re.fullmatch(r"9\d\d-[0-4]\d-\d{4}", surrogate("US_SSN", "536-90-4399"))
    assert re.fullmatch(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}", surrogate("MAC_ADDRESS", "00:1B:44:11:3A:B7"))


def test_an_address_has_the_name_of_its_person_and_a_reserved_domain() -> None:
    given_name, family = NAMES.person("John Smith").lower().split()
    other = surrogate("EMAIL_ADDRESS", "john.smith@acme.com")
    assert re.fullmatch(rf"{given_name}\.{family}@[a-z]+\.example\.com", other)
    same_host = surrogate("EMAIL_ADDRESS", "maria_99@acme.com")
    assert same_host.partition("@")[2] == other.partition("@")[2] and re.search(r"_\d\d@", same_host)
    assert surrogate("EMAIL_ADDRESS", "sales-request@acme.com").startswith("sales-request@")
    assert re.fullmatch(r"\w+ at \w+ dot example dot com", surrogate("EMAIL_ADDRESS", "john at acme dot com"))


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("1984-03-05", "%Y-%m-%d"),
        ("03/05/1984", "%m/%d/%Y"),
        ("March 5, 1984", "%B %d, %Y"),
        ("5 MARCH 1984", "%d %B %Y"),
    ],
)
def test_a_date_keeps_its_format(value: str, form: str) -> None:
    other = surrogate("DATE_TIME", value)
    moved = datetime.strptime(other, form) - datetime.strptime(value, form)
    assert 0 < abs(moved.days) <= 3 * 365
    assert other.isupper() == value.isupper()


def test_places() -> None:
    assert surrogate("LOCATION", "France") != "France" and surrogate("LOCATION", "Xyzzyville") != "Xyzzyville"
    assert surrogate("LOCATION", "LEEDS").isupper()
    street = surrogate("STREET_ADDRESS", "123 Main Street, Springfield, IL 62701")
    assert re.fullmatch(r"\d{3} \w+ Street, \w+, IL \d{5}", street) and "Main" not in street
    assert surrogate("ORGANIZATION", "Acme Inc.").endswith(" Inc.")


def test_what_has_no_surrogate_gets_the_placeholder() -> None:
    assert surrogate("SECRET", "AKIAIOSFODNN7EXAMPLE") == "<SECRET>"
    assert surrogate("DATE_TIME", "Monday") == "<DATE_TIME>"
    assert surrogate("PHONE_NUMBER", "five five") == "<PHONE_NUMBER>"


# --- all of them ------------------------------------------------------------------------------------------------

OPERATORS = [operator for operator in Operator if operator is not Operator.tag]


@given(value=st.text(min_size=1, max_size=40), entity=st.sampled_from([*ENTITIES, "OWN_TYPE"]))
def test_no_operator_ever_writes_the_value(value: str, entity: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEPROOF_PII_KEY", SECRET)
        for operator in OPERATORS:
            new = written(operator, entity, value)
            assert new != value and new == written(operator, entity, value)
            assert new in ("", f"<{entity}>") or normalised(new) != normalised(value)


def test_partial() -> None:
    def partial(entity: str, value: str) -> str:
        return written(Operator.partial, entity, value)

    assert partial("EMAIL_ADDRESS", "john.smith@acme.com") == "***@acme.com"
    assert partial("CREDIT_CARD", "4111 1111 1111 1234") == "**** **** **** 1234"
    assert partial("PHONE_NUMBER", "(415) 867-5309") == "(***) ***-**09"
    assert partial("PERSON", "John Smith") == "J. S."
    assert partial("IP_ADDRESS", "10.20.30.40") == "10.20.*.*"
    assert partial("DATE_TIME", "March 5, 1984") == "1984"
    assert partial("URL", "https://acme.com/john") == "https://acme.com/***"
    assert partial("CREDIT_CARD", "1234") == "<CREDIT_CARD>" == partial("CREDIT_CARD", "123456789")
    assert partial("STREET_ADDRESS", "1 Main Street") == "<STREET_ADDRESS>"


def test_hash_and_pseudonym_of_other_types_are_keyed_placeholders() -> None:
    new = written(Operator.hash, "EMAIL_ADDRESS", "A@example.com")
    assert PLACEHOLDER.fullmatch(new) and re.fullmatch(r"<EMAIL_ADDRESS_[0-9a-f]{12}>", new)
    assert new == written(Operator.hash, "EMAIL_ADDRESS", "a@example.com")
    assert new == written(Operator.pseudonym, "EMAIL_ADDRESS", "a@example.com")
    assert new != written(Operator.hash, "EMAIL_ADDRESS", "b@example.com")


def test_another_process_writes_the_same() -> None:
    code = (
        "from curation.pii.config import *; from curation.pii.instead import *\n"
        "o = Operators(PiiConfig(operator=Operator.surrogate))\n"
        "print(o.written('PERSON', 'John Smith', Numbers()), o.written('LOCATION', 'Xyzzyville', Numbers()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env={"TUNEPROOF_PII_KEY": SECRET, "PYTHONHASHSEED": "99", "PATH": ""},
    )  # fmt: skip
    assert run.stdout.strip() == f"{surrogate('PERSON', 'John Smith')} {surrogate('LOCATION', 'Xyzzyville')}"


def test_mistakes_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match="holds 'PERSN'") as error:
        PiiConfig(operators={"PERSN": Operator.hash})
    assert "did you mean 'PERSON'" in str(error.value)
    with pytest.raises(ConfigError, match="leave URL out of"):
        PiiConfig(operators={"URL": Operator.tag})
    with pytest.raises(ConfigError, match="replaces nothing"):
        PiiConfig(operator=Operator.tag, vault="a.vault")
