"""The engine `best`: what it finds, what it leaves, users' own recognisers, long texts."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.pii import Engine, PiiConfig, judge, scan
from curation.pii.config import ENTITIES, usual
from curation.pii.finding import Finding
from curation.pii.rules import RULES
from data.errors import ConfigError, UserError
from data.records import FrameRecords

EVERYTHING = usual(Engine.best)
BY_DEFAULT = compose("curation", CurationConfig, ["pii=best", "pii.processes=1"]).pii


def found(text: str, config: PiiConfig = EVERYTHING) -> set[tuple[str, str]]:
    return {(f.type, text[f.start : f.end]) for f in scan([text], config)[0]}


POSITIVE = [
    ("PERSON", "Please tell Ragnhild Hedlund that we called.", "Ragnhild Hedlund"),
    ("PERSON", "my name is maria garcia and i need help", "maria garcia"),
    ("AGE", "The patient, a 47-year-old, came back.", "47"),
    ("AGE", "She turned 31 last week.", "31"),
    ("TITLE", "We spoke with Mrs. Hedlund.", "Mrs."),
    ("STREET_ADDRESS", "I live at 742 Evergreen Terrace.", "742 Evergreen Terrace"),
    ("STREET_ADDRESS", "Sie wohnt in der Hauptstraße 12 seit Mai.", "Hauptstraße 12"),
    ("STREET_ADDRESS", "Rendez-vous au 12 rue Pasteur demain.", "12 rue Pasteur"),
    ("ZIP_CODE", "My postal code is 90210, thanks.", "90210"),
    ("ZIP_CODE", "Send it to 10 Downing Street, London SW1A 2AA please.", "SW1A 2AA"),
    ("PHONE_NUMBER", "Call me: five five five one two three four five six seven.",
     "five five five one two three four five six seven"),
    ("EMAIL_ADDRESS", "write to jane at example dot com", "jane at example dot com"),
    ("NATIONAL_ID", "El DNI es 12345678Z y nada más.", "12345678Z"),
    ("NATIONAL_ID", "My CPF is 529.982.247-25.", "529.982.247-25"),
    ("DATE_OF_BIRTH", "He was born on 4/14/1962 in Ohio.", "4/14/1962"),
    ("LOCATION", "We met in Johannesburg.", "Johannesburg"),
    ("SECRET", "token ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    ("URL", "see https://acme.org/~jane for it", "https://acme.org/~jane"),
    ("CREDIT_CARD", "I paid with 4111 1111 1111 1111 in May", "4111 1111 1111 1111"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "value"), POSITIVE, ids=[f"{k}-{v[:12]}" for k, _, v in POSITIVE])
def test_found(kind: str, text: str, value: str) -> None:
    names = found(text)
    assert any(name == kind and value in span for name, span in names), names


NEAR_MISSES = [
    ("PERSON", "There were 47 of them at 10:30 in the morning."),
    ("PERSON", "We went there by helicopter."),
    ("URL", "Open report.final.docx and call self.name or import os.path first."),
    ("URL", "const big = items.filter(x => x > 2); res.send(big)"),
    ("AGE", "The price rose to 47 dollars."),
    ("DATE_OF_BIRTH", "The invoice of 4/14/1962 is paid."),
    ("DATE_TIME", "It takes three days or about 20 minutes."),
    ("PHONE_NUMBER", "one two three four five six seven eight nine"),
    ("TITLE", "The dr is out and so is the prof"),
]


@pytest.mark.parametrize(("kind", "text"), NEAR_MISSES)
def test_near_miss(kind: str, text: str) -> None:
    assert kind not in {name for name, _ in found(text)}


RULES_LEAVE = [
    ("NATIONAL_ID", "identifiers", "The DNI 12345678A is wrong, and so is CPF 529.982.247-26."),
    ("NATIONAL_ID", "identifiers", "We sold 44051401359 tickets."),  # a PESEL, but for a word that says so
    ("CREDIT_CARD", "identifiers", "number 4111 1111 1111 1112"),
    ("ZIP_CODE", "addresses", "We sold 90210 tickets."),
    ("STREET_ADDRESS", "addresses", "12 people went down the street"),
    ("SECRET", "secrets", "ghp_tooshort and sk-nothing"),
]


@pytest.mark.parametrize(("kind", "family", "text"), RULES_LEAVE)
def test_rules_leave(kind: str, family: str, text: str) -> None:
    assert kind not in {f.type for f in RULES[family][1](text)}


def test_the_choice_in_the_command_line_is_the_usual_best() -> None:
    assert {f: getattr(BY_DEFAULT, f) for f in ("engine", "spacy_model", "threshold", "model_threshold")} == {
        f: getattr(EVERYTHING, f) for f in ("engine", "spacy_model", "threshold", "model_threshold")
    }
    assert compose("curation", CurationConfig, ["pii=patterns_only"]).pii.engine is Engine.patterns


def test_types_that_are_off_by_default_stay_in_the_text() -> None:
    text = "Ada Lindqvist, 47, of Acme Ltd. moved from Johannesburg on 3 May 2021."
    assert {name for name, _ in found(text, BY_DEFAULT)} == {"PERSON"}
    assert {"PERSON", "LOCATION", "DATE_TIME"} <= {name for name, _ in found(text)}


def test_a_town_is_a_part_of_an_address_where_places_are_off() -> None:
    text = "Ship it to 12 Main Street, Springfield, IL 62704 please."
    ((kind, span),) = {pair for pair in found(text, BY_DEFAULT) if "Springfield" in pair[1]}
    assert kind == "STREET_ADDRESS" and span.startswith("12 Main Street")


def test_a_name_in_a_long_text_is_found_wherever_a_window_ends() -> None:
    filler = "The committee discussed the budget of the coming season at length. "
    for lead in range(380, 520, 20):
        text = (filler * 8)[:lead] + " Ragnhild Hedlund agreed. " + filler * 8
        assert any("Hedlund" in span for kind, span in found(text) if kind == "PERSON"), lead


def test_order_and_batches_do_not_matter() -> None:
    texts = (
        [text for _, text, _ in POSITIVE]
        + [text for _, text in NEAR_MISSES]
        + ["", " ", "\ud83d", "a" * 3_000]
    )
    together = scan(texts, EVERYTHING)
    assert together == [scan([text], EVERYTHING)[0] for text in texts]
    assert scan(texts[::-1], EVERYTHING) == together[::-1]


def test_nothing_found_lies_outside_its_text_and_each_type_is_covered_once() -> None:
    for text, own in zip(
        (t for _, t, _ in POSITIVE), scan([t for _, t, _ in POSITIVE], EVERYTHING), strict=True
    ):
        assert all(0 <= f.start < f.end <= len(text) and 0 <= f.score <= 1 for f in own)
        for kind in ENTITIES:
            spans = sorted((f.start, f.end) for f in own if f.type == kind)
            assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_thresholds_by_type_allow_and_deny() -> None:
    text = "Ragnhild Hedlund of the Seedlane project wrote to hedlund@acme.org."
    aged = "She is 47 years old."
    assert ("AGE", "47") in found(aged)
    assert ("AGE", "47") not in found(aged, replace(EVERYTHING, thresholds={"AGE": 0.9}))
    assert ("AGE", "47") in found(aged, replace(EVERYTHING, threshold=0.9, thresholds={"AGE": 0.5}))
    denied = replace(EVERYTHING, deny={"ORGANIZATION": ["seedlane project"]})
    assert ("ORGANIZATION", "Seedlane project") in found(text, denied)
    names = "We met Ragnhild Hedlund there."
    assert "PERSON" in {name for name, _ in found(names)}
    allowed = replace(EVERYTHING, allow=["Ragnhild", "Hedlund"])
    assert "PERSON" not in {name for name, _ in found(names, allowed)}


def test_code_blocks_by_configuration() -> None:
    text = "Write to jane@acme.org.\n```\nmail = 'john@acme.org'\n```\nThanks"
    for engine in Engine:
        config = usual(engine)
        assert {span for kind, span in found(text, config) if kind == "EMAIL_ADDRESS"} == {
            "jane@acme.org",
            "john@acme.org",
        }
        skipping = replace(config, code=type(config.code)("skip"))
        assert {s for k, s in found(text, skipping) if k == "EMAIL_ADDRESS"} == {"jane@acme.org"}


def test_found_values_are_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    scan(
        ["Ragnhild Hedlund, DNI 12345678Z, IBAN GB33BUKB2020155555555é, jane at example dot com"], EVERYTHING
    )
    for line in caplog.messages:
        assert not any(value in line for value in ("Hedlund", "12345678Z", "BUKB", "jane at"))


# --- recognisers of the user's own -----------------------------------------------------------------------------------

OWN = '''
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult


class EmployeeNumbers(PatternRecognizer):
    def __init__(self):
        super().__init__(supported_entity="EMPLOYEE", patterns=[Pattern("employee", r"EMP-\\\\d{5}", 0.9)])


class Shouted(EntityRecognizer):
    """Reads what spaCy made of the text."""

    def __init__(self):
        super().__init__(supported_entities=["SHOUTED"])

    def load(self):
        pass

    def analyze(self, text, entities, nlp_artifacts):
        return [
            RecognizerResult("SHOUTED", token.idx, token.idx + len(token), 0.8)
            for token in nlp_artifacts.tokens
            if token.is_alpha and token.is_upper and len(token) > 5
        ]


class NeedsMore(EntityRecognizer):
    def __init__(self, path):
        super().__init__(supported_entities=["X"])


WORD = "nothing"
'''


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "our_recognizers.py").write_text(OWN.replace("\\\\", "\\"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "our_recognizers"
    sys.modules.pop("our_recognizers", None)


@pytest.mark.parametrize("engine", [Engine.presidio, Engine.best])
def test_own_recognisers_join_either_engine(own_module: str, engine: Engine) -> None:
    config = PiiConfig(
        engine=engine,
        entities=["EMPLOYEE", "SHOUTED", "EMAIL_ADDRESS"],
        recognizers=[f"{own_module}.EmployeeNumbers", f"{own_module}.Shouted"],
    )
    text = "Ask EMP-12345 or URGENT at jane@acme.org, see <EMPLOYEE>."
    assert found(text, config) == {
        ("EMPLOYEE", "EMP-12345"),
        ("SHOUTED", "URGENT"),
        ("EMAIL_ADDRESS", "jane@acme.org"),
    }
    records = FrameRecords.of({"messages": [{"role": "user", "content": text}]})
    (verdict,) = judge(records, config).to_dicts()
    assert (
        verdict["messages"][0]["content"] == "Ask <EMPLOYEE> or <SHOUTED> at <EMAIL_ADDRESS>, see <EMPLOYEE>."
    )


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("no_such_module.Thing", "no module 'no_such_module'"),
        ("our_recognizers.Nope", "EmployeeNumbers"),
        ("our_recognizers.WORD", "is no class of Presidio"),
        ("our_recognizers.NeedsMore", "cannot be made without arguments"),
        ("Thing", "is no class of Presidio"),
    ],
)
def test_a_wrong_path_is_explained(own_module: str, path: str, says: str) -> None:
    assert own_module
    with pytest.raises(UserError, match=says):
        scan(["text"], PiiConfig(entities=["X"], recognizers=[path]))


def test_a_type_that_nobody_finds_is_refused(own_module: str) -> None:
    config = PiiConfig(entities=["EMPLOYE"], recognizers=[f"{own_module}.EmployeeNumbers"])
    with pytest.raises(ConfigError, match=r"EMPLOYEE"):
        scan(["text"], config)
    with pytest.raises(ConfigError, match=r"pii\.entities holds .EMPLOYEE."):
        PiiConfig(entities=["EMPLOYEE"])


def test_phone_regions() -> None:
    text = "Ring 912 345 678 tomorrow"
    assert found(text, PiiConfig(entities=["PHONE_NUMBER"], phone_regions=["PT"])) == {
        ("PHONE_NUMBER", "912 345 678")
    }
    with pytest.raises(ConfigError, match=r"phone_regions holds .XX."):
        scan(["text"], PiiConfig(entities=["PHONE_NUMBER"], phone_regions=["XX"]))


def test_a_stock_analyzer_takes_our_recognisers_too() -> None:
    from curation.pii.recognizers import ModelRecognizer, RuleRecognizer

    text = "Ragnhild Hedlund, 47 years old"
    model = ModelRecognizer().analyze(text, ["PERSON"], None)
    assert text[model[0].start : model[0].end].startswith("Ragnhild")
    (age,) = RuleRecognizer("people").analyze(text, ["AGE"], None)
    assert (age.entity_type, text[age.start : age.end]) == ("AGE", "47")


def test_a_finding_is_a_plain_tuple() -> None:
    (findings,) = scan(["mail jane@acme.org"], BY_DEFAULT)
    assert findings == [Finding("EMAIL_ADDRESS", 5, 18, 1.0)]
