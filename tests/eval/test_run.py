"""Base against tuned, from the store to the report, with models that were really trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conf.app import compose
from data.errors import StoreError
from data.store import Store
from eval.config import EvalConfig
from eval.run import run

from .conftest import conversation, train_tiny


def config(store: Path, out: Path, *overrides: str) -> EvalConfig:
    settings = [f"store.path={store}", f"out={out}", "generation.max_new_tokens=16", "threads=1"]
    return compose("eval", EvalConfig, [*settings, *overrides])


def far_file(path: Path) -> Path:
    """The same task in a wording that was never trained on, and two prompts of training."""
    rows = [
        {"messages": [{"role": "system", "content": "Be short."}, *conversation(n)]} for n in range(200, 212)
    ]
    rows += [{"messages": conversation(n)} for n in range(96)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_full_training_is_better_and_everything_is_stored(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_path = tmp_path / "store.duckdb"
    store_path.write_bytes((trained / "store.duckdb").read_bytes())
    train_tiny(store_path, tmp_path, "method=full", "steps=100", "learning_rate=4e-3")
    extra = f"extra_files=[{{name: far, path: {far_file(tmp_path / 'far.jsonl')}}}]"
    assert run(config(store_path, tmp_path / "out", extra, "suite=store_test")) == 0
    screen = capsys.readouterr().out
    assert "better on" in screen and "of these prompts were also asked in training" in screen
    with Store.open(store_path, read_only=True) as store:
        evaluation = store.evaluation("latest")
        assert evaluation.run == store.run("latest").run_id
        facts = {(f["name"], f["slice"]): f for f in store.facts(evaluation.evaluation_id).to_dicts()}
        answers = store.answers(evaluation.evaluation_id)
    base, tuned = (facts["bleu", f"slice=test,role={role}"] for role in ("base", "tuned"))
    assert tuned["value"] > base["value"] + 10 and tuned["n"] == 16
    assert tuned["signature"] == base["signature"] and "tok:13a" in tuned["signature"]
    assert ("bleu", "slice=test,role=copy_nearest") in facts
    difference = facts["bleu_difference", "slice=test,role=tuned-base"]
    assert difference["low"] > 0 and json.loads(difference["detail"])["conclusion"] == "better"
    assert difference["value"] == pytest.approx(tuned["value"] - base["value"])
    perplexity = facts["perplexity_difference", "slice=test,role=tuned-base"]
    assert perplexity["high"] < 0 and json.loads(perplexity["detail"])["conclusion"] == "better"
    assert facts["nats_per_token", "slice=test,role=tuned"]["unit"] == "nats per token"
    # 64 of the 108 further prompts are training's own, and are counted as such.
    assert facts["prompts_seen_in_training", "slice=far"]["value"] == pytest.approx(64 / 108)
    assert facts["prompts_seen_in_training", "slice=test"]["value"] == 0
    assert ("store_test/bits_per_byte_difference", "suite=store_test,role=tuned-base") in facts
    assert set(answers["task"]) == {"test", "far", "store_test"}
    assert set(answers["role"]) == {"base", "tuned", "copy_nearest"}
    _report_says_what_was_stored(tmp_path / "out", tuned["value"])
    _exported_answers_score_the_same(tmp_path, tuned["value"])


def _report_says_what_was_stored(out: Path, bleu: float) -> None:
    page = (out / "evaluation.html").read_text(encoding="utf-8")
    assert (
        "BETTER" in page
        and "Prompts seen in training" in page
        and "Copying does better" in page
        and "<script" not in page
    )
    assert f"{bleu:.1f}" in page and page.count("<svg") >= 4
    document = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    stored = [f for f in document["facts"] if (f["name"], f["slice"]) == ("bleu", "slice=test,role=tuned")]
    assert [fact["value"] for fact in stored] == [bleu]


def _exported_answers_score_the_same(tmp_path: Path, bleu: float) -> None:
    other = config(
        tmp_path / "o.duckdb", tmp_path / "o", f"predictions.path={tmp_path / 'out/answers_test.jsonl'}"
    )
    assert run(other) == 0
    with Store.open(tmp_path / "o.duckdb", read_only=True) as store:
        rows = store.facts(name="bleu").to_dicts()
    assert [row["value"] for row in rows if row["slice"].endswith("role=prediction")] == [bleu]


def test_an_adapter_is_switched_off_for_the_base(trained: Path, tmp_path: Path) -> None:
    """Base answers must be those of the untouched base model, and must not depend on what is asked first."""
    from train.answers import answers
    from train.load import load_base

    store_path = tmp_path / "store.duckdb"
    store_path.write_bytes((trained / "store.duckdb").read_bytes())
    assert run(config(store_path, tmp_path / "out", "metrics=[chrf,perplexity]", "copy_nearest=false")) == 0
    with Store.open(store_path, read_only=True) as store:
        found = store.answers("latest")
        prompts = {row["item"]: row["prompt"] for row in found.to_dicts()}
        tuned_run = store.run("latest")
    model, tokenizer = load_base(tuned_run)
    ids = sorted(prompts)
    asked = [[{"role": "user", "content": prompts[i]}] for i in ids]
    expected = answers(model, tokenizer, asked, max_new_tokens=16, batch_size=16)
    by_role = {
        role: [row["prediction"] for row in found.sort("item").to_dicts() if row["role"] == role]
        for role in ("base", "tuned")
    }
    assert by_role["base"] == expected != by_role["tuned"]


def test_what_is_missing_is_said_before_a_model_is_loaded(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        run(config(tmp_path / "absent.duckdb", tmp_path / "out"))
    with pytest.raises(StoreError, match="run-nope"):
        run(config(trained / "store.duckdb", tmp_path / "out", "run=run-nope"))
    assert not (tmp_path / "out").exists()
