"""Numbers far from the others of their group: lengths of texts, and numbers of the metadata.

The modified z-score of Iglewicz and Hoaglin (How to Detect and Handle Outliers, ASQC 1993, section 3):

    z = 0.6745 * (x - median) / MAD,   MAD = median of |x - median|

0.6745 is the third quartile of the normal distribution, so that of normal data z is the number of standard deviations;
median and MAD stay where they are while up to half of the numbers run away. They call |z| > 3.5 far. Lengths are
compared as natural logarithms, since a text is longer by a factor. Where the MAD is 0, i.e. more than half of the
numbers are equal, nothing is said of numbers; of lengths, `min_spread` stands in for it.
"""

from __future__ import annotations

import polars as pl

from curation.outliers.config import OutliersConfig
from data.records import Kind

REASONS = {
    "outliers_length": "its answer (or text) is far shorter or longer than the others of its task or label",
    "outliers_numeric": "a number of its metadata is far from those of the others of its task or label",
}
GROUP = ("kind", "of", "group")
QUARTILE = 0.6745


def find_lengths(frame: pl.DataFrame, config: OutliersConfig) -> pl.DataFrame:
    """record_id, reason, score (z, below 0: too short), detail; `frame` has GROUP and the fields of a sketch.

    Empty texts have no logarithm; they are for the quality stage.
    """
    is_chat = pl.col("kind") == Kind.chat.value
    chars = pl.when(is_chat).then("answer_chars").otherwise("prompt_chars").cast(pl.Int64)
    given = frame.select("record_id", *GROUP, chars=chars).filter(pl.col("chars") > 0)
    far = _far(given.with_columns(x=pl.col("chars").log()), config, config.min_spread)
    return far.select(
        "record_id",
        reason=pl.lit("outliers_length"),
        score="z",
        detail=pl.format(
            "{} characters, where half of the {} {} have at most {}",
            "chars", "rows", "others", pl.col("median").exp().round().cast(pl.Int64),
        ),
    )  # fmt: skip


def find_numbers(frame: pl.DataFrame, column: str, config: OutliersConfig) -> pl.DataFrame:
    """The same of the numbers `x` (null: none) of a metadata column; its own number stays out of the detail."""
    far = _far(frame.filter(pl.col("x").is_finite()), config, 0.0)
    return far.select(
        "record_id",
        reason=pl.lit("outliers_numeric"),
        score="z",
        detail=pl.format(
            "{} is far {} the median of the {} {}, {}",
            pl.lit(column), pl.when(pl.col("z") > 0).then(pl.lit("above")).otherwise(pl.lit("below")),
            "rows", "others", pl.col("median").round_sig_figs(6),
        ),
    )  # fmt: skip


def _far(frame: pl.DataFrame, config: OutliersConfig, min_spread: float) -> pl.DataFrame:
    """The rows with |z| above the limit, with z, the median and number of rows of their group, and its name."""
    scored = (
        frame.with_columns(median=pl.col("x").median().over(GROUP), rows=pl.len().over(GROUP))
        .filter(pl.col("rows") >= config.min_rows)
        .with_columns(off=pl.col("x") - pl.col("median"))
        .with_columns(spread=pl.col("off").abs().median().over(GROUP).clip(min_spread))
        .filter(pl.col("spread") > 0)
        .with_columns(z=QUARTILE * pl.col("off") / pl.col("spread"))
    )
    is_far = pl.col("z").abs() > config.max_z
    few = is_far.mean().over(GROUP) <= config.max_far_fraction
    return scored.filter(is_far & few).with_columns(others=named("of"))


def named(column: str) -> pl.Expr:
    """`records of its task`; the task's own name may be personal data and stays out."""
    return (
        pl.when(pl.col(column) == "")
        .then(pl.lit("records"))
        .otherwise(pl.format("records of its {}", pl.col(column)))
    )
