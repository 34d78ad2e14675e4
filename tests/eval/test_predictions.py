"""Files of answers that somebody else made: read, refused plainly, scored to the libraries' numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sacrebleu

from conf.app import compose
from data.errors import SourceError
from data.store import Store
from eval.config import EvalConfig, PredictionsConfig
from eval.predictions import read_predictions
from eval.run import run

ROWS: list[dict[str, Any]] = [
    {
        "prediction": f"Come to the {'park' if n % 3 else 'old station'} for bread number {n}!",
        "baseline": f"Park: bread {n}",
        "references": [f"Come to the park for bread number {n}."]
        + ([f"Bread number {n} is sold at the park."] if n % 2 else []),
        "prompt": f"bread {n}, park",
    }
    for n in range(24)
]


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def config(tmp_path: Path, file: Path, *overrides: str) -> EvalConfig:
    paths = [f"store.path={tmp_path / 's.duckdb'}", f"out={tmp_path / 'out'}", f"predictions.path={file}"]
    return compose("eval", EvalConfig, [*paths, *overrides])


def refused(path: Path) -> SourceError:
    with pytest.raises(SourceError) as raised:
        read_predictions(PredictionsConfig(path=str(path)), None)
    return raised.value


def test_scores_are_printed_stored_and_equal_to_sacrebleus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config(tmp_path, write(tmp_path / "p.jsonl", ROWS))) == 0
    texts, references = [row["prediction"] for row in ROWS], [row["references"] for row in ROWS]
    streams = [[refs[0] for refs in references], [refs[1] if len(refs) > 1 else None for refs in references]]
    expected = sacrebleu.corpus_bleu(texts, streams).score
    screen = capsys.readouterr().out
    assert f"{expected:.1f}" in screen and "better on all 7 metrics" in screen
    numbers, _, paths = screen.partition("evaluation ")
    assert max(map(len, numbers.splitlines())) <= 80
    assert str(tmp_path / "out" / "evaluation.html") in paths
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        evaluation = store.evaluation("latest")
        facts = store.facts(evaluation.evaluation_id, "bleu")
        by_slice = {row["slice"]: row for row in facts.to_dicts()}
        stored = by_slice["slice=predictions,role=prediction"]
        assert stored["value"] == expected and stored["n"] == 24 and stored["low"] < expected < stored["high"]
        assert "nrefs:var" in stored["signature"]
        assert store.query(stored["evidence"]).height == 24
        difference = store.facts(evaluation.evaluation_id, "bleu_difference").to_dicts()[0]
        assert difference["slice"] == "slice=predictions,role=prediction-baseline"
        assert json.loads(difference["detail"])["conclusion"] == "better"
        answers = store.answers(evaluation.evaluation_id)
    assert set(answers["role"]) == {"prediction", "baseline"} and answers.height == 48
    page = (tmp_path / "out" / "evaluation.html").read_text(encoding="utf-8")
    assert "BETTER" in page and "Perplexity: it needs the model" in page and "<script" not in page


def test_a_file_without_baseline_is_scored_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"answer": row["prediction"].replace("old station", "park"), "gold": row["references"][0]}
        for row in ROWS
    ]
    file = write(tmp_path / "p.jsonl", rows)
    named = ["predictions.prediction=answer", "predictions.references=gold", "metrics=[rouge_l,exact_match]"]
    assert run(config(tmp_path, file, *named)) == 0
    assert "Exact match" in capsys.readouterr().out
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        facts = store.facts(name="exact_match")
        assert facts["value"].to_list() == [1.0] and store.facts(name="exact_match_difference").is_empty()


def test_the_same_file_is_the_same_evaluation(tmp_path: Path) -> None:
    file = write(tmp_path / "p.jsonl", ROWS)
    ids = []
    for overrides in ([], ["samples=1"], ["bootstrap.seed=5"]):
        run(config(tmp_path, file, *overrides))
        with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
            ids.append(store.evaluation("latest").evaluation_id)
    assert ids[0] == ids[1] != ids[2]


def test_a_missing_and_an_empty_file_are_named(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "absent.jsonl").problem
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n\n", encoding="utf-8")
    assert refused(empty).problem.endswith("empty.jsonl is empty")
    binary = tmp_path / "b.jsonl"
    binary.write_bytes(b"\xff\xfe\x00\x9d" * 50)
    assert "not UTF-8" in refused(binary).problem


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"references": "x"}, "line 2: field `prediction` is missing"),
        ({"prediction": "x"}, "line 2: field `references` is missing"),
        ({"prediction": 3, "references": "x"}, "line 2: field `prediction` is int, not a text"),
        ({"prediction": "x", "references": []}, "line 2: field `references` is neither"),
        ({"prediction": "x", "references": ["x", None]}, "line 2: field `references` is neither"),
        ({"prediction": "x", "references": "x", "baseline": None}, "line 2: field `baseline` is NoneType"),
        (["prediction"], "line 2: a list, not an object"),
    ],
)
def test_a_row_at_fault_is_named_by_line_and_field(tmp_path: Path, row: Any, words: str) -> None:
    good = {"prediction": "x", "references": "x"}
    error = refused(write(tmp_path / "p.jsonl", [good, row]))
    assert words in error.problem


def test_broken_json_is_named_by_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text('{"prediction": "x", "references": "y"}\n{"prediction": \n', encoding="utf-8")
    assert "line 2: not JSON" in refused(file).problem


def test_a_baseline_is_for_every_row_or_for_none(tmp_path: Path) -> None:
    rows = [dict(row) for row in ROWS[:4]]
    del rows[2]["baseline"]
    error = refused(write(tmp_path / "p.jsonl", rows))
    assert "3 of 4 rows have the field `baseline`" in error.problem and "row 3" in error.hints[0]
