"""Encoder and decoder: the mechanics, on a T5 with random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data.errors import ConfigError
from data.store import Store
from train.answers import answers
from train.config import TrainConfig
from train.load import load_base, load_tuned
from train.methods import MethodConfig
from train.models import ModelConfig
from train.run import train
from train.seq2seq_rows import tokenise_pairs
from train.tasks import Task, TaskConfig


@pytest.fixture(scope="module")
def translator(
    tmp_path_factory: pytest.TempPathFactory, settings: Callable[..., TrainConfig], store_path: Path
) -> Any:
    """A tiny T5 that has learnt to describe things."""
    config = settings(
        tmp_path_factory.mktemp("t5"),
        model=ModelConfig(name="tiny_t5"),
        method=MethodConfig(name="full"),
        task=TaskConfig(name=Task.seq2seq, max_length=64, max_answer=32),
        steps=150,
        eval_steps=75,
        learning_rate=1e-2,
        row_losses=0,
    )
    assert train(config) == 0
    with Store.open(store_path, read_only=True) as store:
        return store.runs()[-1], config


def test_it_learns_to_answer(translator: Any) -> None:
    run, _ = translator
    assert run.metrics["validation_loss"] < run.metrics["validation_loss_before"] - 3
    model, tokenizer = load_tuned(run)
    system = {"role": "system", "content": "You describe things."}
    asked = [
        [system, {"role": "user", "content": f"Describe {what} number 3."}]
        for what in ("lamp", "kettle", "bag")
    ]
    said = answers(model, tokenizer, asked, max_new_tokens=32)
    assert all(text.startswith("It is a ") for text in said), said
    assert said == [answers(model, tokenizer, [one], max_new_tokens=32)[0] for one in asked]
    untuned = answers(*load_base(run), asked, max_new_tokens=8)
    assert not any(text.startswith("It is a ") for text in untuned)


def test_a_decoder_model_is_refused(tmp_path: Path, translator: Any) -> None:
    _, config = translator
    with pytest.raises(ConfigError, match=r"task=seq2seq trains an encoder with a decoder(.|\n)*task=sft"):
        train(replace(config, model=ModelConfig(name="tiny"), out=str(tmp_path)))


def test_a_cut_text_keeps_its_end_mark_and_a_cut_answer_is_counted(translator: Any) -> None:
    _, tokenizer = load_base(translator[0])
    said = {"long": ("tell me " * 50, "word " * 50), "none": ("tell me", " ")}
    rows = pl.DataFrame(
        [
            {
                "record_id": name,
                "kind": "chat",
                "messages": [{"role": "user", "content": ask}, {"role": "assistant", "content": answer}],
                "label": None,
                "split": "train",
            }
            for name, (ask, answer) in said.items()
        ]
    )
    found = tokenise_pairs(rows, tokenizer, 20, 10)
    (example,) = found.dataset
    assert len(example["input_ids"]) == 20
    assert example["input_ids"][-1] == tokenizer.eos_token_id
    assert len(example["labels"]) == 10
    assert (found.rows_cut, found.ends_cut, found.left_out) == (1, 1, [("none", "no_answer")])
