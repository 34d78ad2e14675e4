"""Metrics of labels: the share that is right, and precision, recall and F1 as plain means over the classes.

Each item adds to three counts of each class: hits, how often it is true, how often it is said. Precision of a class
is hits / said (0 where it is never said), recall hits / true, F1 2 hits / (said + true). The classes are those that
are true of some item; in a resample, of some item drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from eval.tally import Floats, Tally

CLASS_METRICS = ("accuracy", "macro_f1", "macro_precision", "macro_recall")


def _tally(
    metric: str, score: Callable[[Floats], Floats], said: Sequence[str], true: Sequence[Sequence[str]]
) -> Tally:
    classes = sorted({references[0] for references in true})
    number = {label: n for n, label in enumerate(classes)}
    statistics = np.zeros((len(said), 3, len(classes)))
    for row, (answer, references) in enumerate(zip(said, true, strict=True)):
        right = number[references[0]]
        statistics[row, 1, right] = 1
        statistics[row, 0, right] = answer == references[0]
        if answer in number:
            statistics[row, 2, number[answer]] = 1
    flat = statistics.reshape(len(said), -1)
    value = float(score(flat.sum(0)))
    return Tally(metric, flat, score, f"{metric}|classes:{len(classes)}|average:macro|zero_division:0", value)


def _counts(sums: Floats) -> tuple[Floats, Floats, Floats]:
    split = sums.reshape(*sums.shape[:-1], 3, -1)
    return split[..., 0, :], split[..., 1, :], split[..., 2, :]


def _mean(part: Floats, whole: Floats, true: Floats) -> Floats:
    """The mean of part / whole over the classes that are true; 0 / 0 is 0."""
    each = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.asarray(np.where(true > 0, each, 0).sum(-1) / np.maximum((true > 0).sum(-1), 1))


def _accuracy(sums: Floats) -> Floats:
    hits, true, _ = _counts(sums)
    return np.asarray(hits.sum(-1) / np.maximum(true.sum(-1), 1))


def _precision(sums: Floats) -> Floats:
    hits, true, said = _counts(sums)
    return _mean(hits, said, true)


def _recall(sums: Floats) -> Floats:
    hits, true, _ = _counts(sums)
    return _mean(hits, true, true)


def _f1(sums: Floats) -> Floats:
    hits, true, said = _counts(sums)
    return _mean(2 * hits, true + said, true)


def accuracy(said: Sequence[str], true: Sequence[Sequence[str]]) -> Tally:
    """The share of labels that are right."""
    return _tally("accuracy", _accuracy, said, true)


def macro_precision(said: Sequence[str], true: Sequence[Sequence[str]]) -> Tally:
    """The mean precision of the classes."""
    return _tally("macro_precision", _precision, said, true)


def macro_recall(said: Sequence[str], true: Sequence[Sequence[str]]) -> Tally:
    """The mean recall of the classes."""
    return _tally("macro_recall", _recall, said, true)


def macro_f1(said: Sequence[str], true: Sequence[Sequence[str]]) -> Tally:
    """The mean F1 of the classes."""
    return _tally("macro_f1", _f1, said, true)
