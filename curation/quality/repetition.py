"""Texts that repeat themselves: Rae et al. 2021 (Gopher), table A1."""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import IS_DOCUMENT, finding

REASONS = {
    "quality_repeated_lines": "Many of the text's lines stood before in it.",
    "quality_repeated_paragraphs": "Many of the text's paragraphs stood before in it.",
    "quality_top_ngram": "One phrase of 2 to 4 words makes up much of the text.",
    "quality_repeated_ngrams": "Much of the text is phrases of 5 to 10 words that stood before in it.",
}

# The largest fraction that a document may have: Gopher, table A1.
LIMITS: dict[str, dict[str, float]] = {
    "quality_repeated_lines": {"line_fraction": 0.30, "line_chars": 0.20},
    "quality_repeated_paragraphs": {"paragraph_fraction": 0.30, "paragraph_chars": 0.20},
    "quality_top_ngram": {"top_2": 0.20, "top_3": 0.18, "top_4": 0.16},
    "quality_repeated_ngrams": {
        "repeat_5": 0.15, "repeat_6": 0.14, "repeat_7": 0.13, "repeat_8": 0.12, "repeat_9": 0.11, "repeat_10": 0.10,
    },
}  # fmt: skip
_IN_WORDS = {
    "line_fraction": "of its lines", "line_chars": "of its characters, in repeated lines",
    "paragraph_fraction": "of its paragraphs", "paragraph_chars": "of its characters, in repeated paragraphs",
}  # fmt: skip


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on repetition, in texts of at least `min_repetition_words` words that are not code.

    The limits were made for web pages. Dialogues and labelled texts get `repetition_slack` times as much room
    (up to .9), because lists, tables and poems repeat themselves. The score is the measure that is furthest
    above its limit.
    """
    slack = pl.when(IS_DOCUMENT).then(1.0).otherwise(config.repetition_slack)
    judged = batch.filter((pl.col("words") >= config.min_repetition_words) & ~pl.col("is_code")).with_columns(
        slack=slack
    )
    return [_worst(judged, reason, limits) for reason, limits in LIMITS.items()]


def _worst(judged: pl.DataFrame, reason: str, limits: dict[str, float]) -> pl.DataFrame:
    excess = {
        name: pl.col(name) - (pl.col("slack") * limit).clip(upper_bound=0.9) for name, limit in limits.items()
    }
    hits = judged.filter(pl.any_horizontal([value > 0 for value in excess.values()]))
    worst = pl.max_horizontal(list(excess.values()))
    score, words = pl.lit(None, dtype=pl.Float64), pl.lit("")
    for name, value in reversed(excess.items()):
        score = pl.when(value == worst).then(pl.col(name)).otherwise(score)
        words = (
            pl.when(value == worst)
            .then(pl.lit(_IN_WORDS.get(name, f"of its characters ({name})")))
            .otherwise(words)
        )
    percent = (score * 100).round().cast(pl.Int64)
    return finding(hits, reason, when=pl.lit(True), score=score, detail=pl.format("{} % {}", percent, words))
