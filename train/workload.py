"""How much a training will compute: steps, tokens with their padding, validations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from train.config import TrainConfig
from train.rows import Tokenised


@dataclass(frozen=True, slots=True)
class Workload:
    """What is computed, in tokens that count padding.

    steps             optimiser steps, where patience does not end them earlier
    tokens_a_step     tokens of a step over all of its batches
    batch_tokens      tokens of the largest batch that can come
    length            tokens of a row, mean over rows, padding left out
    validations       passes over the validation rows, each of `validation_tokens`
    supervised        share of tokens that carry loss, 0 to 1
    """

    steps: int
    tokens_a_step: float
    batch_tokens: int
    length: int
    validations: int
    validation_tokens: float
    supervised: float

    @property
    def tokens(self) -> float:
        """Tokens of all steps."""
        return self.steps * self.tokens_a_step


def workload(config: TrainConfig, learnt: Tokenised, held_out: Tokenised, processes: int = 1) -> Workload:
    """The workload of `config` on these rows, of which each process takes its share."""
    from train.fit import planned_steps

    steps = planned_steps(config, math.ceil(len(learnt) / processes))
    lengths, others = lengths_of(learnt), lengths_of(held_out)
    every = config.eval_steps or max(math.ceil(steps / 10), 1)
    return Workload(
        steps=steps,
        tokens_a_step=_padded(lengths, config.batch_size, config.seed) * config.accumulation,
        batch_tokens=config.batch_size * max(learnt.longest, held_out.longest),
        length=round(float(lengths.mean())) if len(lengths) else 1,
        validations=(1 + math.ceil(steps / every)) if len(held_out) else 0,
        validation_tokens=_padded(others, config.batch_size, None)
        * math.ceil(len(others) / config.batch_size)
        if len(others)
        else 0.0,
        supervised=learnt.supervised / max(learnt.tokens, 1),
    )


def lengths_of(rows: Tokenised) -> Any:
    """Tokens of each row, int64 (rows,)."""
    lists = rows.dataset.data.column("input_ids").chunks
    parts = [chunk.value_lengths().to_numpy(zero_copy_only=False) for chunk in lists]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _padded(lengths: Any, batch_size: int, seed: int | None) -> float:
    """Mean over batches of rows x longest row, in a random order (or, without a seed, in the given one)."""
    if not len(lengths):
        return 0.0
    order = np.random.default_rng(seed).permutation(lengths) if seed is not None else lengths
    batches = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
    return float(np.mean([len(batch) * batch.max() for batch in batches]))
