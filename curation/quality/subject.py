"""What the families look at: the batch with its answer, its measures and whether it is code."""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from data.errors import MissingPackage
from data.records import ANSWER_ROLES, Kind

COLUMNS = ("record_id", "kind", "messages", "label", "prompt", "answer", "text")

IS_CHAT = pl.col("kind") == Kind.chat.value
IS_LABELLED = pl.col("kind") == Kind.labelled.value
IS_DOCUMENT = pl.col("kind") == Kind.text.value

# Measures that add up over the answers of a dialogue; of the others (fractions) the largest counts.
_SUMS = ("words", "word_chars", "letter_words", "english_words", "lines")

# A text without any of these is no code, and need not be searched for lines of it.
_CODE_HINTS = [
    "{", "}", ";\n", "]\n", "):", "=>", "\nfi", "done", "#include", "#!", "import ", "def ", "class ", "return",
    "print(", "@", "const ", "let ", "var ", "function", "SELECT", "FROM", "WHERE", "echo ", "<", "then\n", "do\n",
]  # fmt: skip
# Lines that end like code, or begin like it.
_CODE_LINE = (
    r"(?m)(?:[;{}\]]|\)\s*:|=>|\b(?:fi|done|then|esac)|\bdo)[ \t]*$"
    r"|^\s*(?:#include|#!/|import \w|from \S+ import|(?:async )?def \w+\(|class \w+[:({ ]*$|return\b|print\(|@\w+$"
    r"|(?:const|let|var) \w+ =|function \w*\(|SELECT\b|FROM\b|WHERE\b|echo )"
)
_ENTITY_AT_END = r"(?m)&#?\w+;[ \t]*$"  # ends in a semicolon, and is no code
_TAG_LINE = r"(?m)^\s*</?\w+[ >]"


def prepare(batch: pl.DataFrame, config: QualityConfig) -> pl.DataFrame:
    """`batch` (COLUMNS) with the columns that several families need.

    subject    what is judged: a dialogue's answer, else the whole text
    last       a dialogue's last assistant message, "" where it has none
    is_program whether the subject is (mostly) program code: a fence, or a third of its lines look like it
    is_code    the same, or a third of its lines begin with a tag
    measures   see `measures.MEASURES`; of a dialogue, each answer is measured by itself
    """
    assistant = pl.element().filter(pl.element().struct.field("role") == "assistant")
    batch = batch.with_columns(pl.col("prompt", "answer", "text").fill_null("")).with_columns(
        subject=pl.when(IS_CHAT).then("answer").otherwise("text"),
        last=pl.col("messages").list.eval(assistant.struct.field("content")).list.last().fill_null(""),
    )
    batch = batch.hstack(_measured(batch, config))
    subject = pl.col("subject")
    third = pl.col("lines").clip(1) / 3
    fenced = subject.str.contains("```", literal=True) | subject.str.starts_with("#!")
    batch = batch.with_columns(row=pl.int_range(pl.len()), fenced=fenced)
    hinted = batch.filter(
        ~fenced & (subject.str.contains_any(_CODE_HINTS) | subject.str.ends_with(";"))
    ).select(
        "row",
        program=subject.str.count_matches(_CODE_LINE) >= third + subject.str.count_matches(_ENTITY_AT_END),
        markup=subject.str.count_matches(_TAG_LINE) >= third,
    )
    batch = batch.join(hinted, on="row", how="left", maintain_order="left").with_columns(
        pl.col("program", "markup").fill_null(False)
    )
    is_program = pl.col("fenced") | pl.col("program")
    return batch.with_columns(is_program=is_program, is_code=is_program | pl.col("markup")).drop(
        "row", "fenced", "program", "markup"
    )


def _measured(batch: pl.DataFrame, config: QualityConfig) -> pl.DataFrame:
    """The measures of each record. Answers under `min_repetition_words` count as free of repetition."""
    try:
        from curation.quality.measures import MEASURES, measures
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"quality needs the package {error.name}, which is not installed",
            "pip install 'tuneproof[curation]', or quality=off",
        ) from error
    answer = (
        pl.element().filter(pl.element().struct.field("role").is_in(ANSWER_ROLES)).struct.field("content")
    )
    parts = (
        batch.select(
            row=pl.int_range(pl.len()),
            is_document=IS_DOCUMENT,
            part=pl.when(IS_CHAT)
            .then(pl.col("messages").list.eval(answer))
            .otherwise(pl.concat_list("text")),
        )
        .explode("part")
        .with_columns(pl.col("part").fill_null(""))
    )
    fractions = [name for name in MEASURES if name not in _SUMS]
    table = parts.select("row").hstack(measures(parts["part"], parts["is_document"]))
    table = table.with_columns(
        pl.when(pl.col("words") >= config.min_repetition_words).then(pl.col(fractions)).otherwise(0.0)
    )
    if table.height > batch.height:
        table = table.group_by("row").agg(pl.col(_SUMS).sum(), pl.col(fractions).max()).sort("row")
    return table.select(MEASURES)


def finding(
    batch: pl.DataFrame, reason: str, *, when: pl.Expr, score: pl.Expr, detail: str | pl.Expr
) -> pl.DataFrame:
    """The records of `batch` for which `when` holds, as findings: record_id, reason, score, detail."""
    return batch.filter(when).select(
        "record_id",
        reason=pl.lit(reason),
        score=score.cast(pl.Float64),
        detail=pl.lit(detail) if isinstance(detail, str) else detail,
    )
