"""Losses by row: that they are the rows' own, that the store keeps them, and what the two commands say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from data.__main__ import main
from data.runs import Run
from data.store import Store
from train.answers import answers
from train.config import TrainConfig
from train.generated import scores
from train.ingredients import gather
from train.load import load_base, load_tuned
from train.models import ModelConfig
from train.row_loss import LEAST, MOST, before_and_after, row_losses, rows_to_measure
from train.rows import tokenise
from train.run import train
from train.tasks import Task, TaskConfig

Make = Callable[..., TrainConfig]


def test_the_loss_of_a_row_is_what_the_row_alone_gives(trained: Any) -> None:
    model, tokenizer = load_tuned(trained.run)
    learnt = tokenise(gather(trained.config).train, tokenizer, 200)
    found = row_losses(model, tokenizer, {"train": learnt}, 10, "")
    assert found.height == 10
    for row, kept in zip(learnt.dataset, found.to_dicts(), strict=False):
        ids, labels = (torch.tensor([row[name]]) for name in ("input_ids", "labels"))
        with torch.no_grad():
            alone = float(model(input_ids=ids, labels=labels).loss)
        assert kept["record_id"] == row["record_id"]
        assert kept["loss"] == pytest.approx(alone, abs=1e-4)
        assert kept["tokens"] == sum(label != -100 for label in row["labels"][1:])


def test_the_store_keeps_what_base_and_tuned_lose(trained: Any) -> None:
    with Store.open(trained.config.store.path, read_only=True) as store:
        losses = store.row_losses(trained.run.run_id)
    assert losses.columns == ["record_id", "split", "tokens", "before", "after"]
    assert trained.run.metrics["row_losses"] == {"train": LEAST, "validation": 12}
    assert losses.filter(split="train").height == LEAST
    assert (losses["after"] < losses["before"]).all()
    base, tokenizer = load_base(trained.run)
    validation = tokenise(gather(trained.config).validation, tokenizer, 200)
    again = row_losses(base, tokenizer, {"validation": validation}, 12, "")
    kept = losses.filter(split="validation")
    assert kept["before"].to_list() == pytest.approx(again.sort("record_id")["loss"].to_list(), abs=1e-5)


def test_as_many_rows_as_a_tenth_of_the_training_pays_for() -> None:
    assert rows_to_measure(TrainConfig(row_losses=7), 1000) == 7
    assert rows_to_measure(TrainConfig(batch_size=8), 10) == LEAST
    assert rows_to_measure(TrainConfig(batch_size=8), 1000) == 600
    assert rows_to_measure(TrainConfig(batch_size=8, accumulation=16), 100_000) == MOST


@pytest.fixture
def judged_store(tmp_path: Path, plant: Make, conversations: Callable[[int], Any]) -> Path:
    """A store with losses by row of a run that never was: what the commands say does not depend on the model."""
    config = plant(conversations(30))
    with Store.open(config.store.path) as store:
        version = store.resolve("latest")
        records = store.read(version).frame("record_id", "split").collect()
        run = Run(
            run_id="run-1", version=version, model="tiny", method="lora", config={}, seed=0, status="done"
        )
        run.rows = {"train": 18, "validation": 6}
        store.save_run(run)
        kept = records.filter(pl.col("split") != "test").with_columns(
            tokens=pl.lit(9), before=pl.lit(2.0), after=pl.lit(1.0)
        )
        ids = kept.filter(split="train")["record_id"]
        after = (
            pl.when(pl.col("record_id") == ids[0]).then(2.5).when(pl.col("record_id") == ids[1]).then(0.01)
        )
        store.save_row_losses("run-1", kept.with_columns(after=after.otherwise(pl.col("after"))))
    return Path(config.store.path)


def test_the_hardest_rows_come_first_with_their_texts(
    judged_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hardest", "--store", str(judged_store), "--rows", "2"]) == 0
    said = capsys.readouterr().out
    assert "train: 18 of 18 rows measured; mean loss 2.000 before, 1.028 after" in said
    assert "1 of 18 have no lower loss than before" in said
    assert said.index("2.000 -> 2.500") < said.index("2.000 -> 1.000")
    assert said.count("9 tokens") == 2
    assert "answer: It is a" in said


def test_memorised_rows_are_counted_against_rows_that_were_not_trained_on(
    judged_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memorised", "run-1", "--store", str(judged_store), "--rows", "1"]) == 0
    said = capsys.readouterr().out
    assert "1 of 18 have a loss below that of every one of 6 rows" in said
    assert "2.000 -> 0.010" in said


def test_a_run_without_losses_by_row_says_how_to_get_them(
    judged_store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(judged_store) as store:
        store.save_row_losses("run-1", store.row_losses("run-1").head(0))
    assert main(["hardest", "--store", str(judged_store)]) == 2
    assert "run-1 kept no losses by row" in capsys.readouterr().err


def test_losses_of_before_and_after_are_joined_by_row() -> None:
    before = pl.DataFrame({"record_id": ["a", "b"], "split": "train", "tokens": [1, 2], "loss": [3.0, 4.0]})
    after = before.reverse().with_columns(loss=pl.col("loss") - 1)
    assert before_and_after(before, after)["after"].to_list() == [2.0, 3.0]


@pytest.mark.parametrize(("model", "task"), [("tiny_bert", Task.classify), ("tiny_t5", Task.seq2seq)])
def test_rows_of_the_other_tasks_have_losses_too(plant: Make, model: str, task: Task) -> None:
    rows = [
        {"messages": [{"role": "user", "content": f"{thing} number {n}"}], "label": label, "kind": "labelled",
         "split": ("train", "train", "validation")[n % 3]}
        for n in range(9) for label, thing in (("warm", "coat"), ("cold", "ice"))
    ]  # fmt: skip
    config = plant(
        rows, model=ModelConfig(name=model), task=TaskConfig(name=task, max_length=32), learning_rate=1e-3
    )
    assert train(config) == 0
    with Store.open(config.store.path, read_only=True) as store:
        losses = store.row_losses("latest")
        run = store.run("latest")
    assert losses.group_by("split").len().sort("split").rows() == [("train", 12), ("validation", 6)]
    assert losses["before"].is_finite().all()
    held_out = losses.filter(split="validation")
    if task is Task.classify:
        assert held_out["before"].mean() == pytest.approx(run.metrics["validation_loss_before"], rel=0.02)


def test_answers_are_generated_at_each_validation(plant: Make, conversations: Callable[[int], Any]) -> None:
    config = plant(conversations(30), generate_rows=3, max_new_tokens=5)
    assert train(config) == 0
    with Store.open(config.store.path, read_only=True) as store:
        run = store.run("latest")
    import json

    history = json.loads((Path(run.path) / "history.json").read_text())
    measured = {entry["step"]: entry for entry in history if "eval_exact_match" in entry}
    assert set(measured) == {0, 2}
    assert all(0 <= entry["eval_chrf"] <= 100 for entry in measured.values())
    # It changes nothing of what is learnt.
    assert train(replace(config, generate_rows=0, force=True)) == 0
    with Store.open(config.store.path, read_only=True) as store:
        assert store.run("latest").weights_digest == run.weights_digest


def test_answers_are_compared_exactly_and_by_characters(trained: Any) -> None:
    assert scores(["It is red. ", "no"], ["It is red.", "yes"])["exact_match"] == 0.5
    assert scores(["It is red."], ["It is red."])["chrf"] == pytest.approx(100)
    model, tokenizer = load_tuned(trained.run)
    asked = [{"role": "user", "content": "Describe lamp number 7."}]
    assert answers(model, tokenizer, [asked], max_new_tokens=4)[0]


def test_no_losses_by_row_where_none_are_wanted(plant: Make, conversations: Any) -> None:
    config = plant(conversations(30), row_losses=0)
    assert train(config) == 0
    with Store.open(config.store.path, read_only=True) as store:
        assert store.row_losses("latest").is_empty()
        assert "row_losses" not in store.run("latest").metrics
