from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from curation.dedup.config import DedupConfig, Keys
from curation.dedup.recall import BINS, measure, measured_recall
from data.records import FrameRecords


def texts_of(count: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(f"w{rng.randrange(5000)}" for _ in range(rng.randrange(60, 140))) for _ in range(count)]


def test_recall_by_bin_is_what_the_formula_expects() -> None:
    measured = measured_recall(texts_of(900), DedupConfig(keys=Keys.text), pairs=900)
    assert [(bin_.low, bin_.high) for bin_ in measured] == list(pairwise(BINS))
    assert sum(bin_.n for bin_ in measured) > 500
    for bin_ in measured:
        assert bin_.n > 30
        # Within four standard errors of the formula's chance, and one pair.
        error = (bin_.expected * (1 - bin_.expected) / bin_.n) ** 0.5
        assert abs(bin_.found / bin_.n - bin_.expected) <= 4 * error + 1 / bin_.n
        assert bin_.least <= bin_.found / bin_.n <= bin_.most + 1e-9
        assert bin_.found >= 0.97 * bin_.n


def test_too_few_bands_are_seen() -> None:
    """A configuration that finds half of the pairs at the threshold must not measure well."""
    poor = measured_recall(texts_of(900), DedupConfig(recall=0.5, keys=Keys.text), pairs=900)
    assert poor[0].found < 0.8 * poor[0].n
    assert poor[1].most < 0.95


def test_the_exact_join_finds_all() -> None:
    config = DedupConfig(method="exact_join", keys=Keys.text)  # type: ignore[arg-type]
    assert all(bin_.found == bin_.n for bin_ in measured_recall(texts_of(200), config, pairs=200))


def test_the_seed_decides_the_pairs() -> None:
    texts, config = texts_of(150), DedupConfig(keys=Keys.text)
    one, two = (measured_recall(texts, config, pairs=100, seed=3) for _ in range(2))
    assert one == two
    assert one != measured_recall(texts, config, pairs=100, seed=4)


@pytest.mark.parametrize("texts", [[], ["too short"], ["今天天气很好我们去公园散步吧" * 6] * 3])
def test_few_short_or_chinese_texts(texts: list[str]) -> None:
    measured = measured_recall(texts, DedupConfig(keys=Keys.text))
    assert len(measured) == len(BINS) - 1
    assert all(bin_.found <= bin_.n for bin_ in measured)


def test_facts_of_a_version() -> None:
    rows = [
        {"messages": [{"role": "user", "content": "Tell me"}, {"role": "assistant", "content": text}]}
        for text in texts_of(300)
    ]
    records = FrameRecords.of(*rows)
    facts = measure(records, records, DedupConfig())
    assert facts[0].slice == "jaccard=0.75..0.80"
    for fact in facts:
        assert fact.subject == records.version
        assert fact.unit == "fraction"
        assert fact.low is not None and fact.high is not None
        assert fact.value is None or fact.low - 1e-9 <= fact.value <= fact.high + 1e-9
        assert "bands:21|rows:6" in fact.signature


def test_the_stages_own_texts_are_not_changed() -> None:
    texts = pl.Series(texts_of(50))
    before = texts.clone()
    measured_recall(texts, DedupConfig(keys=Keys.text), seed=int(np.int64(2)))
    assert texts.equals(before)
