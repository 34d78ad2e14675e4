"""How much a training will compute: steps, tokens with their padding, validations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from train.config import TrainConfig
from train.packing import row_lengths
from train.rows import Tokenised
from train.speed import Packing, batches, budget, packs


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

    steps = planned_steps(config, batches(config, learnt.dataset, processes))
    lengths = row_lengths(learnt.dataset)
    training = _tokens(lengths, config, shuffled=True)
    validating = _tokens(row_lengths(held_out.dataset), config, shuffled=False)
    largest = config.batch_size * max(learnt.longest, held_out.longest)
    if packs(
        config
    ):  # another order of the rows may meet a batch that is somewhat larger than the largest of this one
        largest = max(min(1.15 * max(training.max(), validating.max()), largest), training.max())
    every = config.eval_steps or max(math.ceil(steps / 10), 1)
    return Workload(
        steps=steps,
        tokens_a_step=float(training.mean()) * config.accumulation,
        batch_tokens=math.ceil(largest),
        length=round(float(lengths.mean())) if len(lengths) else 1,
        validations=(1 + math.ceil(steps / every)) if len(held_out) else 0,
        validation_tokens=float(validating.sum()),
        supervised=learnt.supervised / max(learnt.tokens, 1),
    )


def _tokens(lengths: Any, config: TrainConfig, *, shuffled: bool) -> Any:
    """Tokens of each batch, padding included, in a random order of the rows (or in the given one); (batches,)."""
    if not len(lengths):
        return np.zeros(1)
    if shuffled and config.speed.packing is Packing.tokens:
        return np.full(1, budget(config))
    order = np.random.default_rng(config.seed).permutation(lengths) if shuffled else lengths
    parts = [order[at : at + config.batch_size] for at in range(0, len(order), config.batch_size)]
    end_to_end = packs(config)
    return np.array([part.sum() if end_to_end else len(part) * part.max() for part in parts], dtype=float)
