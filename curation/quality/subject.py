"""What the families look at: the batch with its answer, its measures and whether it is code."""

from __future__ import annotations

import polars as pl

from data.errors import MissingPackage
from data.records import Kind

COLUMNS = ("record_id", "kind", "messages", "label", "prompt", "answer", "text")

IS_CHAT = pl.col("kind") == Kind.chat.value
IS_LABELLED = pl.col("kind") == Kind.labelled.value
IS_DOCUMENT = pl.col("kind") == Kind.text.value

# Lines that end like code, or begin like it.
_CODE_LINE = (
    r"(?m)(?:[;{}\]]|\)\s*:|=>)[ \t]*$"
    r"|^\s*(?:#include|#!/|import \w|from \S+ import|(?:async )?def \w+\(|class \w+|return\b|print\(|@\w+"
    r"|(?:const|let|var) \w+ =|function\b|SELECT\b|FROM\b|WHERE\b|</?\w+[ >])"
)


def prepare(batch: pl.DataFrame) -> pl.DataFrame:
    """`batch` (COLUMNS) with the columns that several families need.

    subject    what is judged: a dialogue's answer, else the whole text
    last       a dialogue's last assistant message, "" where it has none
    is_code    whether the subject is (mostly) program code: a fence, or a third of its lines look like it
    measures   see `measures.MEASURES`; of the subject
    """
    try:
        from curation.quality.measures import measures
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"quality needs the package {error.name}, which is not installed",
            "pip install 'tuneproof[curation]', or quality=off",
        ) from error
    texts = pl.col("prompt", "answer", "text").fill_null("")
    assistant = pl.element().filter(pl.element().struct.field("role") == "assistant")
    batch = batch.with_columns(texts).with_columns(
        subject=pl.when(IS_CHAT).then("answer").otherwise("text"),
        last=pl.col("messages").list.eval(assistant.struct.field("content")).list.last().fill_null(""),
    )
    batch = batch.hstack(measures(batch["subject"]))
    code_lines = pl.col("subject").str.count_matches(_CODE_LINE)
    fenced = pl.col("subject").str.contains("```", literal=True)
    return batch.with_columns(is_code=fenced | (code_lines * 3 >= pl.col("lines").clip(1)))


def finding(
    batch: pl.DataFrame, reason: str, *, when: pl.Expr | pl.Series, score: pl.Expr, detail: str | pl.Expr
) -> pl.DataFrame:
    """The records of `batch` for which `when` holds, as findings: record_id, reason, score, detail."""
    return batch.filter(when).select(
        "record_id",
        reason=pl.lit(reason),
        score=score.cast(pl.Float64),
        detail=pl.lit(detail) if isinstance(detail, str) else detail,
    )
