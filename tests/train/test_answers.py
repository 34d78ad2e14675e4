"""Batched answers: in the order asked, the same for every batch size, and ended by the end of turn."""

from __future__ import annotations

from typing import Any

import pytest

from train.answers import answers
from train.load import load_tuned

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


def test_answers_hold_no_special_tokens_and_stay_short(tuned: tuple[Any, Any]) -> None:
    model, tokenizer = tuned
    found = answers(model, tokenizer, ASKED, max_new_tokens=5)
    assert all("<|" not in text for text in found)
    assert all(len(tokenizer.encode(text, add_special_tokens=False)) <= 6 for text in found)


def test_greedy_answers_are_those_of_stepwise_argmax(tuned: tuple[Any, Any]) -> None:
    import torch

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
    import torch

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
