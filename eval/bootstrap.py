"""Drawing items again: the same draws for every metric and every role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.config import BootstrapConfig
from eval.tally import Floats, Tally

CHUNK = 128  # resamples held in memory at once


@dataclass(frozen=True, slots=True)
class Interval:
    """Percentile interval of a score at `level`."""

    low: float
    high: float
    level: float


def draws(items: int, config: BootstrapConfig) -> Iterator[npt.NDArray[np.int64]]:
    """How often each item was drawn: arrays (at most CHUNK, items), `config.resamples` rows in all."""
    generator = np.random.default_rng(config.seed)
    for start in range(0, config.resamples, CHUNK):
        rows = min(CHUNK, config.resamples - start)
        drawn = generator.integers(0, items, size=(rows, items))
        drawn += np.arange(rows)[:, None] * items
        yield np.bincount(drawn.ravel(), minlength=rows * items).reshape(rows, items)


def resample(tallies: Mapping[str, Tally], config: BootstrapConfig) -> dict[str, Floats]:
    """Scores of the same resamples for each of `tallies`, all about the same items; shape (resamples,) each."""
    items = {len(tally) for tally in tallies.values()}
    if len(items) > 1:
        raise ValueError(f"tallies of different items: {sorted(items)}")
    parts: dict[str, list[Floats]] = {key: [] for key in tallies}
    for counts in draws(items.pop(), config) if items else ():
        for key, tally in tallies.items():
            parts[key].append(tally.resampled(counts))
    return {key: np.concatenate(found) for key, found in parts.items()}


def interval(scores: Floats, level: float) -> Interval:
    """Percentile interval; resamples without a score (nothing counted) are left out."""
    low, high = np.nanquantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)
