"""Answers that stop in the middle: of a code block, or of a sentence."""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import IS_CHAT, finding

REASONS = {
    "quality_open_code_block": "The answer opens a code block and does not close it.",
    "quality_cut_off": "The answer ends in the middle of a sentence.",
}

# Words after which no English sentence ends, or a comma, hyphen or opening bracket.
_DANGLING = (
    r"(?:[,(\[–—]|\b(?:the|a|an|and|or|of|to|with|for|in|from|by|as|is|are|was|were|that|which|because|but|your|"
    r"their|its|my|our|his|into|than|if|when|while|such|this|these|can|will|would|should|be|has|have|had))$"
)


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on the end of a dialogue's last answer."""
    end = pl.col("last").str.strip_chars_end()
    fences = pl.col("last").str.count_matches(r"(?m)^[ \t]*```")
    long_enough = pl.col("words") >= config.min_truncation_words
    return [
        finding(
            batch,
            "quality_open_code_block",
            when=IS_CHAT & (fences % 2 == 1),
            score=fences,
            detail=pl.format("{} code fences", fences),
        ),
        finding(
            batch,
            "quality_cut_off",
            when=IS_CHAT
            & long_enough
            & ~pl.col("is_code")
            & end.str.slice(-20).str.to_lowercase().str.contains(_DANGLING),
            score=pl.col("words"),
            detail=pl.format(
                "ends after {} words without an end of sentence", pl.col("words").cast(pl.Int64)
            ),
        ),
    ]
