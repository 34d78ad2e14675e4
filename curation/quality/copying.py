"""Answers that say nothing new: the answer is the prompt, or the prompt is the answer."""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import IS_CHAT, finding

REASONS = {"quality_copied_prompt": "The answer repeats the prompt."}


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Dialogues in which one of prompt and answer, as words, stands in the other and makes up most of it.

    The score is the length of the shorter over that of the longer. Picking a phrase out of the prompt, as in
    question answering, stays far below the threshold.
    """
    prompt = (
        pl.col("messages")
        .list.eval(pl.element().filter(pl.element().struct.field("role") == "user").struct.field("content"))
        .list.last()
        .fill_null("")
    )
    low = config.max_copied_fraction
    # Comparing lengths first leaves few records for the costly normalising; .8 allows for punctuation.
    close = batch.filter(IS_CHAT & (pl.col("last").str.len_chars() >= config.min_copied_chars)).with_columns(
        asked=prompt
    )
    ratio = pl.col("last").str.len_bytes() / pl.col("asked").str.len_bytes()
    close = close.filter(ratio.is_between(0.8 * low, 1.25 / max(low, 0.01))).with_columns(
        pl.col("asked", "last").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    )
    a, b = pl.col("asked"), pl.col("last")
    inside = a.str.contains(b, literal=True) | b.str.contains(a, literal=True)
    share = pl.min_horizontal(a.str.len_chars(), b.str.len_chars()) / pl.max_horizontal(
        a.str.len_chars(), b.str.len_chars()
    )
    return [
        finding(
            close,
            "quality_copied_prompt",
            when=inside & (share > low),
            score=share,
            detail=pl.format("{} % of the longer one", (share * 100).round().cast(pl.Int64)),
        )
    ]
