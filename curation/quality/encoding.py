"""Damage from decoding bytes wrongly: mojibake (ftfy's heuristic), replacement and control characters."""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import finding
from data.errors import MissingPackage

REASONS = {
    "quality_mojibake": "The text holds sequences that look like UTF-8 read in another encoding.",
    "quality_replacement_characters": "The text holds U+FFFD, which stands for bytes that could not be decoded.",
    "quality_control_characters": "The text holds control characters.",
}

_CONTROL = r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]"


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on encoding, in the whole text (a broken prompt teaches broken prompts)."""
    replaced = pl.col("text").str.count_matches("\ufffd", literal=True)
    control = pl.col("text").str.count_matches(_CONTROL)
    return [
        _mojibake(batch, config),
        finding(
            batch,
            "quality_replacement_characters",
            when=pl.col("text").str.contains("\ufffd", literal=True),
            score=replaced,
            detail=pl.format("{} replacement characters", replaced),
        ),
        finding(
            batch,
            "quality_control_characters",
            when=pl.col("text").str.contains(_CONTROL),
            score=control,
            detail=pl.format("{} control characters", control),
        ),
    ]


def _mojibake(batch: pl.DataFrame, config: QualityConfig) -> pl.DataFrame:
    """ftfy.badness of the texts that are not plain ASCII."""
    try:
        from ftfy.badness import badness
    except ModuleNotFoundError as error:
        raise MissingPackage(
            "quality needs the package ftfy, which is not installed",
            "pip install 'tuneproof[curation]', or quality.families.encoding=off",
        ) from error
    wide = batch.filter(pl.col("text").str.len_bytes() != pl.col("text").str.len_chars())
    # ftfy counts U+FFFD too, which has a reason of its own.
    texts = wide["text"].str.replace_all("\ufffd", "", literal=True)
    judged = wide.with_columns(badness=pl.Series([badness(text) for text in texts], dtype=pl.Int64))
    return finding(
        judged,
        "quality_mojibake",
        when=pl.col("badness") > config.max_mojibake,
        score=pl.col("badness"),
        detail=pl.format("{} wrongly decoded sequences", "badness"),
    )
