"""The certificate of a split: how many pairs of similar texts stand on different sides. It should be zero."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import polars as pl

from curation.split.config import SplitConfig
from curation.split.nearby import nearby
from data.facts import Fact, Outcome
from data.records import SPLITS, Records


def measure(before: Records, after: Records, config: SplitConfig) -> list[Fact]:
    """One fact: pairs of texts in different splits with word n-gram Jaccard >= split.threshold.

    Counted on the finished version by the exact join, which misses no pair; nothing of how the split was made is used.
    """
    from curation.dedup.exact_join import join_texts
    from curation.dedup.record_texts import RecordTexts

    side = _sides(after)
    texts = RecordTexts([after], ("text",))
    pairs = join_texts(texts, len(side), config.threshold, config.ngram_words, only_across=side)
    method = "exact prefix-filter join: no pair is missed, so there is no interval"
    rows = {name: int((side == k).sum()) for k, name in enumerate(SPLITS)}
    return [_fact(after, rows, len(pairs.left), method, config)]


def measure_grown(
    after: Records,
    earlier: Records,
    new: Records,
    facts: pl.DataFrame,
    left: Mapping[str, pl.DataFrame],
    config: SplitConfig,
) -> list[Fact] | None:
    """The same fact, where the pairs of `earlier`, a part of `after`, were counted before: `new` ones are looked at.

    `facts` are those of the earlier version; `left` has the pairs, where the stage looked for them just now (they are
    all that the exact join finds; the sides are read from the finished version). None where the earlier version was
    not without a pair, or texts have no sketch.
    """
    before = facts.filter(name="split_certificate")
    if before.height != 1 or before["value"].item() != 0 or before["n"].item() != len(earlier):
        return None
    pairs = left.get("pairs")
    if pairs is None and (found := nearby(earlier, new, config)) is not None:
        pairs = found.pairs
    if pairs is None:
        return None
    # The sides of old records are read where they stand in a pair only.
    met = after.among(pl.concat([pairs["a"], pairs["b"]]).unique()).frame("record_id", "split").collect()
    sides = pairs.join(met, left_on="a", right_on="record_id").join(met, left_on="b", right_on="record_id")
    count = sides.filter(pl.col("split") != pl.col("split_right")).height
    of_new = _sides(new)
    known = json.loads(before["detail"].item())["rows"]
    rows = {name: known[name] + int((of_new == k).sum()) for k, name in enumerate(SPLITS)}
    method = (
        f"exact prefix-filter join of the {len(new)} new records with all others: no pair is missed; "
        f"the {len(earlier)} records of {earlier.version} had none among them"
    )
    return [_fact(after, rows, count, method, config)]


def _sides(records: Records) -> np.ndarray:
    names = records.frame("record_id", "split").collect()["split"]
    return names.replace_strict(list(SPLITS), range(len(SPLITS)), return_dtype=pl.Int64).to_numpy()


def _fact(after: Records, rows: dict[str, int], count: int, method: str, config: SplitConfig) -> Fact:
    return Fact(
        subject=after.version,
        subject_kind="version",
        name="split_certificate",
        value=float(count),
        unit="pairs across splits",
        n=sum(rows.values()),
        method=method,
        signature=f"jaccard>={config.threshold}|words:{config.ngram_words}",
        outcome=(Outcome.PASS if count == 0 else Outcome.FAIL).value,
        threshold="0 pairs",
        evidence="python -m audit checks=[QUA-001]",
        detail={"rows": rows},
    )
