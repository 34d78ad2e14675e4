"""How surprised a model is by the reference answers: perplexity, and its logarithm in nats per token.

nats per token = - sum over items of log p(answer | prompt) / answer tokens, the end of turn counted as a token;
perplexity = exp(nats per token). With several references the first one counts. Perplexities compare only between
models with the same tokenizer: its digest is part of the signature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from data.errors import UserError
from data.records import Kind, canonical_json, digest
from eval.items import Item
from eval.tally import Floats, Tally, ratio

BATCH_TOKENS = 4096  # a forward pass holds this many rows of logits: 800 MB with a vocabulary of 49,000


def exponential_ratio(sums: Floats) -> Floats:
    """exp(nats / tokens) of sums (..., 2)."""
    return np.asarray(np.exp(ratio(sums)), dtype=np.float64)


def perplexity(
    model: Any,
    tokenizer: Any,
    items: Sequence[Item],
    *,
    batch_size: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Tally:
    """The tally of `items`: columns nats and tokens. The prompt is rendered as in training and carries no loss."""
    import torch

    pairs = [tokens(tokenizer, item) for item in items]
    limit = int(getattr(model.config, "max_position_embeddings", None) or 1_000_000)
    order = sorted(range(len(pairs)), key=lambda n: (-len(pairs[n][0]) - len(pairs[n][1]), n))
    statistics = np.zeros((len(pairs), 2))
    start = 0
    with torch.inference_mode():
        while start < len(order):
            width = min(sum(map(len, pairs[order[start]])), limit)
            chosen = order[start : start + max(1, min(batch_size, BATCH_TOKENS // width))]
            statistics[chosen] = _nats(model, tokenizer, [pairs[n] for n in chosen], limit)
            start += len(chosen)
            advance(len(chosen))
    vocabulary = digest(canonical_json(tokenizer.get_vocab()), hex_digits=8)
    signature = f"perplexity|of:first reference and end of turn|given:chat prompt|tokenizer:{vocabulary}"
    value = float(exponential_ratio(statistics.sum(axis=0)))
    return Tally("perplexity", statistics, exponential_ratio, signature, value)


def tokens(tokenizer: Any, item: Item) -> tuple[list[int], list[int]]:
    """The prompt's tokens and the reference answer's, exactly as training renders them."""
    from train.chat import prompt_ids, segments

    spoken = [*item.prompt, {"role": "assistant", "content": item.references[0]}]
    answer = segments(tokenizer, Kind.chat, spoken, None)[-1].text
    return prompt_ids(tokenizer, item.prompt), list(tokenizer.encode(answer, add_special_tokens=False))


def _nats(model: Any, tokenizer: Any, batch: list[tuple[list[int], list[int]]], limit: int) -> Floats:
    """Shape (batch, 2): summed negative log-probability of the answer and its number of tokens.

    What does not fit the model's context loses the start of its prompt; an answer that alone does not fit is refused.
    """
    import torch

    rows = []
    for prompt, answer in batch:
        if len(answer) >= limit:
            raise UserError(
                f"a reference answer of {len(answer):,} tokens does not fit the model's {limit:,} positions",
                "leave perplexity out: metrics=[bleu,chrf,rouge_1,rouge_2,rouge_l]",
            )
        rows.append(prompt[-(limit - len(answer)) :] + answer)
    width = max(map(len, rows))
    pad = tokenizer.pad_token_id or 0
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows], device=model.device)
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=model.device)
    # A learnt prompt (PEFT) stands before the row, and has positions of its own.
    logits = model(input_ids=ids, attention_mask=mask).logits[:, -width:]
    found = np.zeros((len(rows), 2))
    for number, (row, (_, answer)) in enumerate(zip(rows, batch, strict=True)):
        first = len(row) - len(answer)
        # Row by row: the log-softmax of a whole batch over a large vocabulary would double the memory.
        scores = torch.log_softmax(logits[number, first - 1 : len(row) - 1].float(), dim=-1)
        picked = scores.gather(1, ids[number, first : len(row)].unsqueeze(1))
        found[number] = (-picked.double().sum().item(), len(answer))
    return found
