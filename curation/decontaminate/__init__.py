"""Decontamination: which records hold items that the model will be evaluated on?

Every message of a record is compared with every item of the suite `decontaminate.suite` and of the files in
`decontaminate.against`, as lower-case words of letters and digits. What is found, the strongest first:

    exact        a message holds the item byte for byte
    normalized   a message equals the item once both are normalised
    contains     a message has the item's words in a row
    near         a message is a near-duplicate of the item (`near_threshold`, as the stage dedup compares)
    ngram        the record holds `min_overlap` of the item's 13-grams (Brown et al. 2020, appendix C)

An item found in one message of a dialogue counts for the whole record. The score is the fraction of the item
that was found; the detail names the task and the item's number in its file.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from curation.decontaminate.config import DecontaminateConfig, Found
from curation.decontaminate.index import Index, buffers, fingerprint, index_of
from curation.decontaminate.words import folding
from data.records import Records
from data.verdicts import Verdicts, verdicts

__all__ = [
    "COLUMNS",
    "REASONS",
    "DecontaminateConfig",
    "Found",
    "fingerprint",
    "hits_per_task",
    "judge",
    "judge_batch",
]

COLUMNS = ("record_id", "messages")
PREFIX = "decontaminate_"
REASONS = {
    "decontaminate_exact": "A message holds an evaluation item byte for byte.",
    "decontaminate_normalized": "A message equals an evaluation item but for case, spaces and punctuation.",
    "decontaminate_contains": "A message contains an evaluation item's words in a row.",
    "decontaminate_near": "A message is a near-duplicate of an evaluation item (Jaccard similarity of word 5-grams).",
    "decontaminate_ngram": "The record holds most of an evaluation item's word n-grams.",
}


def judge(records: Records, config: DecontaminateConfig) -> Verdicts:
    """One verdict for each record that holds an evaluation item."""
    if not config.enabled:
        return verdicts()
    return verdicts(pl.concat([verdicts(), *(judge_batch(b, config) for b in records.batches(*COLUMNS))]))


def judge_batch(batch: pl.DataFrame, config: DecontaminateConfig) -> Verdicts:
    """The verdicts of a batch with COLUMNS; the index of items is built at the first call and kept."""
    if not config.enabled or batch.is_empty():
        return verdicts()
    index = index_of(config)
    turns = (
        batch.select("record_id", "messages", record=pl.int_range(pl.len()))
        .explode("messages")
        .select("record_id", "record", pl.col("messages").struct.unnest())
        .filter(pl.col("content").is_not_null())
    )
    found = _found(turns, index, config)
    if found.is_empty():
        return verdicts()
    return verdicts(_best(found).with_columns(action=pl.lit(config.action.value)))


def _found(turns: pl.DataFrame, index: Index, config: DecontaminateConfig) -> pl.DataFrame:
    """Every (record, item) that one of the rules finds: reason, rank (0 the strongest), score, task, item."""
    from curation.decontaminate.kernels import hash_words
    from curation.decontaminate.scan import CONTAINED, NEAR, scan

    data, offsets = buffers(turns["content"])
    hashes, starts, wholes, _ = hash_words(data, offsets, folding())
    record_of = turns["record"].to_numpy().astype(np.int64)
    widths = (config.contain_words, config.ngram_words)
    rows = scan(hashes, starts, wholes, record_of, index, widths, config.min_overlap)
    if index.near is not None:
        near = index.near.find(turns["content"])
        rule = np.full(len(near.item), NEAR)
        rows = np.concatenate([rows, np.column_stack((near.message, near.item, rule, near.jaccard))])
    turn, item = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)
    hits = pl.concat(
        (
            turns[turn].select("record_id", "role", "content"),
            index.items[item],
            pl.DataFrame({"rule": rows[:, 2].astype(np.int64), "score": rows[:, 3]}),
        ),
        how="horizontal",
    )
    verbatim = (pl.col("rule") <= CONTAINED) & pl.col("content").str.contains(pl.col("text"), literal=True)
    rank = pl.when(verbatim).then(0).otherwise(pl.col("rule") + 1)
    return hits.with_columns(rank=rank, reason=rank.replace_strict(dict(enumerate(REASONS))))


def _best(found: pl.DataFrame) -> pl.DataFrame:
    """One row a record: the strongest finding, of equal ones the longest item; the detail names the other tasks of
    which it holds an item, each with the strongest rule that found one.
    """
    longest = -pl.col("text").str.len_bytes().cast(pl.Int64)
    ordered = found.sort("record_id", "rank", -pl.col("score"), longest, "task", "item")
    by_task = ordered.unique(["record_id", "task"], keep="first", maintain_order=True)
    named = pl.format("{} ({})", "task", pl.col("reason").str.strip_prefix(PREFIX))
    first = by_task.group_by("record_id", maintain_order=True).agg(
        pl.col("reason", "score", "task", "item", "role").first(),
        others=named.slice(1).str.join(", "),
    )
    where = (
        pl.when(pl.col("reason") == "decontaminate_ngram")
        .then(pl.format("{} % of its n-grams", (pl.col("score") * 100).round().cast(pl.Int64)))
        .when(pl.col("reason") == "decontaminate_near")
        .then(pl.format("Jaccard {} to the {} message", pl.col("score").round(3), "role"))
        .otherwise(pl.format("in the {} message", "role"))
    )
    others = pl.when(pl.col("others") == "").then(pl.lit("")).otherwise(pl.format("; also in {}", "others"))
    return first.with_columns(detail=pl.format("{} item {}, {}{}", "task", "item", where, others))


def hits_per_task(found: Verdicts) -> pl.DataFrame:
    """Records by task and reason, from this stage's verdicts: columns task, reason, records.

    A record that holds items of several tasks counts for each of them, by the strongest rule for that task.
    """
    ours = found.filter(pl.col("reason").is_in(list(REASONS)))
    said = pl.col("detail").str.extract_groups(r"^(?<task>.*?) item \d+, [^;]*(?:; also in (?<others>.*))?$")
    read = ours.select("reason", said.alias("said")).unnest("said")
    other = (
        pl.col("others").str.split(", ").list.explode().str.extract_groups(r"^(?<task>.*) \((?<rule>\w+)\)$")
    )
    others = read.filter(pl.col("others").is_not_null()).select(other.alias("other")).unnest("other")
    both = (
        read.select("task", "reason"),
        others.select("task", reason=pl.format("{}{}", pl.lit(PREFIX), "rule")),
    )
    return (
        pl.concat(both).group_by("task", "reason").agg(records=pl.len().cast(pl.Int64)).sort("task", "reason")
    )
