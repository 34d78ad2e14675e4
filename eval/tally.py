"""The Tally: a metric's sufficient statistics, item by item, kept apart from the score.

Every metric here is a function of sums over items: BLEU of n-gram counts, ROUGE of summed F1 and the number of
items, perplexity of summed log-probability and tokens. So a bootstrap resample is a weighted sum of rows, never
a second look at the texts (the idea is sacrebleu's, `Metric._extract_corpus_statistics`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """One metric on one system's answers.

    metric      key of METRICS
    statistics  float64 (items, k): what each item adds to the sums
    score       maps sums (..., k) to scores (...)
    signature   every setting that the score depends on; two tallies compare only when these are equal
    value       the score of all items, as the metric's own library states it
    """

    metric: str
    statistics: Floats
    score: Callable[[Floats], Floats]
    signature: str
    value: float

    def __len__(self) -> int:
        return int(self.statistics.shape[0])

    @property
    def items(self) -> Floats:
        """The score of each item alone, shape (items,)."""
        return self.score(self.statistics)

    def resampled(self, counts: npt.NDArray[Any]) -> Floats:
        """Scores of resamples, shape (resamples,).

        `counts` (resamples, items) says how often each item was drawn.
        """
        return self.score(counts.astype(np.float64) @ self.statistics)


def ratio(sums: Floats) -> Floats:
    """sums[..., 0] / sums[..., 1]; nan where nothing was counted."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1], dtype=np.float64)


def mean_tally(metric: str, values: Sequence[float], signature: str) -> Tally:
    """The tally of a metric that is the mean of its items' values."""
    column = np.asarray(values, dtype=np.float64)
    statistics = np.stack([column, np.ones_like(column)], axis=1)
    return Tally(metric, statistics, ratio, signature, float(column.mean()))
