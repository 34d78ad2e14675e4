"""Answers beside one another: one answer for everything, and several answers to the same."""

from __future__ import annotations

import polars as pl

from curation.outliers.config import OutliersConfig
from curation.outliers.spread import GROUP, named

REASONS = {
    "outliers_constant": "many different prompts of its task have this very answer",
    "outliers_inconsistent": "the same prompt stands elsewhere with another answer",
}
ORDER = ("ingest_number", "record_id")


def find_constant(frame: pl.DataFrame, config: OutliersConfig) -> pl.DataFrame:
    """record_id, reason, score (the fraction of its group), partner, detail; `frame` holds dialogues only.

    The partner is the oldest other record with that answer.
    """
    answers = (
        frame.with_columns(rows=pl.len().over(GROUP))
        .filter(
            (pl.col("rows") >= config.min_rows)
            & (pl.col("answer_words") >= config.min_answer_words)
            & (pl.col("answer_chars") > 0)
            & pl.col("answer").is_duplicated()  # most are not, and are not looked at further
        )
        .sort(ORDER)
        .group_by(*GROUP, "answer")
        .agg(
            pl.col("rows").first(),
            prompts=pl.col("prompt").n_unique(),
            first=pl.col("record_id").first(),
            second=pl.col("record_id").get(1, null_on_oob=True),
        )
        .with_columns(score=pl.col("prompts") / pl.col("rows"))
        .filter((pl.col("prompts") >= config.min_prompts) & (pl.col("score") > config.max_answer_fraction))
    )
    same = frame.filter(pl.col("answer").is_in(answers["answer"].implode()))
    return same.join(answers, on=[*GROUP, "answer"]).select(
        "record_id",
        "score",
        reason=pl.lit("outliers_constant"),
        partner=pl.when(pl.col("record_id") == pl.col("first")).then("second").otherwise("first"),
        detail=pl.format("the answer to {} different prompts of {} {}", "prompts", "rows", named("of")),
    )


def find_inconsistent(frame: pl.DataFrame, config: OutliersConfig) -> pl.DataFrame:
    """record_id, reason, score (the number of different answers), partner, detail; `frame` holds dialogues only.

    The partner is the oldest record with another answer. Several answers can be meant (references of a translation),
    or contradict one another: which, a person says.
    """
    asked = frame.filter(pl.col("prompt_chars") > 0)
    other = pl.col("record_id").filter(pl.col("answer") != pl.col("answer").first())
    prompts = (
        asked.filter(pl.col("prompt").is_duplicated())
        .sort(ORDER)
        .group_by("prompt")
        .agg(
            answers=pl.col("answer").n_unique(),
            first_answer=pl.col("answer").first(),
            first=pl.col("record_id").first(),
            other=other.first(),
        )
        .filter(pl.col("answers") > 1)
    )
    is_first = pl.col("answer") == pl.col("first_answer")
    return asked.join(prompts, on="prompt").select(
        "record_id",
        reason=pl.lit("outliers_inconsistent"),
        score=pl.col("answers").cast(pl.Float64),
        partner=pl.when(is_first).then("other").otherwise("first"),
        detail=pl.format("its prompt has {} different answers", "answers"),
    )
