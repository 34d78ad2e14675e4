"""The second family: structure and checksums, no model."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from curation.pii import patterns, scan_patterns

FOUND = [
    ("EMAIL_ADDRESS", "write to jane.doe+x@mail.example.co.uk, please", "jane.doe+x@mail.example.co.uk"),
    ("CREDIT_CARD", "paid with 4111-1111-1111-1111.", "4111-1111-1111-1111"),
    ("CREDIT_CARD", "amex 378282246310005", "378282246310005"),
    ("IBAN_CODE", "to DE89 3704 0044 0532 0130 00 please", "DE89 3704 0044 0532 0130 00"),
    ("IBAN_CODE", "to gb33bukb20201555555555 please", "gb33bukb20201555555555"),
    ("US_SSN", "ssn 536-90-4399", "536-90-4399"),
    ("US_ITIN", "itin 912-90-3456", "912-90-3456"),
    ("UK_NHS", "NHS no. 943 476 5919", "943 476 5919"),
    ("IP_ADDRESS", "from 203.0.113.77.", "203.0.113.77"),
    ("IP_ADDRESS", "from 2001:db8:85a3:0:0:8a2e:370:7334", "2001:db8:85a3:0:0:8a2e:370:7334"),
    ("CRYPTO", "to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa now", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ("PHONE_NUMBER", "call (415) 555-2671 now", "(415) 555-2671"),
    ("PHONE_NUMBER", "call +49 30 901820", "+49 30 901820"),
    ("PHONE_NUMBER", "my phone number is 06 49 95 69 15", "06 49 95 69 15"),
    ("SECRET", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("SECRET", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"),
    ("MAC_ADDRESS", "at 00:1B:44:11:3A:B7", "00:1B:44:11:3A:B7"),
]


@pytest.mark.parametrize(("kind", "text", "value"), FOUND)
def test_found(kind: str, text: str, value: str) -> None:
    (findings,) = scan_patterns([text])
    assert [(f.type, text[f.start : f.end]) for f in findings] == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "nothing here",
        "a@b, logo@2x.png, user@localhost",
        "4111-1111-1111-1112 and 0000 0000 0000 0000",
        "DE89 3704 0044 0532 0130 01",
        "ssn 666-90-4399",
        "NHS no. 9434765918",
        "version 1.2.3.4.5 and 999.1.1.1 and 127.0.0.1 and 10:30:00",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "order 4155552671, 2021-10-11, 1999-2004, 555-1234",
        "the call took 5 minutes, phone 12",
        "AKIA1234 and ghp_short",
    ],
)
def test_near_misses(text: str) -> None:
    assert scan_patterns([text]) == [[]]


def test_shares_nothing_with_the_first_family() -> None:
    imported = {
        node.module
        for node in ast.walk(ast.parse(Path(patterns.__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("curation")
    }
    assert imported == {"curation.pii.finding"}
