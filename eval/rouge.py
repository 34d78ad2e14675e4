"""ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum (Lin 2004) by Google's rouge-score.

The corpus score is the mean F1 of the items; with several references the best F1 counts (`score_multi`). No
stemming. ROUGE-Lsum takes lines as sentences: splitting into sentences would want a download.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.metadata import version

from eval.tally import Tally, mean_tally


def rouge_1(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Tally:
    """Mean F1 of words, 0 to 1."""
    return _tally("rouge_1", "rouge1", predictions, references)


def rouge_2(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Tally:
    """Mean F1 of word pairs, 0 to 1."""
    return _tally("rouge_2", "rouge2", predictions, references)


def rouge_l(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Tally:
    """Mean F1 of the longest common subsequence of words, 0 to 1."""
    return _tally("rouge_l", "rougeL", predictions, references)


def rouge_lsum(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Tally:
    """Mean F1 of the union of longest common subsequences, line by line, 0 to 1."""
    return _tally("rouge_lsum", "rougeLsum", predictions, references)


def _tally(name: str, kind: str, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Tally:
    from rouge_score.rouge_scorer import RougeScorer

    logging.getLogger("absl").setLevel(logging.WARNING)  # it reports its tokenizer each time
    scorer = RougeScorer([kind], use_stemmer=False)
    values = [
        float(scorer.score_multi(list(accepted), prediction)[kind].fmeasure)
        for prediction, accepted in zip(predictions, references, strict=True)
    ]
    split = "|split:lines" if kind == "rougeLsum" else ""
    signature = f"{name}|refs:best|measure:f1|stem:no{split}|rouge-score:{version('rouge-score')}"
    return mean_tally(name, values, signature)
