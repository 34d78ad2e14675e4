"""BLEU and chrF by sacrebleu, with the signature that makes a score comparable.

Points are sacrebleu's own arithmetic on its own statistics. The scores of bootstrap resamples repeat its two
formulas in numpy over whole arrays; tests hold them to sacrebleu's on the same sums.

BLEU: Papineni et al. 2002, settings of sacrebleu (Post 2018): 13a tokens, exponential smoothing, mixed case.
chrF: Popović 2015: character 1- to 6-grams, beta 2, no word n-grams.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eval.tally import Floats, Tally

ORDERS = 4  # BLEU's longest n-gram
CHRF_BETA = 2


def bleu(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Tally:
    """Corpus BLEU, 0 to 100; `references` holds one or more a prediction, not the same number for each."""
    from sacrebleu.metrics.bleu import BLEU

    return _tally("bleu", BLEU(force=True), predictions, references, bleu_of_sums)


def chrf(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Tally:
    """Corpus chrF2, 0 to 100."""
    from sacrebleu.metrics.chrf import CHRF

    return _tally("chrf", CHRF(), predictions, references, chrf_of_sums)


def streams(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """References by item -> sacrebleu's reference streams; an item with fewer has None in the last ones."""
    width = max(len(row) for row in references)
    return [[row[k] if k < len(row) else None for row in references] for k in range(width)]


def _tally(
    name: str, metric: Any, predictions: Sequence[str], references: Sequence[Sequence[str]], score: Any
) -> Tally:
    rows = metric._extract_corpus_statistics(list(predictions), streams(references))
    value = float(metric._aggregate_and_compute([list(row) for row in rows]).score)
    signature = f"{name}|{metric.get_signature().format()}"
    return Tally(name, np.asarray(rows, dtype=np.float64), score, signature, value)


def bleu_of_sums(sums: Floats) -> Floats:
    """BLEU of [answer length, reference length, 4 matched counts, 4 totals], shape (..., 10) -> (...).

    As sacrebleu with smooth_method=exp: the k-th order without a match counts 1 / 2^k of a match; an order
    that the answers are too short to hold counts 0 and makes the whole 0.
    """
    lengths, reference_lengths = sums[..., 0], sums[..., 1]
    matched, totals = sums[..., 2 : 2 + ORDERS], sums[..., 2 + ORDERS :]
    with np.errstate(divide="ignore", invalid="ignore"):
        unmatched = np.cumsum(matched == 0, axis=-1)
        smoothed = np.where(matched == 0, 0.5**unmatched, matched)
        logs = np.log(100.0 * smoothed / totals)
        penalty = np.where(lengths < reference_lengths, np.exp(1 - reference_lengths / lengths), 1.0)
        score = penalty * np.exp(logs.mean(axis=-1))
    empty = (totals == 0).any(axis=-1) | ~(matched > 0).any(axis=-1)
    return np.where(empty, 0.0, score)


def chrf_of_sums(sums: Floats) -> Floats:
    """chrF of six [answer, reference, matched] counts, shape (..., 18) -> (...).

    As sacrebleu without eps smoothing: precision and recall are averaged over the orders both sides hold.
    """
    answer, reference, matched = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]
    held = (answer > 0) & (reference > 0)
    orders = held.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(held, matched / answer, 0.0).sum(axis=-1) / orders
        recall = np.where(held, matched / reference, 0.0).sum(axis=-1) / orders
        factor = CHRF_BETA**2
        score = 100.0 * (1 + factor) * precision * recall / (factor * precision + recall)
    return np.where((orders > 0) & (precision + recall > 0), score, 0.0)
