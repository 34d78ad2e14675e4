"""The stage `dedup`: of each cluster of near-duplicates one record stays, the others say which and how near."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from curation.dedup import keep
from curation.dedup.alphabet import table
from curation.dedup.canonical import pieces
from curation.dedup.config import DedupConfig, Method
from curation.dedup.decide import Duplicates, decide
from curation.dedup.near import find
from curation.dedup.record_texts import RecordTexts
from curation.dedup.sketch import Sketch, shape, sharing, sketch, sketch_chunk
from curation.grown import Grown
from data.records import FrameRecords, Records
from data.verdicts import Action, Verdicts, verdicts

REASONS = {
    "dedup_exact_canonical": "The words of the kept record in the same order; case, punctuation or spacing may differ.",
    "dedup_near": "In one cluster with the kept record by verified pairs of Jaccard similarity >= dedup.threshold.",
    "dedup_border": "Kept, but its most similar better record is only just below the threshold.",
}


# Reading whole texts by their ids is worth it for this many at once.
MERIT_ROWS = 50_000


def warm_up() -> None:
    """Load compiled code and the table of characters."""
    import curation.dedup.kernel
    import curation.dedup.meet
    import curation.dedup.scan  # noqa: F401

    table()


def judge(records: Records, config: DedupConfig) -> Verdicts:
    """Drops for all but the best record of each cluster, tags for kept records near the threshold."""
    if config.method is Method.off:
        return verdicts()
    keep.check([records], config)
    ids, sketches = _sketched(records, config)
    return _judge([records], [ids], [sketches], config, settled=0)


def extend(grown: Grown, config: DedupConfig) -> tuple[Verdicts, pl.Series]:
    """The verdicts on new records, and on old ones that are tagged now.

    What was kept stays kept: a new record that is like one of them is dropped, whatever the rule would prefer, and
    its verdict names the old record. New records are compared with the kept ones and with one another only.
    """
    keep.check([grown.kept, grown.new], config)
    ids, sketches = zip(*_beside(grown, config), strict=True)
    kept = grown.kept if len(ids[0]) == len(grown.kept) else _held(grown.kept.among(ids[0]), len(ids[0]))
    judged = _judge([kept, grown.new], ids, sketches, config, settled=len(ids[0]))
    old = judged.join(grown.new.frame("record_id").collect(), on="record_id", how="anti")[
        "record_id"
    ].unique()
    before = grown.said(on=old.to_list())
    fresh = judged.join(before.select("record_id", "reason"), on=["record_id", "reason"], how="anti")
    again = fresh.filter(pl.col("record_id").is_in(old.implode()))["record_id"].unique()
    return pl.concat([before.filter(pl.col("record_id").is_in(again.implode())), fresh]), again


def _judge(
    parts: Sequence[Records],
    ids: Sequence[pl.Series],
    sketches: Sequence[Sketch],
    config: DedupConfig,
    settled: int,
) -> Verdicts:
    """Verdicts on the records with these ids of each part; the first `settled` of them were judged before."""
    if sum(map(len, ids)) == settled:
        return verdicts()
    sketched = Sketch.joined(list(sketches), shape(config)[0])
    found = find(RecordTexts(parts, config.columns, ids), sketched, config, settled)
    concerned = (found.sets.slot >= 0) | (found.first != np.arange(len(sketched)))
    concerned[found.first] |= np.bincount(found.first, minlength=len(sketched))[found.first] > 1
    merit, rank = _merits(parts, pl.concat(list(ids)), concerned, config)
    duplicates = decide(found, rank, config, settled)
    return pl.concat([dropped(duplicates, merit, config), tagged(duplicates, merit, config)])


def _sketched(records: Records, config: DedupConfig) -> tuple[pl.Series, Sketch]:
    """Record ids and sketches: those that were stored, or made here where not all were."""
    stored = records.sketches()
    if stored.height == len(records):
        return stored["record_id"], Sketch.unpacked(stored["data"], shape(config)[0])
    ids = records.frame("record_id").collect()["record_id"]
    return ids, sketch(RecordTexts([records], config.columns).chunks(), config)


def _beside(grown: Grown, config: DedupConfig) -> list[tuple[pl.Series, Sketch]]:
    """Ids and sketches of the kept records that a new one may be like, and of the new ones."""
    new = _sketched(grown.new, config)
    bands = shape(config)[0]
    if not bands or not grown.kept.sketched:
        return [_sketched(grown.kept, config), new]

    met = grown.kept.sketches(sharing(new[1]))
    return [(met["record_id"], Sketch.unpacked(met["data"], bands)), new]


def _held(records: Records, rows: int) -> Records:
    """A few records that are read more than once, in memory."""
    return FrameRecords(records.frame().collect(), version=records.version) if rows <= MERIT_ROWS else records


def _merits(
    parts: Sequence[Records], ids: pl.Series, concerned: np.ndarray, config: DedupConfig
) -> tuple[pl.DataFrame, np.ndarray]:
    """record_id, label and merits of all records (null for those that are in no pair), and their ranks."""
    wanted = dict.fromkeys(("record_id", "label", *keep.columns(config)))
    asked = ids.filter(pl.Series(concerned))
    read = []
    for part in parts:
        for chunk in pl.DataFrame({"id": asked}).iter_slices(MERIT_ROWS):
            for batch in part.among(chunk["id"]).batches(*wanted, rows=MERIT_ROWS):
                read.append(keep.merits(batch, config).with_columns(batch["label"]))
    rows = pl.DataFrame({"record_id": ids})
    if not read:
        nothing = [pl.lit(None, dtype=pl.String).alias(name) for name in ("said", "label")]
        return rows.with_columns(nothing), np.arange(len(ids))
    merit = rows.join(pl.concat(read), on="record_id", how="left", maintain_order="left")
    rank = np.full(len(ids), -1, np.int64)
    known = merit["said"].is_not_null().to_numpy()
    rank[known] = keep.ranks(merit.filter(pl.Series(known)))
    rank[~known] = np.arange(int(known.sum()), len(ids))
    return merit, rank


def sketch_columns(config: DedupConfig) -> tuple[str, ...]:
    """The derived columns that a sketch is made of."""
    return config.columns


def sketch_kind(config: DedupConfig) -> str:
    """What a sketch depends on, in words."""
    about = (
        *config.columns,
        config.ngram_words,
        config.operators,
        config.num_perm,
        config.seed,
        *shape(config),
    )
    return ",".join(map(str, about))


def sketch_batch(batch: pl.DataFrame, config: DedupConfig) -> pl.Series:
    """The sketch of each row of a frame with `sketch_columns`, in binary."""
    fields = tuple(batch[name].fill_null("") for name in config.columns)
    return Sketch.joined(
        [sketch_chunk(piece, config) for piece in pieces([fields])], shape(config)[0]
    ).packed()


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
