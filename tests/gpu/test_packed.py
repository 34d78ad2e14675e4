"""On a GPU: the variable-length kernel gives what padded rows give, compiled or not, key heads shared or not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import cosine_similarity
from transformers import LlamaConfig, LlamaForCausalLM

from train.attention import packed_attention
from train.packing import IGNORED, NOT_FOR_THE_MODEL, collate
from train.trainer import compile_layers, cross_entropy_sum

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
    pytest.mark.filterwarnings("ignore"),  # of compilers and drivers, which differ from machine to machine
]
VOCABULARY = 512


def model_of(key_heads: int) -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=256, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=key_heads, vocab_size=VOCABULARY, max_position_embeddings=512,
    )  # fmt: skip
    return LlamaForCausalLM(config).cuda()


def rows() -> list[dict[str, Any]]:
    drawn = torch.Generator().manual_seed(1)
    made = []
    for length in (7, 130, 300, 64, 1):
        ids = torch.randint(3, VOCABULARY, (length,), generator=drawn).tolist()
        made.append({"input_ids": ids, "labels": [IGNORED] * (length // 2) + ids[length // 2 :]})
    return made


def gradients(model: Any, loss: Any) -> list[Any]:
    model.zero_grad()
    loss.backward()
    return [weight.grad.flatten().clone() for weight in model.parameters()]


def packed_loss(model: Any, pad_to: int | None) -> Any:
    batch = collate(rows(), pad_to=pad_to)
    given = {
        name: value.cuda() if torch.is_tensor(value) else value
        for name, value in batch.items()
        if name not in NOT_FOR_THE_MODEL
    }
    with packed_attention(model), torch.autocast("cuda", torch.bfloat16):
        logits = model(**given, use_cache=False).logits[0]
    return cross_entropy_sum(logits, batch["targets"].cuda(), 0.0) / len(batch["targets"])


@pytest.mark.parametrize("key_heads", [4, 2])
@pytest.mark.parametrize("compiled", [False, True])
def test_packed_is_padded(key_heads: int, compiled: bool) -> None:
    model = model_of(key_heads)
    some = [row for row in rows() if len(row["input_ids"]) > 1]
    longest = max(len(row["input_ids"]) for row in some)
    padded = {
        "input_ids": [row["input_ids"] + [0] * (longest - len(row["input_ids"])) for row in some],
        "labels": [row["labels"] + [IGNORED] * (longest - len(row["labels"])) for row in some],
        "attention_mask": [
            [1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in some
        ],
    }
    with torch.autocast("cuda", torch.bfloat16):
        reference = model(**{k: torch.tensor(v, device="cuda") for k, v in padded.items()}).loss
    expected = gradients(model, reference)
    if compiled:
        compile_layers(model)
    loss = packed_loss(model, pad_to=640 if compiled else None)
    assert abs(loss.item() - reference.item()) < 1e-3
    for got, wanted in zip(gradients(model, loss), expected, strict=True):
        assert cosine_similarity(got, wanted, dim=0) > 0.999
