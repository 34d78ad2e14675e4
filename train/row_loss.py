"""The loss of each row by itself, before and after a training: what was never learnt, and what was learnt by heart.

One forward pass over a sample of rows with the base model and one with the tuned model, in the state in which both
answer (no dropout). The training's own losses would be free, but each row's would be of another step.
"""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from data.progress import progress
from train.attention import padded_attention
from train.batched import answering
from train.chat import IGNORED
from train.config import TrainConfig
from train.rows import Tokenised

MOST = 2_000  # rows of a split that are measured at most, where the configuration does not say
LEAST = 20
# Two splits are passed forward twice, and a forward pass takes a third of a step: a tenth of the training.
_SHARE = 0.1 * 3 / 4
_TOKENS = {"cpu": 1_024, "cuda": 16_384}  # of a batch: its logits are held at once


def rows_to_measure(config: TrainConfig, steps: int) -> int:
    """Rows of each split whose loss is measured."""
    if config.row_losses is not None:
        return config.row_losses
    return max(LEAST, min(MOST, round(_SHARE * steps * config.batch_size * config.accumulation)))


def row_losses(model: Any, tokenizer: Any, parts: dict[str, Tokenised], rows: int, title: str) -> Any:
    """A frame record_id, split, tokens, loss of the first rows of each part.

    The loss is a mean over the row's supervised tokens, in nats; a classifier's row counts as one token. Record ids
    are hashes: the first rows are a sample drawn at random.
    """
    import polars as pl

    chosen = {split: part.dataset.select(range(min(rows, len(part)))) for split, part in parts.items()}
    found = []
    with progress(title, total=sum(map(len, chosen.values()))) as advance, padded_attention(model):
        for split, dataset in chosen.items():
            losses, tokens = _losses(model, tokenizer, dataset, advance)
            found.append(
                pl.DataFrame(
                    {
                        "record_id": list(dataset["record_id"]),
                        "split": split,
                        "tokens": tokens,
                        "loss": losses,
                    },
                    schema={
                        "record_id": pl.String,
                        "split": pl.String,
                        "tokens": pl.Int64,
                        "loss": pl.Float64,
                    },
                )
            )
    return pl.concat(found)


def before_and_after(before: Any, after: Any) -> Any:
    """Both frames of `row_losses` as one: record_id, split, tokens, before, after."""
    later = after.select("record_id", "split", after="loss")
    joined = before.rename({"loss": "before"}).join(later, on=["record_id", "split"])
    return joined.sort("split", "record_id")


def _losses(model: Any, tokenizer: Any, dataset: Any, advance: Callable[[int], None]) -> tuple[Any, Any]:
    lengths = np.array([len(ids) for ids in dataset["input_ids"]], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    losses, tokens = np.zeros(len(lengths)), np.zeros(len(lengths), dtype=np.int64)
    budget = _TOKENS[model.device.type if model.device.type in _TOKENS else "cpu"]
    at = 0
    with answering(model):
        while at < len(order):
            # Longest first: a batch is as wide as its first row.
            batch = order[at : at + max(budget // int(lengths[order[at]]), 1)]
            losses[batch], tokens[batch] = _batch(model, tokenizer, [dataset[int(n)] for n in batch])
            at += len(batch)
            advance(len(batch))
    return losses, tokens


def _batch(model: Any, tokenizer: Any, rows: list[dict[str, Any]]) -> tuple[Any, Any]:
    """(mean loss, supervised tokens) of each row."""
    import torch
    from torch.nn.functional import cross_entropy

    device = model.device
    ids = [torch.tensor(row["input_ids"]) for row in rows]
    pad = torch.nn.utils.rnn.pad_sequence
    given = {
        "input_ids": pad(ids, batch_first=True, padding_value=tokenizer.pad_token_id or 0).to(device),
        "attention_mask": pad([torch.ones_like(row) for row in ids], batch_first=True).to(device),
    }
    if not isinstance(rows[0]["labels"], list):
        logits = model(**given).logits.float()
        labels = torch.tensor([row["labels"] for row in rows], device=device)
        return cross_entropy(logits, labels, reduction="none").cpu().numpy(), np.ones(len(rows), np.int64)
    labels = pad([torch.tensor(row["labels"]) for row in rows], batch_first=True, padding_value=IGNORED).to(
        device
    )
    if model.config.is_encoder_decoder:
        logits = model(**given, labels=labels).logits
    else:
        # A learnt prompt stands before the row; the logits of its positions are none of the row's.
        logits = model(**given, use_cache=False).logits[:, -labels.shape[1] :][:, :-1]
        labels = labels[:, 1:]
    each = cross_entropy(logits.transpose(1, 2).float(), labels, ignore_index=IGNORED, reduction="none")
    counted = (labels != IGNORED).sum(1)
    return (each.sum(1) / counted).cpu().numpy(), counted.cpu().numpy()
