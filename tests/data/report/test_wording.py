"""Numbers in words, outcome words and word differences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.facts import Outcome
from data.report.html import csv_link
from data.report.outcomes import WORDS, severity, word_of, worst
from data.report.worddiff import spans
from data.report.wording import DIFFERENCE, counted, interval, measured, number, p_value, percent, quantity


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (12345, "12,345"),
        (0.012345, "0.0123"),
        (1234.5, "1,234"),
        (0.0, "0"),
        (None, "–"),
        (float("nan"), "–"),
        (-2.5, "-2.50"),
        (True, "yes"),
    ],
)
def test_number(value: float | None, words: str) -> None:
    assert number(value) == words


@pytest.mark.parametrize(
    ("fraction", "words"),
    [
        (0.0325, "3.25 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.99999, ">99.99 %"),
        (0.9951, "99.51 %"),
        (0.00012, "0.0120 %"),
    ],
)
def test_percent_never_rounds_to_certainty(fraction: float, words: str) -> None:
    assert percent(fraction) == words


def test_quantities_and_intervals_carry_their_unit() -> None:
    assert quantity(403.0, "rows") == "403 rows"
    assert quantity(1.0, "rows") == "1 row" and quantity(1.0, "pairs across splits") == "1 pair across splits"
    assert [counted(n, "entry", "entries") for n in (0, 1, 1234)] == ["0 entries", "1 entry", "1,234 entries"]
    assert interval(0.021, 0.044, "fraction") == "2.10 % to 4.40 %"
    assert quantity(-0.15, DIFFERENCE) == "-15.0 points"
    assert interval(-0.0912, 0.0004, DIFFERENCE) == "-9.1 to 0.04 points"
    assert (p_value(1e-9), p_value(0.0599), p_value(None)) == ("< 0.001", "0.060", "–")
    assert interval(None, 0.01, "fraction") == "at most 1.00 %"
    assert (
        measured(0.032, "fraction", low=0.021, high=0.044, n=1212) == "3.20 % (2.10 % to 4.40 %, n = 1,212)"
    )


def test_only_pass_and_accepted_and_better_are_green() -> None:
    green = {outcome for outcome, word in WORDS.items() if word.tone == "good"}
    assert green == {"PASS", "ACCEPTED", "BETTER"}
    assert set(Outcome) <= set(WORDS)


def test_worst_first() -> None:
    assert worst(["PASS", "INSUFFICIENT", "WARN"]) == "WARN"
    assert worst([]) == "NOT_RUN"
    assert severity("FAIL") < severity("NOT_RUN") < severity("PASS") < severity("a decision of one's own")
    assert word_of("HOLD_BACK").label == "HOLD BACK"


@given(st.text(alphabet="ab \n", max_size=40), st.text(alphabet="ab \n", max_size=40))
def test_marked_pieces_give_the_texts_back(left: str, right: str) -> None:
    marked_left, marked_right = spans(left, right)
    assert "".join(piece for piece, _ in marked_left) == left
    assert "".join(piece for piece, _ in marked_right) == right
    if left.split() == right.split():
        assert not any(differs and piece.strip() for piece, differs in marked_left + marked_right)


def test_csv_defuses_formulas() -> None:
    import base64

    text = base64.b64decode(csv_link([{"group": "=1+1", "rows": -3}]).split(",")[1]).decode()
    assert text == "group,rows\n'=1+1,-3\n"
