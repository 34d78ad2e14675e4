from __future__ import annotations

import random
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.exact_join import Pairs, join


def as_dict(pairs: Pairs) -> dict[tuple[int, int], float]:
    return {
        (a, b): s
        for a, b, s in zip(pairs.left.tolist(), pairs.right.tolist(), pairs.jaccard.tolist(), strict=True)
    }


# Few words and short n-grams: many equal, nested and overlapping sets.
FEW_WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "g"]), max_size=14).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(FEW_WORDS, max_size=30),
    st.sampled_from([0.2, 0.5, 0.6, 0.75, 0.8, 0.9, 1.0]),
    st.integers(1, 3),
)
def test_no_pair_is_missed_and_none_invented(
    reference: Any, texts: list[str], threshold: float, ngram: int
) -> None:
    assert as_dict(join(texts, threshold, ngram)) == reference["pairs"](texts, threshold, ngram)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(FEW_WORDS, st.integers(0, 2)), max_size=30), st.sampled_from([0.5, 0.8]))
def test_only_across_leaves_out_pairs_of_one_group(
    reference: Any, rows: list[tuple[str, int]], threshold: float
) -> None:
    texts, groups = [text for text, _ in rows], np.array([group for _, group in rows], dtype=np.int64)
    wanted = {
        pair: score
        for pair, score in reference["pairs"](texts, threshold, 2).items()
        if groups[pair[0]] != groups[pair[1]]
    }
    assert as_dict(join(texts, threshold, 2, only_across=groups)) == wanted
    forest = as_dict(join(texts, threshold, 2, only_across=groups, spanning=True))
    assert set(forest) <= set(wanted)
    assert reference["clusters"](len(texts), list(forest)) == reference["clusters"](len(texts), list(wanted))


@settings(max_examples=100, deadline=None)
@given(st.lists(FEW_WORDS, max_size=30), st.sampled_from([0.5, 0.8, 1.0]))
def test_spanning_pairs_give_the_same_clusters(reference: Any, texts: list[str], threshold: float) -> None:
    every, forest = as_dict(join(texts, threshold, 2)), as_dict(join(texts, threshold, 2, spanning=True))
    n = len(texts)
    clusters = reference["clusters"](n, list(every))
    assert reference["clusters"](n, list(forest)) == clusters
    assert len(forest) == n - len(set(clusters))


@pytest.mark.shared_data
@pytest.mark.parametrize("threshold", [0.6, 0.8, 0.9])
def test_real_texts_against_brute_force(
    real_texts: list[str], real_pairs: dict[tuple[int, int], float], threshold: float
) -> None:
    wanted = {pair: score for pair, score in real_pairs.items() if score >= threshold}
    assert len(wanted) > 100
    assert as_dict(join(pl.Series(real_texts), threshold, operators=False)) == wanted


def test_two_columns_take_the_lower_similarity() -> None:
    prompts = [
        "what is the capital of france",
        "what is the capital of france",
        "what is the capital of spain",
    ]
    answers = ["it is the city of paris", "it is the city of lyon", "it is the city of paris"]
    assert as_dict(join((prompts, answers), 0.3, 1)) == {
        (0, 1): pytest.approx(5 / 7),
        (0, 2): pytest.approx(5 / 7),
        (1, 2): pytest.approx(5 / 7),
    }
    assert as_dict(join((prompts, answers), 0.8, 1)) == {}


def test_kinds_of_input() -> None:
    texts = ["a b c", "A, b; c!", None]
    for column in (pl.Series(texts), pa.array(texts), pa.chunked_array([texts[:1], texts[1:]])):
        assert as_dict(join(column, 0.8)) == {(0, 1): 1.0}
    assert as_dict(join([], 0.8)) == {}
    assert as_dict(join(["", "", "!"], 0.8)) == {}


def test_more_pairs_than_one_buffer_holds() -> None:
    rng = random.Random(1)
    texts = ["a b c d e f g h " + " ".join(rng.choices("xyz", k=3)) for _ in range(1000)]
    found = join(texts, 0.3, 1)
    assert len(found.left) == 1000 * 999 // 2


def test_groups_must_fit() -> None:
    with pytest.raises(ValueError, match="2 groups for 1 texts"):
        join(["a"], 0.8, only_across=np.array([0, 1]))
