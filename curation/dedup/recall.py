"""How many near-duplicate pairs a configuration finds, measured on pairs made from the run's own texts.

Texts are edited (words replaced, left out, added, moved; inside or at the end), the exact Jaccard similarity of each
text and its edit is computed afterwards, and the pairs go through the stage's own functions, apart from its records.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from curation.dedup.canonical import Column, Columns
from curation.dedup.config import DedupConfig, Method, found_probability
from curation.dedup.near import find
from curation.dedup.shingle_sets import shingle_sets
from curation.dedup.sketch import shape, sketch
from data.facts import Fact
from data.intervals import wilson
from data.records import Records

BINS = (0.75, 0.80, 0.85, 0.90, 0.95)
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class BinRecall:
    """Pairs of Jaccard similarity in [low, high): n of them, `found` found; Wilson interval [least, most] at 0.95.

    Found means: in one cluster where the similarity reaches the threshold; below it: in one bucket, so
    that the pair was compared (for exact_join always). `expected` is the mean of `found_probability`.
    """

    low: float
    high: float
    n: int
    found: int
    least: float
    most: float
    expected: float


def measured_recall(
    texts: Column | tuple[Column, Column], config: DedupConfig, pairs: int = 400, seed: int = 1
) -> list[BinRecall]:
    """Recall by bin of `BINS` on about `pairs` planted pairs; bins without a pair have n = 0.

    Texts with few words reach few similarities, so a corpus of short texts gives fewer pairs. With two columns the
    longer field is edited, the other left alone.
    """
    if config.method is Method.off:
        return []
    columns = Columns.of(*texts) if isinstance(texts, tuple) else Columns.of(texts)
    draw = np.random.default_rng(seed)
    originals, edited = _planted(columns, pairs, draw)
    both = Columns(tuple(pl.concat([a, b]) for a, b in zip(originals, edited, strict=True)))
    n = len(originals[0])
    left, right = np.arange(n), np.arange(n, 2 * n)
    score = shingle_sets(both, np.ones(2 * n, np.bool_), config).scores(left, right)
    sketched = sketch(both.chunks(), config)
    found = find(both, sketched, config)
    joined = found.cluster[left] == found.cluster[right]
    if config.method is Method.minhash:
        met = (sketched.keys[left] == sketched.keys[right]).any(axis=1)
    else:
        met = np.ones(n, np.bool_)
    hit = np.where(score >= config.threshold, joined, met)
    return [_bin(low, high, score, hit, config) for low, high in pairwise(BINS)]


def _bin(low: float, high: float, score: np.ndarray, hit: np.ndarray, config: DedupConfig) -> BinRecall:
    inside = (score >= low) & (score < high)
    n, found = int(inside.sum()), int(hit[inside].sum())
    bands, rows = shape(config)
    chance = [found_probability(s, bands, rows) if bands else 1.0 for s in score[inside].tolist()]
    return BinRecall(low, high, n, found, *wilson(found, n), float(np.mean(chance)) if chance else 1.0)


def _planted(
    columns: Columns, pairs: int, draw: np.random.Generator
) -> tuple[list[pl.Series], list[pl.Series]]:
    """Originals and edits, field by field; each text is used once, in the order of a seeded draw."""
    rows = draw.permutation(len(columns))
    originals: list[list[str]] = [[] for _ in columns.fields]
    edited: list[list[str]] = [[] for _ in columns.fields]
    spare = [word for row in rows[:50].tolist() for word in _units(columns.fields[-1][row])[0]] or ["word"]
    for row in rows.tolist():
        if len(originals[0]) >= pairs:
            break
        fields = [field[row] for field in columns.fields]
        longest = max(range(len(fields)), key=lambda k: len(_units(fields[k])[0]))
        words, between = _units(fields[longest])
        wanted = float(draw.uniform(BINS[0], BINS[-1]))
        if len(words) < 12:
            continue
        changed = between.join(_edit(words, wanted, spare, draw))
        for k, field in enumerate(fields):
            originals[k].append(field)
            edited[k].append(changed if k == longest else field)
    return [pl.Series(o, dtype=pl.String) for o in originals], [pl.Series(e, dtype=pl.String) for e in edited]


def _units(text: str) -> tuple[list[str], str]:
    """Words and what joins them; characters where a text has too few spaces for words (Chinese, Thai)."""
    words = text.split()
    return (words, " ") if len(text) < 20 * max(len(words), 1) else (list(text), "")


def _edit(words: list[str], wanted: float, spare: list[str], draw: np.random.Generator) -> list[str]:
    """`words` with edits that leave about `wanted` of the 5-grams' Jaccard similarity.

    A replaced word among n changes five of n 5-grams on both sides: J = (n - 5k) / (n + 5k) for k of them, so
    k = n (1 - J) / (5 (1 + J)). A stretch of m words left out, added or moved costs about m + 4; at the end it
    costs m on one side, J = (n - m) / n, and only that reaches a high similarity in a short text.
    """
    changed = list(words)
    n = len(words)
    lost = n * (1 - wanted) / (1 + wanted)  # 5-grams to change on each side
    kind = 4 if lost < 5 else int(draw.integers(5))
    if kind == 4:
        span = max(1, round(n * (1 - wanted)))
        return changed[:-span] if draw.integers(2) else [*changed, *_drawn(spare, span, draw)]
    if kind == 0:
        for at in draw.choice(n, size=max(1, round(lost / 5)), replace=False).tolist():
            changed[at] = _drawn(spare, 1, draw)[0]
        return changed
    span = int(min(n - 5, max(1, round(2 * lost - 4) if kind != 3 else round(lost - 8))))
    at = int(draw.integers(n - span + 1))
    if kind == 1:
        del changed[at : at + span]
    elif kind == 2:
        changed[at:at] = _drawn(spare, span, draw)
    else:
        stretch = changed[at : at + span]
        del changed[at : at + span]
        to = int(draw.integers(len(changed) + 1))
        changed[to:to] = stretch
    return changed


def _drawn(spare: list[str], count: int, draw: np.random.Generator) -> list[str]:
    return [spare[k] for k in draw.integers(len(spare), size=count).tolist()]


def measure(before: Records, after: Records, config: DedupConfig) -> list[Fact]:
    """`near_duplicate_recall` facts of the version `after`, one a bin, on pairs made from the texts of `before`."""
    sample = _sample(before, config, texts=2_000)
    return [_fact(after.version, bin_, config) for bin_ in measured_recall(sample, config)]


def _sample(records: Records, config: DedupConfig, texts: int) -> tuple[pl.Series, ...]:
    """Evenly spaced records, so that every part of the data has its share."""
    ids = records.frame("record_id").collect()["record_id"]
    drawn = records.among(ids.gather_every(max(1, len(ids) // texts)))
    frame = drawn.frame(*config.columns).collect()
    return tuple(frame[name] for name in config.columns)


def _fact(version: str, measured: BinRecall, config: DedupConfig) -> Fact:
    return Fact(
        subject=version,
        subject_kind="version",
        name="near_duplicate_recall",
        value=measured.found / measured.n if measured.n else None,
        unit="fraction",
        slice=f"jaccard={measured.low:.2f}..{measured.high:.2f}",
        n=measured.n,
        low=measured.least,
        high=measured.most,
        level=LEVEL,
        method="planted edits of the version's own texts; Wilson score interval",
        signature="|".join(f"{key}:{value}" for key, value in _signature(config).items()),
        detail={"found": measured.found, "expected": round(measured.expected, 4)},
    )


def _signature(config: DedupConfig) -> dict[str, object]:
    bands, rows = shape(config)
    return {
        "method": config.method.value,
        "threshold": config.threshold,
        "keys": config.keys.value,
        "ngram_words": config.ngram_words,
        "bands": bands,
        "rows": rows,
        "seed": config.seed,
    }
