"""Batched generation: the answers of a model to a list of conversations."""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from data.records import Message
from train.batched import answering
from train.chat import prompt_ids
from train.models import quiet


def answers(
    model: Any,
    tokenizer: Any,
    conversations: Sequence[Sequence[Message]],
    *,
    max_new_tokens: int = 128,
    batch_size: int = 16,
    temperature: float = 0.0,
    seed: int = 0,
    advance: Callable[[int], None] | None = None,
) -> list[str]:
    """One answer a conversation, in the order given, without special tokens or outer white space.

    Conversations end with a user's turn. They are sorted by length, so that a batch holds little padding; padding
    stands on the left, so that every answer starts at the same position, and after a learnt prompt there is none.
    `temperature` 0 is greedy; above 0 it samples with `seed`. A prompt longer than the model's context less
    `max_new_tokens` loses its start. `advance`
    is told the number of finished conversations after each batch.
    """
    import torch

    if model.config.is_encoder_decoder:
        from train.seq2seq import written
        from train.seq2seq_rows import source_of

        return written(
            model,
            tokenizer,
            [source_of(list(conversation)) for conversation in conversations],
            max_length=min(tokenizer.model_max_length, 1024),  # some tokenizers state none, as a huge number
            max_new_tokens=max_new_tokens,
            batch_size=batch_size,
            temperature=temperature,
            seed=seed,
            advance=advance,
        )
    prompts = [prompt_ids(tokenizer, conversation) for conversation in conversations]
    room = max(_context(model) - max_new_tokens, 1)
    prompts = [ids[-room:] for ids in prompts]
    order = sorted(range(len(prompts)), key=lambda n: (-len(prompts[n]), n))
    out = [""] * len(prompts)
    # Sampling draws from a generator state of its own: asking a model leaves the caller's seeds as they were.
    with torch.random.fork_rng(), answering(model), quiet():
        torch.manual_seed(seed)
        for chosen in _batches(order, [len(ids) for ids in prompts], batch_size, even=_has_prompt(model)):
            texts = _generate(model, tokenizer, [prompts[n] for n in chosen], max_new_tokens, temperature)
            for number, text in zip(chosen, texts, strict=True):
                out[number] = text
            if advance is not None:
                advance(len(chosen))
    return out


def _batches(order: list[int], lengths: list[int], size: int, *, even: bool) -> Iterator[list[int]]:
    """`order` in parts of `size` at most; `even` ones hold prompts of one length."""
    part: list[int] = []
    for number in order:
        if part and (len(part) == size or (even and lengths[number] != lengths[part[0]])):
            yield part
            part = []
        part.append(number)
    if part:
        yield part


def _has_prompt(model: Any) -> bool:
    """Whether a learnt prompt stands before each row: padding would come between it and the row, which it never did."""
    return bool(getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False))


def _generate(
    model: Any, tokenizer: Any, batch: list[list[int]], max_new_tokens: int, temperature: float
) -> list[str]:
    import torch
    from transformers import GenerationConfig

    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    width = max(len(ids) for ids in batch)
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in batch], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in batch], device=model.device)
    sampling = {"do_sample": True, "temperature": temperature} if temperature > 0 else {"do_sample": False}
    config = GenerationConfig(
        max_new_tokens=max_new_tokens, pad_token_id=pad, eos_token_id=_stops(model, tokenizer), **sampling
    )
    with warnings.catch_warnings():
        # PEFT drops the positions before a learnt prompt; without padding they are the usual ones.
        warnings.filterwarnings("ignore", "Position ids are not supported")
        written = model.generate(input_ids=ids, attention_mask=mask, generation_config=config)[:, width:]
    return [text.strip() for text in tokenizer.batch_decode(written, skip_special_tokens=True)]


def _stops(model: Any, tokenizer: Any) -> list[int]:
    """Every token that ends an answer: the tokenizer's end of turn and those the model itself names."""
    named = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    ids = named if isinstance(named, list) else [named]
    return sorted({int(n) for n in [*ids, tokenizer.eos_token_id] if n is not None})


def _context(model: Any) -> int:
    """Positions that the model can attend to; a large number where its configuration does not say."""
    return int(getattr(model.config, "max_position_embeddings", None) or 1_000_000)
