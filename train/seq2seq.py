"""Encoder and decoder (T5 kind) on transformers' Seq2SeqTrainer, and their answers."""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from transformers import DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments

from train.batched import answering, by_length
from train.counted import Counted


class CountingSeq2Seq(Counted, Seq2SeqTrainer):  # type: ignore[misc, unused-ignore]
    """transformers' Seq2SeqTrainer that counts the tokens of training batches (of the prompts)."""


def trainer(model: Any, tokenizer: Any, arguments: Mapping[str, Any], shared: Mapping[str, Any]) -> Any:
    """The trainer of an encoder with a decoder; the loss is per token of the answers."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return CountingSeq2Seq(
        model=model,
        args=Seq2SeqTrainingArguments(**arguments, prediction_loss_only=True),
        data_collator=DataCollatorForSeq2Seq(tokenizer, model=inner, padding=True),
        **shared,
    )


def written(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    *,
    max_length: int,
    max_new_tokens: int = 128,
    batch_size: int = 16,
    temperature: float = 0.0,
    seed: int = 0,
    advance: Callable[[int], None] | None = None,
) -> list[str]:
    """One answer a text, in the order given, without special tokens; `temperature` 0 is greedy."""
    import torch

    out = [""] * len(texts)
    sampling = {"do_sample": True, "temperature": temperature} if temperature > 0 else {"do_sample": False}
    batches = by_length(texts, tokenizer, model.device, max_length=max_length, batch_size=batch_size)
    with torch.random.fork_rng(), answering(model):
        torch.manual_seed(seed)
        for chosen, inputs in batches:
            ids = model.generate(**inputs, max_new_tokens=max_new_tokens, **sampling)
            said = tokenizer.batch_decode(ids, skip_special_tokens=True)
            for number, text in zip(chosen, said, strict=True):
                out[number] = text.strip()
            if advance is not None:
                advance(len(chosen))
    return out
