"""Nothing there: a prompt, an answer, a text or a label of white space only."""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import IS_CHAT, IS_LABELLED, finding

REASONS = {
    "quality_empty_answer": "The answer is empty.",
    "quality_empty_prompt": "The prompt is empty.",
    "quality_empty_text": "The text is empty.",
    "quality_empty_label": "The label of a labelled text is empty.",
}


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on what is empty. An answer of which one turn is empty is a matter of the chat family,
    but for the last one.
    """
    last = pl.col("messages").list.last().struct
    ends_empty = (last.field("role") == "assistant") & _is_blank(last.field("content"))
    zero = pl.lit(0)
    return [
        finding(
            batch,
            "quality_empty_answer",
            when=IS_CHAT & (_is_blank(pl.col("answer")) | ends_empty.fill_null(False)),
            score=zero,
            detail="no character but white space in the answer",
        ),
        finding(
            batch,
            "quality_empty_prompt",
            when=IS_CHAT & _is_blank(pl.col("prompt")),
            score=zero,
            detail="no character but white space in the prompt",
        ),
        finding(
            batch,
            "quality_empty_text",
            when=~IS_CHAT & _is_blank(pl.col("text")),
            score=zero,
            detail="no character but white space in the text",
        ),
        finding(
            batch,
            "quality_empty_label",
            when=IS_LABELLED & _is_blank(pl.col("label").fill_null("")),
            score=zero,
            detail="no label",
        ),
    ]


def _is_blank(text: pl.Expr) -> pl.Expr:
    """White space and invisible characters only."""
    return ~text.str.contains(r"[^\s\u200b\u200c\u200d\u2060\ufeff]")
