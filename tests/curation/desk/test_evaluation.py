"""A model's answers before people, blind: side by side, and one by one."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conf.app import compose
from curation.desk.adjudicate import adjudicate
from curation.desk.config import DeskCommand
from curation.desk.pull import pull
from curation.desk.push import push
from data.errors import UserError
from data.evaluations import ANSWER_SCHEMA, Evaluation
from data.store import Store

from .uploads import At

ITEMS = 24


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A store with an evaluation of 24 items, in which the tuned model's answers are marked by the word better."""
    rows = [
        {
            "task": "held_out", "item": f"{n:03d}", "role": role, "prompt": f"Question {n}?",
            "prediction": f"{'Better' if role == 'tuned' else 'Plain'} answer {n} 🎉", "references": ["x"],
            "scores": "{}",
        }
        for n in range(ITEMS)
        for role in ("base", "tuned", "copy_nearest")
    ]  # fmt: skip
    with Store.open(tmp_path / "s.duckdb") as store:
        one = Evaluation(evaluation_id="e-0123456789ab", run="r-1", version=None, config={}, path="x")
        store.save_evaluation(one, pl.DataFrame(rows, schema=ANSWER_SCHEMA))
    return tmp_path


def command(folder: Path, *overrides: str) -> DeskCommand:
    return compose("desk", DeskCommand, [f"store.path={folder / 's.duckdb'}", *overrides])


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def answer(source: Path, target: Path, person: str, how: Any) -> None:
    rows = read(source)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for one in rows:
            writer.writerow({**one, "annotator": person, **how(one)})


def test_side_by_side(work: Path) -> None:
    push(command(work, "questions=preference", f"desk.file={work}/pairs.csv"))
    rows = read(work / "pairs.csv")
    assert len(rows) == ITEMS and all("🎉" in one["a"] for one in rows)
    first = sum("Better" in one["a"] for one in rows)
    assert 4 <= first <= ITEMS - 4, "which one is A is drawn"
    text = (work / "pairs.csv").read_text(encoding="utf-8")
    assert "tuned" not in text and "base" not in text, "nobody sees which model wrote what"

    def prefer(one: dict[str, str]) -> dict[str, str]:
        if one["prompt"] in ("Question 0?", "Question 1?"):
            return {"preference": "tie"}
        tuned = "A" if "Better" in one["a"] else "B"
        return {"preference": {"A": "B", "B": "A"}[tuned] if one["prompt"] == "Question 2?" else tuned}

    answer(work / "pairs.csv", work / "ann.csv", "ann", prefer)
    pull(command(work, f"desk.file={work}/ann.csv", "apply=false"))
    with Store.open(work / "s.duckdb") as store:
        fact = store.facts(name="desk_preference").to_dicts()[0]
    assert (fact["subject"], fact["subject_kind"], fact["n"]) == ("e-0123456789ab", "evaluation", ITEMS - 2)
    assert fact["value"] == pytest.approx((ITEMS - 3) / (ITEMS - 2)) and fact["low"] > 0.7
    assert json.loads(fact["detail"])["tie"] == 2


def test_one_by_one(work: Path) -> None:
    push(command(work, "questions=answers", f"desk.file={work}/answers.csv"))
    rows = read(work / "answers.csv")
    assert len(rows) == 2 * ITEMS and len({one["item"] for one in rows}) == 2 * ITEMS
    assert "tuned" not in (work / "answers.csv").read_text(encoding="utf-8")
    assert [one["prompt"] for one in rows[:4]] != [f"Question {n}?" for n in (0, 0, 1, 1)], (
        "the order tells nothing"
    )

    def rate(one: dict[str, str]) -> dict[str, str]:
        return {"relevance": "5" if "Better" in one["answer"] else "2", "coherence": "3", "fluency": "4"}

    answer(work / "answers.csv", work / "ann.csv", "ann", rate)
    pull(command(work, f"desk.file={work}/ann.csv", "apply=false"))
    with Store.open(work / "s.duckdb") as store:
        facts = {f["slice"].rpartition("|")[2]: f for f in store.facts(name="desk_relevance").to_dicts()}
    assert (facts["role=tuned"]["value"], facts["role=base"]["value"]) == (5, 2)
    assert facts["role=tuned"]["n"] == ITEMS


def test_on_the_server(work: Path, desk: Any) -> None:
    """Both sets as the page has them: which model wrote what is in no field and no metadata; ties are adjudicated by
    nobody, and stand in nobody's way."""
    at = At(work, desk, "blind")
    places = [f"store.path={work / 's.duckdb'}", f"desk.home={desk.home}"]
    asked = [
        ("questions=preference", {"ann": {"preference": "A"}, "ben": {"preference": "B"}}),
        ("questions=answers", {"ann": {"relevance": 5, "coherence": 4, "fluency": 3}}),
    ]
    for set_, said in asked:
        at.name = set_.replace("questions=", "blind-")
        told = compose("desk", DeskCommand, [set_, "rows=6", "overlap=2", *places, f"dataset={at.name}"])
        push(told)
        records = at.records()
        assert len(records) == 6
        shown = json.dumps([[one["fields"], one["metadata"], one["suggestions"]] for one in records.values()])
        assert "tuned" not in shown and "base" not in shown
        for who, values in said.items():
            at.answer(who, {min(records): values})
        pull(told)
    with at.store() as store:
        assert store.facts(name="desk_preference").to_dicts()[0]["n"] == 0, "one for each is a tie"
        assert store.facts(name="desk_fluency").to_dicts()[0]["value"] == 3
    adjudicate(compose("desk", DeskCommand, places))
    with pytest.raises(UserError, match="nothing to adjudicate"):
        adjudicate(compose("desk", DeskCommand, [*places, "dataset=blind-preference"]))


def test_a_set_that_does_not_fit(work: Path) -> None:
    with pytest.raises(UserError, match="shows two answers"):
        push(command(work, "questions=rating", "select=pairs", f"desk.file={work}/x.csv"))
    with pytest.raises(UserError, match="shows one answer"):
        push(command(work, "questions=preference", "select=answers", f"desk.file={work}/x.csv"))
    assert not (work / "x.csv").exists()
