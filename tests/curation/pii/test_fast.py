"""The fast path finds what Presidio finds, text by text: type, span and score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation.pii import PiiConfig
from curation.pii.engine import LANGUAGE
from curation.pii.fast import FastAnalyzer
from curation.pii.finding import Finding
from curation.pii.ner import BatchedNer

WANTED = [
    "PERSON",
    "LOCATION",
    "NRP",
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "IBAN_CODE",
    "US_SSN",
    "US_ITIN",
    "US_PASSPORT",
    "US_DRIVER_LICENSE",
    "US_BANK_NUMBER",
    "UK_NHS",
    "MEDICAL_LICENSE",
    "IP_ADDRESS",
    "CRYPTO",
    "URL",
]
TEXTS = [
    "I am saving to 945456787654, my licence permits H12234567",
    "phone: +44 20 7946 0958 / 59, or (212) 555-2368 ext. 12, 415-555-0132 2021-10-11 10:00:00",
    "Numbers: 1 2 3 4 5 6 7 8 9 0 1 2, 555-2368555-1234, 08/31/95, 3.14159265358979",
    "Mr. John Smith\nDirector, Acme Ltd.\nParis. Maria lives in New\nYork. See www.example.com.",
    "iban gb33bukb20201555555555 and GB33 BUKB 2020 1555 5555 55 today 2 days",
    "::1 and fe80::1ff:fe23:4567:890a and 10.0.0.1/24 or 1.2.3.4.5",
    "my passport, for travel to the united states, has the number 912803456",
    "Social security 536-90-4399, 536904399, 53690-4399; itin 912-70-1234",
    "",
    "   \n\n ",
    '<a href="http://n62.example.net/adclick?cid=180713&clickurl=http://example.org/x">my phone: call 415-555-0132</a>',
    "Alumni of Travel: 912803456. They licensed: H1223456, and numbering: 4155550132; was saving 945456787654",
    "Re:the number of the of and to a 415-555-0132 of:us to 912803456",
    "Łukasz Żółć met Émile Zola in Kraków — 🙂 👩‍👩‍👧 at 09:30",
]


@pytest.fixture(scope="module")
def analyzer() -> FastAnalyzer:
    return FastAnalyzer(PiiConfig(entities=WANTED))


def stock(analyzer: FastAnalyzer, text: str) -> list[Finding]:
    results = analyzer._analyzer.analyze(text, language=LANGUAGE, entities=WANTED, score_threshold=0.4)
    found = {Finding(r.entity_type, r.start, r.end, r.score) for r in results}
    return sorted(found, key=lambda f: (f.start, f.end, f.type))


@pytest.mark.parametrize("text", TEXTS)
def test_same_as_stock(analyzer: FastAnalyzer, text: str) -> None:
    assert analyzer.find([text]) == [stock(analyzer, text)]


@pytest.mark.shared_data
def test_same_as_stock_on_the_synthetic_set(analyzer: FastAnalyzer, shared_data: Path) -> None:
    path = shared_data / "pii_presidio_synth_v2" / "data" / "synth_dataset_v2.json"
    texts = [row["full_text"] for row in json.loads(path.read_text(encoding="utf-8"))[:300]]
    different = [
        text for text, own in zip(texts, analyzer.find(texts), strict=True) if own != stock(analyzer, text)
    ]
    assert not different


def test_entities_as_spacy_reads_them(analyzer: FastAnalyzer) -> None:
    nlp = analyzer._nlp
    docs = [nlp.make_doc(text) for text in TEXTS * 3]
    expected = [[(e.label_, e.start, e.end) for e in doc.ents] for doc in nlp.pipe(TEXTS * 3)]
    assert any(expected)
    assert BatchedNer(nlp, nlp.get_pipe("ner").labels).spans(docs) == expected


def test_a_model_of_another_shape_is_read_by_spacy_itself(analyzer: FastAnalyzer) -> None:
    import spacy

    with pytest.raises(ValueError, match="known shape"):
        BatchedNer(spacy.blank("en"), ["PERSON"])
    own = analyzer.find(TEXTS)
    batched, analyzer._ner = analyzer._ner, None
    try:
        assert batched is not None
        assert analyzer.find(TEXTS) == own
    finally:
        analyzer._ner = batched


def test_only_the_entities_asked_for() -> None:
    only = FastAnalyzer(PiiConfig(entities=["EMAIL_ADDRESS", "SECRET"]))
    text = "John Smith, jane@example.com, 212-555-2368"
    assert [f.type for f in only.find([text])[0]] == ["EMAIL_ADDRESS"]
