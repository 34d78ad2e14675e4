"""The certificate of a split: how many pairs of similar texts stand on different sides. It should be zero."""

from __future__ import annotations

import json

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
    after: Records, earlier: Records, new: Records, facts: pl.DataFrame, config: SplitConfig
) -> list[Fact] | None:
    """The same fact, where the pairs of `earlier`, a part of `after`, were counted before: `new` ones are looked at.

    `facts` are those of the earlier version. None where it was not without a pair, or texts have no sketch.
    """
    before = facts.filter(name="split_certificate")
    if before.height != 1 or before["value"].item() != 0 or before["n"].item() != len(earlier):
        return None
    pairs = nearby(earlier, new, config, spanning=False)
    if pairs is None:
        return None
    # The sides of old records are read where they stand in a pair only.
    ids = pairs.ids
    met = np.unique(np.concatenate([pairs.left, pairs.right]))
    side = np.full(len(ids), -1, np.int64)
    side[met] = _sides_of(after.among(ids.gather(met)), ids.gather(met))
    of_new = _sides(new)
    known = json.loads(before["detail"].item())["rows"]
    rows = {name: known[name] + int((of_new == k).sum()) for k, name in enumerate(SPLITS)}
    method = (
        f"exact prefix-filter join of the {len(new)} new records with all others: no pair is missed; "
        f"the {len(earlier)} records of {earlier.version} had none among them"
    )
    return [_fact(after, rows, int((side[pairs.left] != side[pairs.right]).sum()), method, config)]


def _sides(records: Records) -> np.ndarray:
    names = records.frame("record_id", "split").collect()["split"]
    return names.replace_strict(list(SPLITS), range(len(SPLITS)), return_dtype=pl.Int64).to_numpy()


def _sides_of(records: Records, ids: pl.Series) -> np.ndarray:
    """The sides of `records` in the order of `ids`."""
    names = records.frame("record_id", "split").collect()
    ordered = pl.DataFrame({"record_id": ids}).join(names, on="record_id", how="left", maintain_order="left")
    return ordered["split"].replace_strict(list(SPLITS), range(len(SPLITS)), return_dtype=pl.Int64).to_numpy()


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
