"""The stage `dedup`: of each cluster of near-duplicates one record stays, the others say which and how near."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from curation.dedup import keep
from curation.dedup.config import DedupConfig, Method
from curation.dedup.decide import Duplicates, decide
from curation.dedup.near import find
from curation.dedup.record_texts import ROWS, RecordTexts
from curation.dedup.sketch import sketch
from data.records import Records
from data.verdicts import Action, Verdicts, verdicts

REASONS = {
    "dedup_exact_canonical": "The words of the kept record in the same order; case, punctuation or spacing may differ.",
    "dedup_near": "In one cluster with the kept record by verified pairs of Jaccard similarity >= dedup.threshold.",
    "dedup_border": "Kept, but its most similar better record is only just below the threshold.",
}


@dataclass(slots=True)
class NotedTexts(RecordTexts):
    """The compared columns of the records; the first reading notes the merits too."""

    config: DedupConfig
    noted: list[pl.DataFrame] = field(default_factory=list)

    def noting(self) -> Iterator[tuple[pl.Series, ...]]:
        """`chunks`, and `noted` holds record_id, merits and label of all records afterwards."""
        wanted = dict.fromkeys(("record_id", "label", *self.columns, *keep.columns(self.config)))
        for batch in self.records.batches(*wanted, rows=ROWS):
            self.noted.append(keep.merits(batch, self.config).with_columns(batch["label"]))
            yield self.fields(batch)


def judge(records: Records, config: DedupConfig) -> Verdicts:
    """Drops for all but the best record of each cluster, tags for kept records near the threshold."""
    if config.method is Method.off or len(records) == 0:
        return verdicts()
    texts = NotedTexts(records, config.columns, config)
    sketched = sketch(texts.noting(), config)
    merit = pl.concat(texts.noted)
    rank = keep.ranks(merit, config)
    duplicates = decide(find(texts, sketched, config), rank, config)
    return pl.concat([dropped(duplicates, merit, config), tagged(duplicates, merit, config)])


def dropped(duplicates: Duplicates, merit: pl.DataFrame, config: DedupConfig) -> Verdicts:
    """A drop for each removed record: partner is the kept record, score the exact similarity to it."""
    rows = duplicates.removed
    kept = duplicates.kept[rows]
    link = duplicates.link[rows]
    ids, said = merit["record_id"], merit["said"]
    frame = pl.DataFrame(
        {
            "record_id": ids.gather(rows),
            "equal": duplicates.equal[rows],
            "score": duplicates.score[rows],
            "partner": ids.gather(kept),
            "label": merit["label"].gather(rows),
            "other_label": merit["label"].gather(kept),
            "own": said.gather(rows),
            "other": said.gather(kept),
            "link": ids.gather(np.maximum(link, 0)),
            "chained": link >= 0,
            "link_score": duplicates.link_score[rows],
        }
    )
    rule = pl.format("kept by {}: {} against {}", pl.lit(config.keep.value), "other", "own")
    rule += (
        pl.when(pl.col("own") == pl.col("other")).then(pl.lit(", then by record_id")).otherwise(pl.lit(""))
    )
    labels = pl.when(pl.col("label") != pl.col("other_label")).then(pl.lit("; the labels differ"))
    chain = pl.format(
        "; chained: {} to the kept record is below {}, joined through {} at {}",
        pl.col("score").round(4),
        pl.lit(config.threshold),
        "link",
        pl.col("link_score").round(4),
    )
    return verdicts(
        frame.select(
            "record_id",
            "score",
            "partner",
            action=pl.lit(Action.drop.value),
            reason=pl.when("equal").then(pl.lit("dedup_exact_canonical")).otherwise(pl.lit("dedup_near")),
            detail=rule + pl.when("chained").then(chain).otherwise(pl.lit("")) + labels.otherwise(pl.lit("")),
        )
    )


def tagged(duplicates: Duplicates, merit: pl.DataFrame, config: DedupConfig) -> Verdicts:
    """A tag for each kept record whose nearest better one is in [store_from, threshold)."""
    rows = np.flatnonzero(duplicates.near >= 0)
    ids = merit["record_id"]
    frame = pl.DataFrame(
        {
            "record_id": ids.gather(rows),
            "score": duplicates.near_score[rows],
            "partner": ids.gather(duplicates.near[rows]),
        }
    )
    nearest = frame.sort(-pl.col("score"), "record_id").head(config.max_reported).sort("record_id")
    return verdicts(
        nearest.with_columns(
            action=pl.lit(Action.tag.value),
            reason=pl.lit("dedup_border"),
            detail=pl.lit(f"below dedup.threshold={config.threshold}"),
        )
    )
