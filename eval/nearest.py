"""The copy_nearest baseline: answer with the training answer whose prompt is most like the question.

A tuned model that does not beat it has learnt to look up, not to write. Prompts are compared by the cosine of
TF-IDF over words and word pairs; of equally near ones the smallest record id is copied.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eval.items import Item

ROWS = 256  # questions compared with all of training at once


def copy_nearest(training: Sequence[Item], questions: Sequence[Item]) -> list[tuple[str, str, float]]:
    """For each question: the copied answer, the record it is from, and the cosine of the prompts (0 to 1)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    known = sorted(training, key=lambda item: item.id)
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\w+", sublinear_tf=True)
    shelf = vectorizer.fit_transform([item.question for item in known]).T.tocsr()
    asked = vectorizer.transform([item.question for item in questions])
    found: list[tuple[str, str, float]] = []
    for start in range(0, len(questions), ROWS):
        likeness = np.asarray((asked[start : start + ROWS] @ shelf).todense())
        # Sums of floats in another order differ in the last digits: rounding keeps ties ties.
        likeness = np.round(likeness, 9)
        for row, best in zip(likeness, likeness.argmax(axis=1), strict=True):
            found.append((known[best].references[0], known[best].id, float(min(row[best], 1.0))))
    return found
