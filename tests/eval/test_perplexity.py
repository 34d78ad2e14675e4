"""Perplexity is the model's own cross entropy on the answer tokens, whatever the batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.errors import UserError
from data.store import Store
from eval.items import Item, split_slice
from eval.perplexity import perplexity, tokens
from train.load import load_tuned


@pytest.fixture(scope="module")
def loaded(trained: Path) -> Iterator[tuple[Any, Any, list[Item], dict[str, float]]]:
    with Store.open(trained / "store.duckdb", read_only=True) as store:
        run = store.run("latest")
        items = split_slice(store.read(run.version), "validation", None).items
        losses = {row["slice"]: row["value"] for row in store.facts(run.run_id, "validation_loss").to_dicts()}
    model, tokenizer = load_tuned(run)
    yield model, tokenizer, items, losses


def test_it_is_the_loss_that_training_measured(loaded: Any) -> None:
    model, tokenizer, items, losses = loaded
    tuned = perplexity(model, tokenizer, items, batch_size=4)
    with model.disable_adapter():
        base = perplexity(model, tokenizer, items, batch_size=4)
    # Every answer of this set has the same number of tokens, so that the mean of means is the mean.
    assert math.log(tuned.value) == pytest.approx(losses["role=tuned"], rel=1e-4)
    assert math.log(base.value) == pytest.approx(losses["role=base"], rel=1e-4)
    assert tuned.signature == base.signature


def test_it_is_transformers_loss_with_the_prompt_masked(loaded: Any) -> None:
    import torch

    model, tokenizer, items, _ = loaded
    prompt, answer = tokens(tokenizer, items[0])
    assert tokenizer.decode(answer) == items[0].references[0] + tokenizer.eos_token
    ids = torch.tensor([prompt + answer])
    labels = torch.tensor([[-100] * len(prompt) + answer])
    with torch.inference_mode():
        expected = model(input_ids=ids, labels=labels).loss.item()
    found = perplexity(model, tokenizer, items[:1], batch_size=1)
    assert found.statistics[0, 0] / len(answer) == pytest.approx(expected, rel=1e-5)
    assert found.statistics[0, 1] == len(answer)


def test_batches_and_padding_change_nothing(loaded: Any) -> None:
    model, tokenizer, items, _ = loaded
    longer = Item(
        "long", [{"role": "user", "content": "word " * 60}], ["a rather longer answer than the others"]
    )
    mixed = [items[0], longer, *items[1:6]]
    one_by_one = perplexity(model, tokenizer, mixed, batch_size=1).statistics
    together = perplexity(model, tokenizer, mixed, batch_size=7).statistics
    assert together == pytest.approx(one_by_one, rel=1e-5)


def test_a_prompt_beyond_the_context_loses_its_start_and_an_answer_is_refused(loaded: Any) -> None:
    model, tokenizer, _, _ = loaded
    question = [{"role": "user", "content": "harbour soup " * 2000}]
    found = perplexity(model, tokenizer, [Item("x", question, ["short"])], batch_size=1)
    assert math.isfinite(found.value)
    with pytest.raises(UserError, match="does not fit the model's 2,048 positions"):
        perplexity(model, tokenizer, [Item("y", question, ["harbour soup " * 2000])], batch_size=1)


# PEFT asks transformers for it.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
def test_the_positions_of_a_learnt_prompt_are_not_those_of_the_row(loaded: Any) -> None:
    import torch
    from peft import PromptTuningConfig, TaskType, get_peft_model

    adapted, tokenizer, items, _ = loaded
    base = adapted.get_base_model()
    torch.manual_seed(7)
    learnt = PromptTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=5)
    model = get_peft_model(type(base)(base.config), learnt).eval()
    prompt, answer = tokens(tokenizer, items[0])
    labels = torch.tensor([[-100] * len(prompt) + answer])
    with torch.inference_mode():
        expected = model(input_ids=torch.tensor([prompt + answer]), labels=labels).loss.item()
    found = perplexity(model, tokenizer, items[:1], batch_size=1)
    assert found.statistics[0, 0] / len(answer) == pytest.approx(expected, rel=1e-5)
