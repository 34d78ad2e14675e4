"""What is left of a web page's markup in a text that is none."""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import IS_CHAT, finding

REASONS = {
    "quality_html": "The text holds left-over HTML tags or entities.",
    "quality_unbalanced_tags": "The text opens HTML tags that it does not close, or the other way round.",
}

_NAMES = (
    "a|b|blockquote|body|br|center|code|div|em|font|form|h[1-6]|head|hr|html|i|iframe|img|input|li|link|meta|ol|p|pre"
    "|script|section|span|strong|style|sub|sup|table|tbody|td|th|title|tr|u|ul"
)
_TAG = rf"(?i)</?(?:{_NAMES})(?:\s[^<>]*)?/?>"
_ENTITY = r"&(?:amp|lt|gt|quot|nbsp|apos|[lr][sd]quo|[mn]dash|hellip|copy|reg|#\d{2,5}|#x[0-9a-fA-F]{2,5});"
# Tags that have a closing one.
_PAIRED = "a|b|blockquote|body|center|div|em|font|form|h[1-6]|head|html|i|ol|pre|script|span|strong|style|table|u|ul"
_OPENING, _CLOSING = rf"(?i)<(?:{_PAIRED})(?:\s[^<>]*)?>", rf"(?i)</(?:{_PAIRED})>"
_ASKS_FOR_MARKUP = (
    r"(?i)\b(?:html|xml|css|javascript|jsx|svg|web ?(?:site|page|app)s?|markup|tags?|react|vue|angular|php)\b"
)


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on markup. Programs, and answers to prompts that speak of markup, are not judged."""
    suspects = batch.filter(pl.col("subject").str.contains("[<&]") & ~pl.col("is_program"))
    suspects = suspects.filter(~(IS_CHAT & pl.col("prompt").str.contains(_ASKS_FOR_MARKUP)))
    tags, entities = pl.col("subject").str.count_matches(_TAG), pl.col("subject").str.count_matches(_ENTITY)
    opened, closed = (
        pl.col("subject").str.count_matches(_OPENING),
        pl.col("subject").str.count_matches(_CLOSING),
    )
    counted = suspects.with_columns(
        tags=tags, entities=entities, open=(opened.cast(pl.Int64) - closed.cast(pl.Int64)).abs()
    )
    return [
        finding(
            counted,
            "quality_html",
            when=pl.col("tags") + pl.col("entities") > config.max_markup,
            score=pl.col("tags") + pl.col("entities"),
            detail=pl.format("{} tags and {} entities", "tags", "entities"),
        ),
        finding(
            counted,
            "quality_unbalanced_tags",
            when=pl.col("open") > 0,
            score=pl.col("open"),
            detail=pl.format("{} tags without their partner", "open"),
        ),
    ]
