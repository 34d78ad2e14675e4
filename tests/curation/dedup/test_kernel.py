from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash

from curation.dedup import canonical
from curation.dedup.canonical import Columns
from curation.dedup.config import DedupConfig, Keys
from curation.dedup.kernel import permutations
from curation.dedup.shingle_sets import shingle_sets
from curation.dedup.sketch import minima, shape, sketch, sketch_chunk


def random_texts(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    alphabet = ["data", "model", "Train", "naïve", "机器", "x+y", "the", "of", "ΣΑΣ", "42", "don't", "\n"]
    return [" ".join(rng.choices(alphabet, k=rng.randrange(0, 80))) for _ in range(count)]


@pytest.mark.parametrize(("num_perm", "seed"), [(128, 1), (128, 7), (64, 2**32 - 1), (256, 0)])
def test_minima_equal_datasketch_bit_for_bit(num_perm: int, seed: int) -> None:
    texts = random_texts(60, seed)
    config = DedupConfig(num_perm=num_perm, seed=seed, threshold=0.9, recall=0.9, keys=Keys.text)
    ours = minima(texts, config)
    sets = shingle_sets(Columns.of(texts), np.ones(len(texts), np.bool_), config)
    for row in range(len(texts)):
        shingles = sets.values[sets.start[row] : sets.start[row + 1]] & np.uint64(0xFFFFFFFF)
        theirs = MinHash(num_perm=num_perm, seed=seed, scheme="affine32", hashfunc=int)
        theirs.update_batch(shingles.tolist())
        assert ours[row].dtype == theirs.hashvalues.dtype
        assert np.array_equal(ours[row], theirs.hashvalues)


def test_permutations_equal_those_of_datasketch() -> None:
    theirs = MinHash(num_perm=128, seed=3, scheme="affine32").permutations
    for ours, other in zip(permutations(128, 3), theirs, strict=True):
        assert np.array_equal(ours, other)


def test_band_keys_are_equal_where_all_minima_of_the_band_are() -> None:
    config = DedupConfig(keys=Keys.text)
    bands, rows = shape(config)
    texts = random_texts(40, 3) * 2 + [
        "data model train of the 42 data model",
        "data model train of the 42 data",
    ]
    values = minima(texts, config)[:, : bands * rows].reshape(len(texts), bands, rows)
    keys = sketch_chunk((pl.Series(texts),), config).keys
    for a in range(len(texts)):
        assert np.array_equal(keys[a] == keys, (values[a] == values).all(axis=2))


def test_minima_estimate_the_similarity_within_their_error() -> None:
    """The estimate's standard error is sqrt(J (1 - J) / k); five of them are far outside chance."""
    rng = random.Random(0)
    base = [f"w{rng.randrange(10**6)}" for _ in range(400)]
    texts = [" ".join(base), " ".join(base[:250] + [f"v{k}" for k in range(150)])]
    config = DedupConfig(num_perm=2048, keys=Keys.text)
    a, b = minima(texts, config)
    exact = shingle_sets(Columns.of(texts), np.ones(2, np.bool_), config).scores(
        np.array([0]), np.array([1])
    )[0]
    assert abs((a == b).mean() - exact) < 5 * (exact * (1 - exact) / 2048) ** 0.5


def test_threads_and_chunks_change_nothing() -> None:
    texts = pl.Series(random_texts(500, 9))
    config = DedupConfig(keys=Keys.text)
    one = sketch(Columns((texts,), rows=500).chunks(), config, threads=1)
    two = sketch(Columns((texts,), rows=37).chunks(), config, threads=2)
    for name in ("keys", "whole", "words"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


def test_long_texts_are_cut_into_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pl.Series(random_texts(300, 5))
    config = DedupConfig(keys=Keys.text)
    whole = sketch(Columns.of(texts).chunks(), config)
    monkeypatch.setattr(canonical, "PIECE_BYTES", 500)
    assert len(list(canonical.pieces(Columns.of(texts).chunks()))) > 50
    cut = sketch(Columns.of(texts).chunks(), config)
    assert np.array_equal(cut.keys, whole.keys)
    sets = shingle_sets(Columns.of(texts), np.ones(300, np.bool_), config)
    monkeypatch.undo()
    assert np.array_equal(sets.values, shingle_sets(Columns.of(texts), np.ones(300, np.bool_), config).values)


def test_the_fields_of_a_record_are_told_apart() -> None:
    config = DedupConfig()
    swapped = sketch_chunk((pl.Series(["a b", "c d"]), pl.Series(["c d", "a b"])), config)
    assert not np.array_equal(swapped.whole[0], swapped.whole[1])
    assert (swapped.keys[0] != swapped.keys[1]).all()
    moved = sketch_chunk((pl.Series(["a b", "a b c"]), pl.Series(["c d", "d"])), config)
    assert not np.array_equal(moved.whole[0], moved.whole[1])
