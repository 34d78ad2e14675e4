"""Sentences on a comparison: one item is no items."""

from __future__ import annotations

import pytest

from eval.compare import Comparison, Conclusion
from eval.items import Item, Slice
from eval.scores import Scored
from eval.words import slice_words


def said(count: int, conclusion: Conclusion) -> str:
    items = [Item(id=f"r{n}", prompt=[], references=["a"]) for n in range(count)]
    found = Comparison(
        metric="accuracy", first=0.5, second=0.6, difference=0.1, low=0.0, high=0.2, level=0.95, p=0.1, p_adjusted=0.1,
        method="McNemar exact", n=count, conclusion=conclusion, detectable=0.3, n_needed=None, signature="",
    )  # fmt: skip
    pair = ("base", "tuned")
    part = Slice(name="test", origin="here", items=items)
    scored = Scored(slice=part, answers={}, tallies={}, intervals={}, comparisons={pair: {"accuracy": found}})
    return slice_words(scored, pair)


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 item of the slice test is too few to say"), (2, "2 items of the slice test are too few to say")],
)
def test_too_few_are_counted_as_people_count(count: int, words: str) -> None:
    assert said(count, Conclusion.too_few).startswith(words)


@pytest.mark.parametrize(
    ("count", "words"), [(1, "(1 item of the slice test)."), (30, "(30 items of the slice test).")]
)
def test_the_others_too(count: int, words: str) -> None:
    assert said(count, Conclusion.better).endswith(words)
