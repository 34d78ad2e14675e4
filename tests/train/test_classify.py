"""A classifier: what it learns, what it leaves, that it repeats exactly, and the mistakes that are answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from data.errors import ConfigError, UserError
from data.store import Store
from train.baselines import linear, majority
from train.classify import predict
from train.classify_rows import labels_in, tokenise_texts
from train.classify_scores import MEASURES, confusion, measures, per_class
from train.config import TrainConfig
from train.load import load_base, load_tuned
from train.methods import MethodConfig
from train.models import ModelConfig
from train.run import train
from train.talk import talk
from train.watch import Watch


def trained_by(config: TrainConfig) -> Any:
    assert train(config) == 0
    with Store.open(config.store.path, read_only=True) as store:
        return store.runs()[-1]


def test_it_learns_the_labels(classifier: Any) -> None:
    run = classifier.run
    assert run.metrics["labels"] == ["office", "sale", "support"]
    assert run.metrics["validation_loss"] < run.metrics["validation_loss_before"] / 2
    assert run.metrics["validation_loss_before"] == pytest.approx(np.log(3), rel=0.1)
    history = json.loads((Path(run.path) / "history.json").read_text())
    last = [entry for entry in history if "eval_accuracy" in entry][-1]
    assert last["eval_accuracy"] > 0.9
    assert {f"eval_{name}" for name in MEASURES} <= set(last)


def test_the_model_it_leaves_names_its_labels_and_gives_them(classifier: Any) -> None:
    config = json.loads((Path(classifier.run.path) / "model" / "config.json").read_text())
    assert config["id2label"] == {"0": "office", "1": "sale", "2": "support"}
    model, tokenizer = load_tuned(classifier.run)
    texts = ["the agenda we lunch today", "price of the item discount", "refund please broken house"]
    found = predict(model, tokenizer, texts, max_length=64)
    assert found.sum(axis=1) == pytest.approx(1)
    assert [classifier.run.metrics["labels"][n] for n in found.argmax(axis=1)] == [
        "office",
        "sale",
        "support",
    ]
    # Padding and order change nothing.
    alone = np.concatenate([predict(model, tokenizer, [text], max_length=64) for text in texts])
    assert found == pytest.approx(alone, abs=1e-6)
    assert tokenizer.chat_template is None


def test_the_untuned_model_is_the_one_that_training_began_with(classifier: Any) -> None:
    model, tokenizer = load_base(classifier.run)
    again, _ = load_base(classifier.run)
    texts = ["the agenda we lunch today", "price of the item discount"]
    one, two = (predict(m, tokenizer, texts, max_length=64) for m in (model, again))
    assert one == pytest.approx(two, abs=0)
    assert np.abs(one - 1 / 3).max() < 0.2


def test_the_same_seed_gives_the_same_weights(tmp_path: Path, labels: Callable[..., TrainConfig]) -> None:
    one, two = (trained_by(labels(tmp_path / name, steps=12, eval_steps=6)) for name in "ab")
    other = trained_by(labels(tmp_path / "c", steps=12, eval_steps=6, seed=1))
    assert one.weights_digest == two.weights_digest != other.weights_digest


def test_resumed_is_uninterrupted(
    tmp_path: Path, labels: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    def config(name: str) -> TrainConfig:
        return labels(
            tmp_path / name, steps=24, eval_steps=8, method=MethodConfig(name="lora", r=4, alpha=8.0)
        )

    whole = trained_by(config("whole"))
    on_step_end = Watch.on_step_end

    def interrupted(self: Watch, args: Any, state: Any, control: Any, **rest: Any) -> None:
        on_step_end(self, args, state, control, **rest)
        if state.global_step == 19:
            raise KeyboardInterrupt

    monkeypatch.setattr(Watch, "on_step_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(config("stopped"))
    monkeypatch.undo()
    resumed = trained_by(replace(config("stopped"), resume="true"))
    assert resumed.weights_digest == whole.weights_digest
    assert resumed.metrics["validation_loss"] == whole.metrics["validation_loss"]


def frame(*rows: tuple[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "record_id": f"r{n}",
                "kind": "labelled",
                "messages": [{"role": "user", "content": text}],
                "label": label,
                "split": "train",
            }
            for n, (text, label) in enumerate(rows)
        ]
    )


def test_rows_without_a_label_that_is_known_are_left_out_and_named(classifier: Any) -> None:
    _, tokenizer = load_base(classifier.run)
    rows = frame(("the price", "sale"), ("the house", None), ("a letter", "post"), ("please " * 90, "sale"))
    found = tokenise_texts(rows, tokenizer, ["office", "sale"], 16)
    assert found.dataset["labels"] == [1, 1]
    assert found.left_out == [("r1", "no_label"), ("r2", "unknown_label")]
    assert found.rows_cut == 1
    assert len(found.dataset[1]["input_ids"]) == 16
    assert found.dataset[1]["input_ids"][-1] == tokenizer.sep_token_id
    assert found.answers == ["sale", "sale"]


def test_one_label_cannot_be_told_apart() -> None:
    with pytest.raises(UserError, match=r"carry 1 different labels(.|\n)*source\.fields\.label=COLUMN"):
        labels_in(frame(("a", "x"), ("b", None)))


def test_scores_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    drawn = np.random.default_rng(1)
    true, said = drawn.integers(0, 4, 200), drawn.integers(0, 4, 200)
    table = confusion(true, said, 4)
    expected = precision_recall_fscore_support(true, said, zero_division=0)
    for mine, theirs in zip(per_class(table), expected, strict=False):
        assert mine == pytest.approx(theirs)
    found = measures(table)
    assert found["accuracy"] == accuracy_score(true, said)
    assert found["macro_f1"] == pytest.approx(expected[2].mean())


def test_baselines() -> None:
    assert majority(["b", "a", "a", "b", "c"]) == "a"
    texts = [f"{word} {n}" for n in range(6) for word in ("red", "blue")]
    assert linear(texts, ["warm", "cold"] * 6, ["blue 99", "red 99"]) == ["cold", "warm"]


def test_it_does_not_talk(classifier: Any) -> None:
    with pytest.raises(UserError, match="is a classifier: it gives labels"):
        talk(replace(classifier.config, chat=classifier.run.run_id))


def test_a_model_of_another_kind_is_refused(tmp_path: Path, labels: Callable[..., TrainConfig]) -> None:
    with pytest.raises(ConfigError, match=r"task=classify trains an encoder(.|\n)*model=minilm"):
        train(labels(tmp_path, model=ModelConfig(name="tiny_t5")))


def test_more_tokens_than_the_model_has_places_for(
    tmp_path: Path, labels: Callable[..., TrainConfig]
) -> None:
    from train.tasks import Task, TaskConfig

    long = TaskConfig(name=Task.classify, max_length=4096)
    with pytest.raises(ConfigError, match=r"task\.max_length=4096 is more than the model can attend to"):
        train(labels(tmp_path, task=long))
