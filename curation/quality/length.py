"""Length of prompts and answers. The bounds are the user's; the defaults stop absurd sizes only."""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import IS_CHAT, IS_DOCUMENT, finding

REASONS = {
    "quality_prompt_short": "The prompt (or labelled text) has fewer characters than quality.min_prompt_chars.",
    "quality_prompt_long": "The prompt (or labelled text) has more characters than quality.max_prompt_chars.",
    "quality_answer_short": "The answer has fewer characters than quality.min_answer_chars.",
    "quality_answer_long": "The answer has more characters than quality.max_answer_chars.",
    "quality_answer_few_words": "The answer has fewer words than quality.min_answer_words.",
}


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on length; of plain documents see `document`."""
    sized = batch.with_columns(
        prompt_chars=pl.when(IS_CHAT)
        .then(pl.col("prompt").str.len_chars())
        .otherwise(pl.col("text").str.len_chars()),
        answer_chars=pl.col("answer").str.len_chars(),
    )
    rules = (
        ("prompt_short", ~IS_DOCUMENT, "prompt_chars", "<", config.min_prompt_chars),
        ("prompt_long", ~IS_DOCUMENT, "prompt_chars", ">", config.max_prompt_chars),
        ("answer_short", IS_CHAT, "answer_chars", "<", config.min_answer_chars),
        ("answer_long", IS_CHAT, "answer_chars", ">", config.max_answer_chars),
        ("answer_few_words", IS_CHAT, "words", "<", config.min_answer_words),
    )
    found = []
    for name, applies, column, sign, bound in rules:
        value = pl.col(column)
        misses = value < bound if sign == "<" else value > bound
        unit = "words" if column == "words" else "characters"
        found.append(
            finding(
                sized,
                f"quality_{name}",
                when=applies & misses,
                score=value,
                detail=pl.format("{} {}, the bound is {}", value.cast(pl.Int64), pl.lit(unit), pl.lit(bound)),
            )
        )
    return found
