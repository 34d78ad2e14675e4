"""Exact match and token F1, as SQuAD scores them (Rajpurkar et al. 2016).

Both look at normalised text: lower case, no punctuation, no English articles, single spaces. With several
references the best one counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from eval.tally import Tally, mean_tally

NORMALISATION = "case:lower|punctuation:no|articles:no|v1"
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalise(text: str) -> str:
    """The text that two answers are compared by. Punctuation is Unicode's categories P*."""
    bare = "".join(c for c in text.lower() if not unicodedata.category(c).startswith("P"))
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Tally:
    """Fraction of answers that equal a reference once both are normalised."""
    values = [
        float(normalise(prediction) in {normalise(reference) for reference in accepted})
        for prediction, accepted in zip(predictions, references, strict=True)
    ]
    return mean_tally("exact_match", values, f"exact_match|refs:any|{NORMALISATION}")


def token_f1(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Tally:
    """Mean F1 of the bag of normalised words, 0 to 1."""
    values = [
        max(_f1(normalise(prediction).split(), normalise(reference).split()) for reference in accepted)
        for prediction, accepted in zip(predictions, references, strict=True)
    ]
    return mean_tally("token_f1", values, f"token_f1|refs:best|{NORMALISATION}")


def _f1(prediction: list[str], reference: list[str]) -> float:
    if not prediction or not reference:
        return float(prediction == reference)  # two empty answers agree
    shared = sum((Counter(prediction) & Counter(reference)).values())
    return 2 * shared / (len(prediction) + len(reference))
