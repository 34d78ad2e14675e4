"""Real mails: the addresses of their headers, which nobody labelled for us, must be gone from the bodies.

Weak truth: a header names sender and receivers, the body quotes and signs with them. Counts only; no name is printed.
"""

from __future__ import annotations

import email
import gzip
import json
from collections.abc import Iterator
from email.utils import getaddresses
from pathlib import Path

import pytest

from curation.pii import Operator, PiiConfig
from curation.pii.detect import Scanner
from curation.pii.finding import PLACEHOLDER
from curation.pii.instead import Operators
from curation.pii.masking import mask
from data.load.mail import mail_text

pytestmark = [pytest.mark.shared_data, pytest.mark.slow]
MAILS = 400
SECRET = "k3Jd92-mmQpWz_81xLbTReUo0vYcHs5aGi7Nf4"


@pytest.fixture(scope="module")
def mails(shared_data: Path) -> list[str]:
    with gzip.open(shared_data / "mail_spamassassin" / "easy-ham-2.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for _, line in zip(range(MAILS), file, strict=False)]
    return [row if isinstance(row, str) else max(map(str, row.values()), key=len) for row in rows]


@pytest.fixture(scope="module")
def scanner() -> Iterator[Scanner]:
    with Scanner(PiiConfig()) as one:
        yield one


def addresses(mails: list[str]) -> set[str]:
    found: set[str] = set()
    for mail in mails:
        message = email.message_from_string(mail)
        headers = [str(h) for name in ("From", "To", "Cc", "Reply-To") for h in message.get_all(name, [])]
        found |= {address.lower() for _, address in getaddresses(headers) if "@" in address}
    return found


def holding(texts: list[str], wanted: set[str]) -> int:
    return sum(any(one in text.lower() for one in wanted) for text in texts)


@pytest.mark.parametrize("operator", [Operator.pseudonym, Operator.surrogate])
def test_no_header_address_is_left_in_a_body(
    operator: Operator, mails: list[str], scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEPROOF_PII_KEY", SECRET)
    texts = [mail_text(mail) for mail in mails]
    wanted = addresses(mails)
    assert len(wanted) > 100 and holding(texts, wanted) > 300
    records = [[{"role": "document", "content": text}] for text in texts]
    masked = mask(records, scanner, Operators(PiiConfig(operator=operator)))
    after = [record.messages[0]["content"] for record in masked]
    assert holding(after, wanted) == 0
    # Still readable: as many lines, nearly as long, and for surrogates hardly a placeholder.
    assert all(a.count("\n") <= b.count("\n") for a, b in zip(after, texts, strict=True))
    assert 0.8 < sum(map(len, after)) / sum(map(len, texts)) < 1.25
    if operator is Operator.surrogate:
        placeholders = sum(len(PLACEHOLDER.findall(text)) for text in after)
        assert placeholders < 0.02 * sum(record.counts.total() for record in masked)
    again = mask(
        [record.messages for record in masked], scanner, None, [record.replaced for record in masked]
    )
    assert sum(record.counts.total() for record in again) == 0
