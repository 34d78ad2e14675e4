"""Batched answers: in the order asked, the same for every batch size, and ended by the end of turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from train.answers import answers
from train.chat import prompt_ids
from train.config import TrainConfig
from train.ingredients import gather
from train.load import load_tuned
from train.methods import MethodConfig
from train.models import ModelConfig, quiet
from train.run import learn
from train.tasks import TaskConfig

ASKED = [
    [
        {"role": "system", "content": "You describe things."},
        {"role": "user", "content": f"Describe {thing} number {n}."},
    ]
    for n, thing in enumerate(["kettle", "lamp " * 9, "bag", "chair " * 20, "shoe"])
]


@pytest.fixture(scope="module")
def tuned(trained: Any) -> tuple[Any, Any]:
    return load_tuned(trained.run)


def test_the_batch_size_changes_nothing(tuned: tuple[Any, Any]) -> None:
    singles = [answers(*tuned, [asked], max_new_tokens=12)[0] for asked in ASKED]
    finished: list[int] = []
    together = answers(*tuned, ASKED, max_new_tokens=12, batch_size=3, advance=finished.append)
    assert together == singles
    assert finished == [3, 2]
    assert any(singles)


def test_a_learnt_prompt_stands_right_before_each_row(
    settings: Callable[..., TrainConfig], trained: Any, tmp_path: Path
) -> None:
    """Also where rows of other lengths are asked at the same time: padding between them would change the answers."""
    whole, tokenizer = load_tuned(trained.run)
    with quiet():
        whole.merge_and_unload().save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    config = settings(
        tmp_path / "out", model=ModelConfig(name="hub", path=str(tmp_path / "base")), task=TaskConfig(max_length=200),
        method=MethodConfig(name="prompt", tokens=6), steps=4, eval_steps=4, learning_rate=0.3,
    )  # fmt: skip
    model, tokenizer = load_tuned(learn(config, gather(config), Console(quiet=True), stored=False))
    finished: list[int] = []
    together = answers(model, tokenizer, ASKED, max_new_tokens=12, batch_size=5, advance=finished.append)
    assert together == [answers(model, tokenizer, [asked], max_new_tokens=12)[0] for asked in ASKED]
    assert sum(finished) == 5 and len(finished) > 1
    assert all(together)
    # What padding would do: the last token's logits are others with it, which attention alone would not make them.
    ids = torch.tensor([prompt_ids(tokenizer, ASKED[0])])
    padding = torch.full((1, 40), tokenizer.pad_token_id)
    padded, mask = torch.cat([padding, ids], 1), torch.cat([padding * 0, ids * 0 + 1], 1)
    with torch.inference_mode():
        alone = model(input_ids=ids, attention_mask=ids * 0 + 1).logits[0, -1]
        with_padding = model(input_ids=padded, attention_mask=mask).logits[0, -1]
    assert not torch.allclose(alone, with_padding, atol=1e-3)


def test_answers_hold_no_special_tokens_and_stay_short(tuned: tuple[Any, Any]) -> None:
    model, tokenizer = tuned
    found = answers(model, tokenizer, ASKED, max_new_tokens=5)
    assert all("<|" not in text for text in found)
    assert all(len(tokenizer.encode(text, add_special_tokens=False)) <= 6 for text in found)


def test_greedy_answers_are_those_of_stepwise_argmax(tuned: tuple[Any, Any]) -> None:
    from train.chat import prompt_ids

    model, tokenizer = tuned
    ids = prompt_ids(tokenizer, ASKED[0])
    written: list[int] = []
    with torch.inference_mode():
        for _ in range(10):
            token = int(model(input_ids=torch.tensor([ids + written])).logits[0, -1].argmax())
            written.append(token)
            if token == tokenizer.eos_token_id:
                break
    expected = tokenizer.decode(written, skip_special_tokens=True).strip()
    assert answers(model, tokenizer, [ASKED[0]], max_new_tokens=10) == [expected]


def test_sampling_follows_its_seed_and_leaves_the_callers_alone(tuned: tuple[Any, Any]) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = answers(*tuned, ASKED, max_new_tokens=12, temperature=1.5, seed=1)
    assert first == answers(*tuned, ASKED, max_new_tokens=12, temperature=1.5, seed=1)
    assert first != answers(*tuned, ASKED, max_new_tokens=12, temperature=1.5, seed=2)
    assert torch.equal(before, torch.get_rng_state())


def test_a_prompt_longer_than_the_context_loses_its_start(tuned: tuple[Any, Any]) -> None:
    long = [{"role": "user", "content": "Describe lamp number 1. " * 400}]
    assert len(answers(*tuned, [long], max_new_tokens=4)) == 1


def test_no_questions_no_answers(tuned: tuple[Any, Any]) -> None:
    assert answers(*tuned, []) == []
