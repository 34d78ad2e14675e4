"""Which records must stay on the same side of a split."""

from __future__ import annotations

import numpy as np
import polars as pl

from curation.split.config import SplitConfig
from curation.split.sketch import Sketches, prompt_keys
from data.errors import ConfigError, closest
from data.records import Records


def groups(records: Records, config: SplitConfig) -> pl.DataFrame:
    """record_id, ingest_number and `group` (a number): the connected components of all ties.

    Ties: word n-gram Jaccard of the texts >= threshold (found by the exact join, which misses none), equal
    prompts in lower case, equal values of a `group_by` column. A missing value ties nothing.
    """
    frame = records.frame("record_id", "ingest_number", *config.group_by).collect()
    edges = [_near(records, config), equal(_prompt_keys(records))]
    for column in config.group_by:
        if frame.height and frame[column].null_count() == frame.height:
            raise ConfigError(
                f"split.group_by={column}: no record has that column",
                closest(column, column_names(records)),
            )
        edges.append(equal(frame[column]))
    group = components(np.concatenate(edges), frame.height)
    return frame.select("record_id", "ingest_number").with_columns(group=group)


def components(pairs: np.ndarray[tuple[int, int], np.dtype[np.int64]], n: int) -> pl.Series:
    """A number for each of n rows, the same for those that the pairs of rows tie together."""
    from curation.dedup.compare import unite_pairs

    component = np.arange(n, dtype=np.int32)
    unite_pairs(component, pairs[:, 0].astype(np.int32), pairs[:, 1].astype(np.int32))
    return pl.Series("group", component, dtype=pl.Int64)


def _prompt_keys(records: Records) -> pl.Series:
    """A hash of each prompt in lower case, in the order of the records, null where it is empty."""
    stored = records.sketches()
    if stored.height == len(records):
        keys = Sketches.of(stored).prompts
    else:
        parts = [prompt_keys(batch["prompt"]) for batch in records.batches("prompt", rows=50_000)]
        keys = np.concatenate([np.empty(0, np.uint64), *parts])
    return pl.Series("prompt", keys).replace(0, None)


def _near(records: Records, config: SplitConfig) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    from curation.dedup.exact_join import join_texts
    from curation.dedup.record_texts import RecordTexts

    texts = RecordTexts([records], ("text",))
    pairs = join_texts(texts, len(records), config.threshold, config.ngram_words, spanning=True)
    return np.stack([np.asarray(pairs.left, np.int64), np.asarray(pairs.right, np.int64)], axis=1)


def equal(values: pl.Series) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Each row with the first row that holds the same value; rows x 2."""
    first = (
        pl.DataFrame({"value": values})
        .with_row_index("row")
        .filter(pl.col("value").is_not_null() & (pl.col("value").cast(pl.String) != ""))
        .with_columns(first=pl.col("row").first().over("value"))
    )
    return first.select("first", "row").to_numpy().astype(np.int64)


def column_names(records: Records) -> set[str]:
    """Columns that records can be grouped by: keys of the first ones' metadata, and what every record has."""
    import json

    sample = records.frame("metadata").head(100).collect()["metadata"]
    found = {key for text in sample if text for key in json.loads(text)}
    return found | {"label", "kind", "source", "licence", "language", "file"}
