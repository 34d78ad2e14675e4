"""What the filters and the merging of the engine `best` make of findings, without any model."""

from __future__ import annotations

import pytest

from curation.pii.finding import Finding, denied, outside_code_blocks, outside_placeholders
from curation.pii.junk import without_junk
from curation.pii.merging import merged
from curation.pii.programs import code_ranges, without_identifiers

CODE = (
    "def greet(name):\n    arr = [1, 2]\n    return arr\n\nprint(greet('Jane Roe'))\nusers = {'Tom': 12345}\n"
)
EVERY = frozenset(
    {"PERSON", "LOCATION", "STREET_ADDRESS", "ZIP_CODE", "EMAIL_ADDRESS", "URL", "AGE", "ORGANIZATION"}
)


def at(text: str, value: str, kind: str, score: float = 0.85) -> Finding:
    start = text.index(value)
    return Finding(kind, start, start + len(value), score)


@pytest.mark.parametrize(
    ("kind", "text", "value", "stays"),
    [
        ("PERSON", "ask Jane Roe about it", "Jane Roe", True),
        ("PERSON", "at 10:30 today", "10:30 today", False),
        ("PERSON", "in 1984 and 42", "1984", False),
        ("PERSON", "a Python script", "Python", False),
        ("PERSON", "call jane.roe() now", "jane", False),
        ("PERSON", "hahaha good one", "hahaha", False),
        ("PERSON", "by helicopter", "helicopter", False),
        ("LOCATION", "in Oslo", "Oslo", True),
        ("LOCATION", "the Node() call", "Node", False),
        ("DATE_TIME", "on Tuesday morning", "Tuesday morning", True),
        ("DATE_TIME", "in 1992", "1992", True),
        ("DATE_TIME", "for three days", "three days", False),
        ("DATE_TIME", "about 20 minutes", "about 20 minutes", False),
        ("DATE_TIME", "in the 60s", "the 60s", False),
        ("URL", "see acme.org/about today", "acme.org/about", True),
        ("URL", "open main.py first", "main.py", False),
        ("URL", "use self.name here", "self.name", False),
        ("URL", "at http://localhost:8080/x", "http://localhost:8080/x", False),
        ("IP_ADDRESS", "bind 0.0.0.0 now", "0.0.0.0", False),
        ("IP_ADDRESS", "from 203.0.113.77 now", "203.0.113.77", True),
        ("NATIONAL_ID", "value 3.14159265 is", "3.14159265", False),
        ("ZIP_CODE", "a salary above 50000 a year", "50000", False),
        ("ZIP_CODE", "Springfield 62704", "62704", True),
        ("PERSON", "or else nothing", "else", False),
    ],
)
def test_filters(kind: str, text: str, value: str, *, stays: bool) -> None:
    assert bool(without_junk(text, [at(text, value, kind)])) is stays


def test_names_that_spacy_alone_sees_in_lower_case() -> None:
    text = "ask zzyx about it"
    assert without_junk(text, [at(text, "zzyx", "PERSON")]) == []
    assert without_junk(text, [at(text, "zzyx", "PERSON", 0.7)]) != []


def test_code_is_told_from_prose() -> None:
    assert code_ranges(CODE) == [(0, len(CODE))]
    assert code_ranges("Jane wrote to us. She asked for a refund, and we agreed.\nThat was in May.") == []
    mixed = "Please look at this, Jane:\n```\narr = 1\n```\nThank you very much for it."
    start, end = code_ranges(mixed)[0]
    assert mixed[start:end].startswith("```")


def test_in_code_a_name_is_a_first_and_a_last_name() -> None:
    found = [at(CODE, "arr", "PERSON"), at(CODE, "Jane Roe", "PERSON"), at(CODE, "Tom", "PERSON")]
    numbers = [at(CODE, "12345", "ZIP_CODE")]
    assert without_identifiers(CODE, found + numbers) == [found[1]]


def test_in_code_addresses_of_services_and_examples_are_nobodys() -> None:
    code = (
        "url = 'https://api.acme.org/v1/items'\npage = 'https://acme.org/~jroe'\nage = 31\n"
        "host = '192.168.1.1'\npeer = '8.8.4.4'\nmail(\"a@example.com\", \"jane.roe@acme.org\")\nmax - min;\n"
    )
    kinds = {
        "https://api.acme.org/v1/items": "URL", "https://acme.org/~jroe": "URL", "31": "AGE",
        "192.168.1.1": "IP_ADDRESS", "8.8.4.4": "IP_ADDRESS", "a@example.com": "EMAIL_ADDRESS",
        "jane.roe@acme.org": "EMAIL_ADDRESS",
        "max - min": "PERSON",
    }  # fmt: skip
    kept = without_identifiers(code, [at(code, value, kind) for value, kind in kinds.items()])
    assert [code[f.start : f.end] for f in kept] == ["https://acme.org/~jroe", "8.8.4.4", "jane.roe@acme.org"]


def test_merging_joins_words_and_parts() -> None:
    text = "Ada Lovelace lives at 12 Main Street, Springfield"
    parts = [
        at(text, "Ada", "PERSON"), at(text, "Lovel", "PERSON"), at(text, "12", "STREET_ADDRESS"),
        at(text, "Main Street", "STREET_ADDRESS"), at(text, "Springfield", "LOCATION"),
    ]  # fmt: skip
    both = merged(text, parts, EVERY)
    assert [(f.type, text[f.start : f.end]) for f in both] == [
        ("PERSON", "Ada Lovelace"),
        ("STREET_ADDRESS", "12 Main Street"),
        ("LOCATION", "Springfield"),
    ]
    address = merged(text, parts, EVERY - {"LOCATION"})
    assert [text[f.start : f.end] for f in address] == ["Ada Lovelace", "12 Main Street, Springfield"]


def test_nothing_is_found_inside_something_certain() -> None:
    text = "mail jane.roe@acme.org"
    parts = [
        at(text, "jane.roe@acme.org", "EMAIL_ADDRESS", 1.0),
        at(text, "roe", "PERSON"),
        at(text, "acme.org", "URL"),
    ]
    assert [f.type for f in merged(text, parts, EVERY)] == ["EMAIL_ADDRESS"]


def test_a_name_is_found_again_in_the_same_text() -> None:
    text = "Ada Lovelace called. Later Lovelace wrote."
    found = merged(text, [at(text, "Ada Lovelace", "PERSON")], EVERY)
    assert [text[f.start : f.end] for f in found] == ["Ada Lovelace", "Lovelace"]


def test_denied_words_are_whole_words_in_any_case() -> None:
    text = "Project BLUE  heron, and blueheron"
    assert denied(text, {"ORGANIZATION": ["blue heron"]}) == [Finding("ORGANIZATION", 8, 19, 1.0)]


def test_code_blocks_may_stay_open() -> None:
    text = "a@b.co\n```\nc@d.co"
    findings = [at(text, "a@b.co", "EMAIL_ADDRESS"), at(text, "c@d.co", "EMAIL_ADDRESS")]
    assert outside_code_blocks(text, findings) == findings[:1]


def test_placeholders_of_own_types() -> None:
    text = "see <EMPLOYEE_2> and <PERSON>"
    findings = [at(text, "EMPLOYEE_2", "EMPLOYEE"), at(text, "PERSON", "PERSON")]
    assert outside_placeholders(text, findings, ["EMPLOYEE"]) == []
    assert len(outside_placeholders(text, findings)) == 1
