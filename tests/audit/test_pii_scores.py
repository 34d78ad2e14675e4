"""The scorer of labelled spans: counts that can be checked by hand."""

from __future__ import annotations

import pytest

from audit.pii_names import KINDS, kind_of
from audit.pii_scores import Label, f_beta, score
from curation.pii import Finding
from curation.pii.config import ENTITIES

TEXT = "Jane Roe lives in Oslo, jane@acme.org"
PERSON, PLACE, MAIL = Label("PERSON", 0, 8), Label("GPE", 18, 22), Label("EMAIL", 24, 37)


def finding(kind: str, start: int, end: int) -> Finding:
    return Finding(kind, start, end, 1.0)


def test_counts_by_hand() -> None:
    found = [
        finding("PERSON", 0, 4),
        finding("PERSON", 18, 22),
        finding("URL", 29, 37),
        finding("PERSON", 9, 14),
    ]
    scores = score([TEXT], [[PERSON, PLACE, MAIL]], [found])
    assert (scores.recall, scores.typed_recall) == (1.0, 1 / 3)
    # `lives` is a false alarm; the URL inside the address overlaps a label, so it is right.
    assert scores.precision == 3 / 4
    assert scores.right_typed == {"PERSON": 1, "URL": 0} and scores.said == {"PERSON": 3, "URL": 1}
    # labelled: JaneRoe 7, Oslo 4, janeacmeorg 11; found: Jane 4, Oslo 4, acmeorg 7, lives 5
    (characters,) = scores.characters
    assert characters == (15, 22, 20)
    assert scores.f2 == pytest.approx(5 * 15 / (4 * 22 + 20))


def test_findings_of_kinds_that_are_not_labelled_are_left_out() -> None:
    scores = score([TEXT], [[PERSON]], [[finding("PERSON", 0, 8), finding("EMAIL_ADDRESS", 24, 37)]])
    assert scores.precision == 1.0 and scores.unlabelled == {"EMAIL_ADDRESS": 1}


def test_touching_is_not_overlapping() -> None:
    scores = score(["abcd"], [[Label("PERSON", 0, 2)]], [[finding("PERSON", 2, 4)]])
    assert (scores.recall, scores.precision) == (0.0, 0.0)


def test_nothing_labelled_and_nothing_found() -> None:
    scores = score(["abcd"], [[]], [[]])
    assert (scores.recall, scores.precision, scores.f2) == (None, None, None)
    assert f_beta(0, 3, 0) == 0.0 and f_beta(3, 3, 3) == 1.0


def test_slices_and_own_kinds() -> None:
    label = Label("BADGE", 0, 4, (("origin", "hr_HR"),))
    scores = score(["ab12"], [[label]], [[finding("EMPLOYEE", 0, 4)]], kinds={"BADGE": "EMPLOYEE"})
    assert scores.typed_recall == 1.0
    assert scores.sliced[("origin", "hr_HR")] == [1, 1, 1]


def test_the_interval_of_f2_holds_it() -> None:
    texts = [TEXT] * 40
    found = [[finding("PERSON", 0, 8)] if n % 3 else [] for n in range(40)]
    scores = score(texts, [[PERSON]] * 40, found)
    low, high = scores.f2_interval(draws=200)
    assert scores.f2 is not None and low < scores.f2 < high
    assert scores.f2_interval(draws=200) == (low, high)


def test_names_of_types() -> None:
    assert (
        kind_of("B-person") == "PERSON"
        and kind_of("street address") == "LOCATION"
        and kind_of("nope") == "NOPE"
    )
    listed = [name for names in KINDS.values() for name in names]
    assert len(listed) == len(set(listed)) and not set(listed) & set(KINDS)
    # Every name of a person, place or group that a detector gives has a kind that the table knows.
    assert {kind_of(name) for name in ENTITIES} - set(KINDS) <= {
        "AGE", "CRYPTO", "MAC_ADDRESS", "MEDICAL_LICENSE", "UUID",
    }  # fmt: skip
