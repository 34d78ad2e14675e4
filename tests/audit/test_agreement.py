"""QUA-003: agreement of the people who labelled rows, judged by its bound; and its part of the report."""

from __future__ import annotations

import json
import random
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from audit.agreement_chapter import agreement_blocks
from audit.checks import run_checks, selected
from audit.config import AuditConfig, PolicyConfig
from audit.context import Context
from curation.desk.questions import plain
from curation.desk.settings import QuestionConfig, QuestionsConfig, Use
from data.annotations import ITEM_SCHEMA, DeskDataset
from data.facts import Fact
from data.report import Callout, Chart, Table

KEEP = plain(QuestionsConfig(name="keep", ask={"fate": QuestionConfig(use=Use.fate)}))


def labelled(
    workshop: Any, rows: int, differ: float, *, suggested: str | None = None, name: str = "keep"
) -> None:
    """Two people answer the first `rows` records; the second one differs by this chance."""
    store = workshop.store
    frame = store.read("latest").frame("record_id", "text_hash").collect().head(rows)
    store.save_desk_dataset(
        DeskDataset(
            dataset=name,
            place="file:x",
            version=store.resolve("latest"),
            scrubbed=True,
            questions=KEEP,
            overlap=2,
        )
    )
    items = frame.with_columns(
        item=pl.col("record_id"), shown_hash=pl.lit("s"), why=pl.lit(""), hidden=pl.lit("{}"), gold=pl.lit(None),
        suggestions=pl.lit(json.dumps({"fate": [suggested, "curation", None]} if suggested else {})),
    )  # fmt: skip
    store.add_desk_items(name, items.select(list(ITEM_SCHEMA)))
    answers = []
    for record_id, text_hash in frame.iter_rows():
        chance = random.Random(record_id)
        said = chance.choice(["keep", "drop"])
        other = {"keep": "drop", "drop": "keep"}[said] if chance.random() < differ else said
        for who, value in (("annotator-1", said), ("annotator-2", other)):
            answers.append(
                {
                    "response": f"{record_id} {who}", "item": record_id, "record_id": record_id,
                    "text_hash": text_hash, "annotator": who, "status": "submitted", "stale": False,
                    "answers": json.dumps({"fate": value}), "answered": datetime(2026, 1, 1),
                }
            )  # fmt: skip
    store.add_answers(name, pl.DataFrame(answers))


def facts_of(workshop: Any, **settings: Any) -> list[Fact]:
    context = Context.of(workshop.store, AuditConfig(**settings))
    return run_checks(context, selected(["QUA-003"]))


def test_not_run_where_nobody_answered_twice(workshop: Any, many_rows: Any) -> None:
    workshop.ingest(many_rows(60))
    (fact,) = facts_of(workshop)
    assert fact.outcome == "NOT_RUN" and "overlap=2" in fact.detail["says"]
    assert agreement_blocks([fact]) == []


@pytest.mark.parametrize(
    ("rows", "differ", "least", "outcome"),
    [
        (200, 0.02, 0.667, "PASS"),
        (200, 0.5, 0.667, "FAIL"),
        (20, 0.0, 0.667, "INSUFFICIENT"),
        (60, 0.1, 0.78, "INSUFFICIENT"),
        (60, 0.1, 0.9, "WARN"),
    ],
)
def test_the_bound_decides(
    workshop: Any, many_rows: Any, rows: int, differ: float, least: float, outcome: str
) -> None:
    workshop.ingest(many_rows(250))
    labelled(workshop, rows, differ)
    whole, question = facts_of(workshop, policy=PolicyConfig(min_agreement=least))
    assert (whole.outcome, whole.n) == (outcome, rows), (whole.value, whole.low, whole.high)
    assert whole.value == question.value and question.slice == "dataset=keep|question=fate|nominal"
    assert (whole.n_needed or 0) > (rows if outcome == "INSUFFICIENT" else -1)


def test_the_least_agreement_stands_for_the_check(workshop: Any, many_rows: Any) -> None:
    workshop.ingest(many_rows(100))
    labelled(workshop, 100, 0.05, name="good")
    labelled(workshop, 100, 0.5, name="bad", suggested="keep")
    whole, *questions = facts_of(workshop)
    assert len(questions) == 2 and "of bad" in whole.detail["says"]
    assert whole.value == min(question.value for question in questions)
    accepted = [row for row in whole.detail["people"] if row["name"] == "desk_accepted"]
    assert {row["slice"].split("|")[-1] for row in accepted} == {
        "question=fate",
        "annotator-1",
        "annotator-2",
    }


def test_labels_of_another_data_set_do_not_count(workshop: Any, many_rows: Any) -> None:
    workshop.ingest(many_rows(60))
    labelled(workshop, 60, 0.1)
    workshop.store.connection.execute("UPDATE desk_items SET record_id = 'r' || record_id")
    assert facts_of(workshop)[0].outcome == "NOT_RUN"


def test_the_part_of_the_report(workshop: Any, many_rows: Any) -> None:
    workshop.ingest(many_rows(100))
    labelled(workshop, 100, 0.3, suggested="keep")
    blocks = agreement_blocks(facts_of(workshop, groups=["task"]))
    chart = next(block for block in blocks if isinstance(block, Chart))
    assert [row["name"] for row in chart.rows] == ["fate (nominal), keep"] and "0.667" in chart.caption
    questions, people, *_ = [block for block in blocks if isinstance(block, Table)]
    assert questions.rows[0][5:] == [100, 200]
    assert [row[1] for row in people.rows] == ["all", "annotator-1", "annotator-2"]
    assert any(isinstance(block, Callout | Table) for block in blocks[3:]), "groups are compared"
