"""From answers to decisions: rules, ties, drafts, marks; no store."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from curation.desk.decide import REASONS, Decision, Terms, decide, later
from curation.desk.settings import Kind, Layout, QuestionConfig, QuestionsConfig, Rule, Use
from data.annotations import ANNOTATION_SCHEMA

KEEP = QuestionsConfig(
    name="keep",
    ask={
        "fate": QuestionConfig(use=Use.fate),
        "fixed": QuestionConfig(kind=Kind.text, use=Use.rewrite, required=False),
    },
)


def one(kind: Kind, use: Use, layout: Layout = Layout.dialogue, **rest: Any) -> QuestionsConfig:
    return QuestionsConfig(name="q", layout=layout, ask={"q": QuestionConfig(kind=kind, use=use, **rest)})


def answers(*given: dict[str, Any], status: str = "submitted", stale: bool = False) -> pl.DataFrame:
    """One item, one answer a person: annotator-1, annotator-2, ..."""
    rows = [
        {
            "response": str(number), "item": "r1", "record_id": "r1", "text_hash": "h", "status": status,
            "annotator": f"annotator-{number}", "answers": json.dumps(values), "stale": stale,
            "answered": datetime(2026, 1, 1),
        }
        for number, values in enumerate(given, 1)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=ANNOTATION_SCHEMA)


def decided(
    questions: QuestionsConfig, frame: pl.DataFrame, *, overlap: int = 1, **terms: Any
) -> Decision | None:
    found = decide(questions, overlap, frame, Terms(**terms), {"r1": "ham"})
    return found[0] if found else None


def fates(*values: str) -> pl.DataFrame:
    return answers(*({"fate": value} for value in values))


@pytest.mark.parametrize(
    ("values", "rule", "reason"),
    [
        (["drop"], Rule.majority, "desk_dropped"),
        (["keep", "keep", "drop"], Rule.majority, "desk_confirmed"),
        (["keep", "drop"], Rule.majority, "desk_disputed"),
        (["keep", "fix", "drop"], Rule.majority, "desk_disputed"),
        (["drop", "drop", "keep"], Rule.unanimous, "desk_disputed"),
        (["drop", "drop", "drop"], Rule.unanimous, "desk_dropped"),
        (["keep", "drop"], Rule.any, "desk_dropped"),
        (["fix"], Rule.majority, "desk_to_fix"),
    ],
)
def test_fates(values: list[str], rule: Rule, reason: str) -> None:
    decision = decided(KEEP, fates(*values), rule=rule)
    assert decision.reason == reason and reason in REASONS
    assert f"{values[0]} by annotator-1" in decision.detail


def test_the_detail_names_who_said_what() -> None:
    assert decided(KEEP, fates("drop", "keep", "drop")).detail == (
        "drop by annotator-1, annotator-3; keep by annotator-2"
    )


def test_too_few_answers_decide_nothing() -> None:
    assert decided(KEEP, fates("drop"), overlap=2) is None
    assert decided(KEEP, fates("drop"), overlap=2, min_answers=1).reason == "desk_dropped"
    assert decided(KEEP, fates("drop"), overlap=1, min_answers=3).reason == "desk_dropped", "no more can come"


@pytest.mark.parametrize("apart", [{"status": "draft"}, {"status": "discarded"}, {"stale": True}])
def test_what_does_not_count(apart: dict[str, Any]) -> None:
    assert decided(KEEP, answers({"fate": "drop"}, **apart)) is None


def test_a_fix_with_a_text_is_a_rewrite() -> None:
    both = answers(
        {"fate": "fix", "fixed": "Better."}, {"fate": "fix"}, {"fate": "keep", "fixed": "Not this."}
    )
    decision = decided(KEEP, both)
    assert (decision.reason, decision.text) == ("desk_rewritten", "Better.")


def test_two_texts_need_a_third_person() -> None:
    both = answers({"fate": "fix", "fixed": "One."}, {"fate": "fix", "fixed": "Two."})
    assert decided(KEEP, both).reason == "desk_disputed"
    assert "2 different texts" in decided(KEEP, both).detail
    assert "One." not in decided(KEEP, both).detail


def test_ratings_drop_only_where_told() -> None:
    rating = one(Kind.rating, Use.rating)
    frame = answers({"q": 1}, {"q": 4})
    assert decided(rating, frame).reason == "desk_confirmed"
    low = decided(rating, frame, drop_below=3)
    assert (low.reason, low.score) == ("desk_dropped", 2.5)


def test_a_class_is_confirmed_or_noted() -> None:
    label = one(Kind.label_selection, Use.label, labels=["ham", "spam"])
    assert decided(label, answers({"q": "ham"})).reason == "desk_confirmed"
    other = decided(label, answers({"q": "spam"}, {"q": "spam"}, {"q": "ham"}))
    assert (other.reason, other.value) == ("desk_relabelled", "spam")


def span(start: int, end: int, label: str = "PERSON") -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


def test_marks_stand_one_by_one() -> None:
    spans = one(Kind.span, Use.mask, Layout.text, labels=["PERSON", "EMAIL_ADDRESS"])
    frame = answers({"q": [span(0, 4), span(9, 12)]}, {"q": [span(0, 4)]}, {"q": []})
    assert decided(spans, frame).spans == ((0, 4, "PERSON"),)
    assert decided(spans, frame).detail.startswith("PERSON x1; by annotator-1, annotator-2, annotator-3")
    assert len(decided(spans, frame, rule=Rule.any).spans) == 2
    assert decided(spans, frame, rule=Rule.unanimous).reason == "desk_disputed"
    assert decided(spans, answers({"q": []}, {})).reason == "desk_confirmed"


def test_questions_without_a_use_decide_nothing() -> None:
    assert decided(one(Kind.rating, Use.none), answers({"q": 1})) is None


def test_a_younger_dataset_counts_unless_it_asks_something_else() -> None:
    dropped, kept = decided(KEEP, fates("drop")), decided(KEEP, fates("keep"))
    rated = decided(one(Kind.rating, Use.rating), answers({"q": 4}))
    bad = decided(one(Kind.rating, Use.rating), answers({"q": 1}), drop_below=3)
    assert later(dropped, kept) == kept, "an adjudication takes back"
    assert later(dropped, rated) == dropped, "a rating does not"
    assert later(kept, bad) == bad and later(kept, rated) == rated and later(None, rated) == rated
