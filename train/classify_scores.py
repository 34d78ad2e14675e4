"""Scores of a classifier from its table of confusion, with intervals from drawing rows again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
MEASURES = ("accuracy", "macro_precision", "macro_recall", "macro_f1")


def confusion(truth: Sequence[int] | Counts, said: Sequence[int] | Counts, labels: int) -> Counts:
    """int64[labels, labels]: rows are what is true, columns what was said."""
    pairs = np.asarray(truth, dtype=np.int64) * labels + np.asarray(said, dtype=np.int64)
    return np.bincount(pairs, minlength=labels * labels).reshape(labels, labels).astype(np.int64)


def per_class(table: Counts) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 of each class from float or int [..., labels, labels]; 0 where nothing counts.

    precision = hits / said, recall = hits / true, F1 = 2 hits / (said + true): a class that was never said has
    precision 0, as scikit-learn's zero_division=0 has it.
    """
    hits = np.diagonal(table, axis1=-2, axis2=-1).astype(np.float64)
    true, said = table.sum(-1).astype(np.float64), table.sum(-2).astype(np.float64)
    return _ratio(hits, said), _ratio(hits, true), _ratio(2 * hits, said + true)


def measures(table: Counts) -> dict[str, Floats]:
    """MEASURES of [..., labels, labels]; a macro score is the plain mean over the classes that are true of some row."""
    precision, recall, f1 = per_class(table)
    there = table.sum(-1) > 0
    count = np.maximum(there.sum(-1), 1)
    hits = np.diagonal(table, axis1=-2, axis2=-1).sum(-1)
    return {
        "accuracy": _ratio(hits.astype(np.float64), table.sum((-2, -1)).astype(np.float64)),
        "macro_precision": (precision * there).sum(-1) / count,
        "macro_recall": (recall * there).sum(-1) / count,
        "macro_f1": (f1 * there).sum(-1) / count,
    }


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))
