"""Packed rows give the numbers of padded ones, and packs hold every row once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from train.attention import can_pack, packed_attention, padded_attention
from train.packing import IGNORED, NOT_FOR_THE_MODEL, PackedBatches, best_fit, collate

VOCABULARY = 300


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, vocab_size=VOCABULARY, max_position_embeddings=128,
        )
    )  # fmt: skip


def rows(*lengths: int) -> list[dict[str, Any]]:
    """Rows of these lengths; the first third of each carries no loss."""
    drawn = np.random.default_rng(7)
    made = []
    for length in lengths:
        ids = drawn.integers(0, VOCABULARY, length).tolist()
        made.append({"input_ids": ids, "labels": [IGNORED] * (length // 3) + ids[length // 3 :]})
    return made


def padded_loss(model: Any, some: list[dict[str, Any]]) -> Any:
    longest = max(len(row["input_ids"]) for row in some)
    batch = {
        "input_ids": [row["input_ids"] + [0] * (longest - len(row["input_ids"])) for row in some],
        "labels": [row["labels"] + [IGNORED] * (longest - len(row["labels"])) for row in some],
        "attention_mask": [
            [1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in some
        ],
    }
    return model(**{name: torch.tensor(value) for name, value in batch.items()}).loss


def packed_logits(model: Any, batch: dict[str, Any]) -> Any:
    given = {name: value for name, value in batch.items() if name not in NOT_FOR_THE_MODEL}
    with packed_attention(model):
        return model(**given, use_cache=False).logits[0]


def gradients(model: Any, loss: Any) -> Any:
    model.zero_grad()
    loss.backward()
    return torch.cat([weight.grad.flatten() for weight in model.parameters()])


@pytest.mark.parametrize("pad_to", [None, 150])
def test_loss_and_gradients_are_those_of_the_padded_batch(model: Any, pad_to: int | None) -> None:
    some = rows(5, 31, 60, 9)
    padded = padded_loss(model, some)
    expected = gradients(model, padded)
    batch = collate(some, pad_to=pad_to)
    packed = torch.nn.functional.cross_entropy(packed_logits(model, batch), batch["targets"])
    assert packed.item() == pytest.approx(padded.item(), abs=1e-5)
    got = gradients(model, packed)
    assert torch.nn.functional.cosine_similarity(got, expected, dim=0) > 0.99999
    if pad_to is not None:
        assert batch["input_ids"].shape == (1, pad_to)


def test_a_row_is_blind_to_its_neighbours(model: Any) -> None:
    some = rows(12, 20, 8)
    before = collate(some)
    some[1] = {**some[1], "input_ids": [(token + 1) % VOCABULARY for token in some[1]["input_ids"]]}
    after = collate(some)
    with torch.no_grad():
        one, other = packed_logits(model, before), packed_logits(model, after)
    row = np.searchsorted(before["cu_seq_lens_q"].numpy(), before["logits_to_keep"].numpy(), side="right") - 1
    assert torch.equal(one[row != 1], other[row != 1])
    assert not torch.allclose(one[row == 1], other[row == 1])


def test_attention_is_restored_and_refuses_a_padded_batch(model: Any) -> None:
    before = model.config._attn_implementation
    ids = torch.tensor([[1, 2, 3]])
    with packed_attention(model):
        with pytest.raises(ValueError, match="not packed"):
            model(input_ids=ids, use_cache=False)
        with padded_attention(model):
            model(input_ids=ids)
    assert model.config._attn_implementation == before


def test_models_whose_attention_has_more_to_it_are_not_packed(model: Any) -> None:
    assert can_pack(model)
    model.config.sliding_window = 16
    assert not can_pack(model)
    model.config.sliding_window = None


@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=200), st.integers(1, 120), st.integers(0, 3)
)  # a row may be longer than the budget
def test_every_row_is_packed_once_and_within_the_budget(lengths: list[int], budget: int, epoch: int) -> None:
    batches = PackedBatches(lengths, budget, seed=3)
    batches.set_epoch(epoch)
    packs = list(batches)
    assert sorted(row for pack in packs for row in pack) == list(range(len(lengths)))
    assert all(len(pack) == 1 or sum(lengths[row] for row in pack) <= budget for pack in packs)


def test_short_rows_leave_next_to_nothing_empty() -> None:
    lengths = np.minimum(np.random.default_rng(0).lognormal(5, 0.7, 20_000).astype(int) + 1, 2_000)
    assert PackedBatches(lengths, 16_384).fill > 0.995


def test_epochs_differ_seeds_repeat_and_processes_share() -> None:
    lengths = list(range(1, 60))
    first = PackedBatches(lengths, 100, seed=1)
    again = PackedBatches(lengths, 100, seed=1)
    drawn = list(first)
    assert drawn == list(again)
    first.set_epoch(1)
    assert list(first) != drawn
    parts = [list(PackedBatches(lengths, 100, seed=1, process=p, processes=2)) for p in range(2)]
    assert len(parts[0]) == len(parts[1]) == len(again) // 2
    assert all(pack in drawn for part in parts for pack in part)


def test_the_fullest_pack_with_room_is_taken() -> None:
    assert best_fit([0, 1, 2], [6, 8, 2], 10) == [[1, 2], [0]]
