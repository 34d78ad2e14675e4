"""Texts through a model a batch at a time, like lengths together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def answering(model: Any) -> Iterator[None]:
    """Within it the model answers: no dropout, no gradients. Afterwards it is as it was."""
    import torch

    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(was_training)


def by_length(
    texts: Sequence[str], tokenizer: Any, device: Any, *, max_length: int, batch_size: int
) -> Iterator[tuple[list[int], Any]]:
    """(numbers of the texts, their tokens on `device`) a batch.

    Texts of like length share one: little padding. The longest come first: where memory runs out, it does so at once.
    """
    order = sorted(range(len(texts)), key=lambda n: (-len(texts[n]), n))
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        yield chosen, tokenizer(
            [texts[n] for n in chosen], truncation=True, max_length=max_length, padding=True, return_tensors="pt"
        ).to(device)  # fmt: skip
