"""What a classifier has to beat: always saying the most frequent label, and a linear model of the words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

CHOSEN_FROM = (0.1, 1.0, 10.0, 100.0)  # inverse strengths of the linear model's L2 penalty


def majority(labels: Sequence[str]) -> str:
    """The most frequent label; of equally frequent ones the first in order."""
    return min(Counter(labels).items(), key=lambda pair: (-pair[1], pair[0]))[0]


def linear(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str], seed: int = 0) -> list[str]:
    """Labels of `asked` by logistic regression on TF-IDF of words and pairs of words, trained on texts and labels.

    The strength of the penalty is the one of CHOSEN_FROM with the best macro F1 in a three-fold cross-validation of
    the training rows; fewer than three rows of a label leave it at 1. Seconds for thousands of texts.
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\w+")
    model = make_pipeline(words, LogisticRegression(max_iter=200, random_state=seed))
    fewest = min(Counter(labels).values())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if fewest >= 3:
            folds = StratifiedKFold(3, shuffle=True, random_state=seed)
            strengths = {"logisticregression__C": list(CHOSEN_FROM)}
            model = GridSearchCV(model, strengths, scoring="f1_macro", cv=folds)
        model.fit(list(texts), list(labels))
    return [str(label) for label in model.predict(list(asked))]
