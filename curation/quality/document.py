"""Plain documents (kind `text`) that are no good prose: Gopher, C4 and FineWeb.

Gopher is Rae et al. 2021, table A1; C4 is Raffel et al. 2020, section 2.2; FineWeb is Penedo et al. 2024,
section 3.6. They were made for web pages, so that dialogues and labelled texts are not judged by them.
"""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import IS_DOCUMENT, finding

REASONS = {
    "quality_document_words": "The document has too few or too many words (Gopher: 50 to 100,000).",
    "quality_document_word_length": "The mean word is shorter than 3 or longer than 10 characters (Gopher).",
    "quality_document_symbols": "More than one # or ellipsis for ten words (Gopher).",
    "quality_document_bullets": "More than 90 % of the lines begin with a bullet (Gopher).",
    "quality_document_ellipsis": "More than 30 % of the lines end with an ellipsis (Gopher).",
    "quality_document_alphabetic": "Fewer than 80 % of the words hold a letter (Gopher).",
    "quality_document_stop_words": "Fewer than two of the words the, be, to, of, and, that, have, with (Gopher).",
    "quality_document_placeholder": "The document says 'lorem ipsum' or asks for JavaScript (C4).",
    "quality_document_line_ends": "At most 12 % of the lines end with punctuation (FineWeb).",
    "quality_document_short_lines": "At least 67 % of the lines have at most 30 characters (FineWeb).",
}

_STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on plain documents."""
    documents = batch.filter(IS_DOCUMENT & (pl.col("words") > 0))
    text, words, lines = pl.col("text"), pl.col("words"), pl.col("lines").clip(1)
    symbols = (
        pl.max_horizontal(text.str.count_matches("#", literal=True), text.str.count_matches(r"\.\.\.|…"))
        / words
    )
    stop_words = pl.sum_horizontal(
        [text.str.contains(rf"(?i)\b{word}\b").cast(pl.Int64) for word in _STOP_WORDS]
    )
    # FineWeb's line rules say nothing of a document of one or two lines.
    many_lines = lines >= 3
    bounds = f"{config.min_document_words} to {config.max_document_words} words"
    measured = documents.with_columns(
        word_length=pl.col("word_chars") / words,
        symbols=symbols,
        bullets=text.str.count_matches(r"(?m)^[ \t]*[•●▪‣*\-][ \t]") / lines,
        ellipsis=text.str.count_matches(r"(?m)(?:\.\.\.|…)[ \t\r]*$") / lines,
        alphabetic=pl.col("letter_words") / words,
        stop_words=stop_words,
        placeholder=text.str.count_matches(r"(?i)lorem ipsum|(?:enable|turn on|requires?) javascript"),
        line_ends=text.str.count_matches(r"(?m)[.!?:;\"'”’)][ \t\r]*$") / lines,
        short_lines=text.str.count_matches(r"(?m)^[^\n]{1,30}$") / lines,
    )
    rules: tuple[tuple[str, str, pl.Expr, str], ...] = (
        ("words", "words", ~words.is_between(config.min_document_words, config.max_document_words), bounds),
        ("word_length", "word_length", ~pl.col("word_length").is_between(3, 10), "3 to 10 characters a word"),
        ("symbols", "symbols", pl.col("symbols") > 0.1, "at most .1 symbols a word"),
        ("bullets", "bullets", pl.col("bullets") > 0.9, "at most .9 of the lines"),
        ("ellipsis", "ellipsis", pl.col("ellipsis") > 0.3, "at most .3 of the lines"),
        ("alphabetic", "alphabetic", pl.col("alphabetic") < 0.8, "at least .8 of the words"),
        ("stop_words", "stop_words", pl.col("stop_words") < 2, "at least two of the eight"),
        ("placeholder", "placeholder", pl.col("placeholder") > 0, "none"),
        ("line_ends", "line_ends", many_lines & (pl.col("line_ends") <= 0.12), "more than .12 of the lines"),
        (
            "short_lines",
            "short_lines",
            many_lines & (pl.col("short_lines") >= 0.67),
            "less than .67 of the lines",
        ),
    )
    return [
        finding(
            measured,
            f"quality_document_{name}",
            when=misses,
            score=pl.col(column),
            detail=f"allowed: {allowed}",
        )
        for name, column, misses, allowed in rules
    ]
