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
    r"(?i)(?:[,(\[–—]|\b(?:the|a|an|and|or|of|to|with|for|in|from|by|as|is|are|was|were|that|which|because|but|your|"
    r"their|its|my|our|his|into|than|if|when|while|such|this|these|can|will|would|should|be|has|have|had))$"
)
# A last word in small letters (a name would close a letter) after at least so many words of its sentence.
_SMALL_WORD = r"(?:^|\s)\p{Ll}[\p{L}'’-]*$"
_SENTENCE_WORDS = 8
# The last line is an item of a list, or a formula stands in it.
_LIST_OR_FORMULA = r"(?:^|\n)[ \t]*(?:[-*•+]|\d+[.)]|\w[.)])[ \t][^\n]*$|[=+|][^\n]*$"


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on the end of a dialogue's last answer."""
    fences = pl.col("last").str.count_matches(r"(?m)^[ \t]*```")
    fenced = batch.filter(IS_CHAT & pl.col("last").str.contains("```", literal=True))
    return [
        finding(
            fenced,
            "quality_open_code_block",
            when=fences % 2 == 1,
            score=fences,
            detail=pl.format("{} code fences", fences),
        ),
        _cut_off(
            batch.filter(IS_CHAT & (pl.col("words") >= config.min_truncation_words) & ~pl.col("is_code"))
        ),
    ]


def _cut_off(answers: pl.DataFrame) -> pl.DataFrame:
    """Answers that end in a dangling word, or without a full stop in a sentence of several words after others.

    The score is the number of words since the last end of a sentence or line.
    """
    ended = answers.with_columns(end=pl.col("last").str.strip_chars_end()).filter(
        pl.col("end").str.slice(-1).str.contains(r"[\p{Ll},(\[–—]")
    )
    prose = ended.filter(~pl.col("end").str.contains(_LIST_OR_FORMULA)).with_columns(
        start=pl.col("end").str.extract(r"([^.!?:;\n]*)$"), tail=pl.col("end").str.slice(-30)
    )
    words = pl.col("start").str.count_matches(r"\S+")
    is_later = pl.col("start").str.len_bytes() < pl.col("end").str.len_bytes()
    unfinished = is_later & (words >= _SENTENCE_WORDS) & pl.col("tail").str.contains(_SMALL_WORD)
    return finding(
        prose,
        "quality_cut_off",
        when=pl.col("tail").str.contains(_DANGLING) | unfinished,
        score=words,
        detail=pl.format("{} words after the last end of a sentence", words),
    )
