"""The compiled word hashes against the plain Python words."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.decontaminate.index import buffers
from curation.decontaminate.kernels import hash_words
from curation.decontaminate.words import folding, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't  stop—NOW!", ["dont", "stop", "now"]),
        ("don’t", ["dont"]),
        ("$1,000.50 in 24-hour", ["1", "000", "50", "in", "24", "hour"]),
        ("CAFÉ cafe\u0301 Ｆｕｌｌ", ["cafe", "cafe", "full"]),
        ("snake_case", ["snake", "case"]),
        ("今天weather好", ["今", "天", "weather", "好"]),
        ("한국어", ["한국어"]),
        ("🙂 ", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=5)
)
def test_kernel_hashes_the_same_words(texts: list[str]) -> None:
    hashes, starts, _, letters = hash_words(*buffers(pl.Series(texts, dtype=pl.String)), folding())
    expected = [words(text) for text in texts]
    assert np.diff(starts).tolist() == [len(found) for found in expected]
    assert letters.tolist() == [sum(map(len, found)) for found in expected]
    by_word: dict[str, set[int]] = {}
    for word, value in zip((w for found in expected for w in found), hashes.tolist(), strict=True):
        by_word.setdefault(word, set()).add(value)
    assert all(len(values) == 1 for values in by_word.values())
    assert len(set(hashes.tolist())) == len(by_word)
