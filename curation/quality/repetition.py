"""Texts that repeat themselves: Rae et al. 2021 (Gopher), table A1."""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import IS_DOCUMENT, finding

REASONS = {
    "quality_repeated_lines": "Many of the text's lines stood before in it.",
    "quality_repeated_paragraphs": "Many of the text's paragraphs stood before in it.",
    "quality_top_ngram": "One phrase of 2 to 4 words makes up much of the document.",
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
# What is asked of answers and labelled texts. Gopher's other measures take chains of reasoning ("All dogs are
# animals. Dogs ..."), number series, lists and choruses for loops.
SHORT_TEXT_MEASURES = {
    "quality_repeated_lines": "line_chars",
    "quality_repeated_paragraphs": "paragraph_chars",
    "quality_repeated_ngrams": "repeat_10",
}
_IN_WORDS = {
    "line_fraction": "of the lines", "line_chars": "of the characters, in repeated lines",
    "paragraph_fraction": "of the paragraphs", "paragraph_chars": "of the characters, in repeated paragraphs",
    **{f"top_{n}": f"of the characters, in one phrase of {n} words" for n in range(2, 5)},
    **{f"repeat_{n}": f"of the characters, in repeated phrases of {n} words" for n in range(5, 11)},
}  # fmt: skip


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on repetition, in texts that are not code: documents of at least `min_document_words` (Gopher
    drops shorter ones first) by Gopher's limits, answers and labelled texts by `max_repeated_fraction`.

    Of several measures above their limit the score is the one furthest above.
    """
    prose = batch.filter(~pl.col("is_code"))
    documents = prose.filter(IS_DOCUMENT & (pl.col("words") >= config.min_document_words))
    others = prose.filter(~IS_DOCUMENT)
    limit = config.max_repeated_fraction
    return [
        *(_worst(documents, reason, limits) for reason, limits in LIMITS.items()),
        *(_worst(others, reason, {measure: limit}) for reason, measure in SHORT_TEXT_MEASURES.items()),
    ]


def _worst(judged: pl.DataFrame, reason: str, limits: dict[str, float]) -> pl.DataFrame:
    excess = {name: pl.col(name) - limit for name, limit in limits.items()}
    hits = judged.filter(pl.any_horizontal([value > 0 for value in excess.values()]))
    worst = pl.max_horizontal(list(excess.values()))
    score, words = pl.lit(None, dtype=pl.Float64), pl.lit("")
    for name, value in reversed(excess.items()):
        score = pl.when(value == worst).then(pl.col(name)).otherwise(score)
        words = pl.when(value == worst).then(pl.lit(_IN_WORDS[name])).otherwise(words)
    percent = (score * 100).round().cast(pl.Int64)
    return finding(hits, reason, when=pl.lit(True), score=score, detail=pl.format("{} % {}", percent, words))
