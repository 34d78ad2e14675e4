"""Damage from decoding bytes wrongly: mojibake (ftfy's heuristic), replacement and control characters.

Two families: what a model learns to write (answers, documents), and what it only reads (prompts, labelled texts).
"""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import IS_CHAT, IS_LABELLED, finding
from data.errors import MissingPackage

REASONS = {
    "quality_mojibake": "The answer or document holds sequences that look like UTF-8 read in another encoding.",
    "quality_replacement_characters": "The answer or document holds U+FFFD, which stands for undecodable bytes.",
    "quality_control_characters": "The answer or document holds control characters.",
    "quality_damaged_input": "The prompt or labelled text holds wrongly decoded or control characters.",
}

_CONTROL = r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]"
_REPLACED = "\ufffd"
# Every pattern of ftfy.badness has a C1 control, one of these letters, or two neighbours beyond ASCII.
_MAY_BE_MOJIBAKE = r"[\x{80}-\x{9f}ŒœÃÂ]|[^\x00-\x7f][^\x00-\x7f]"


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on encoding in answers and documents."""
    judged = _counted(batch.filter(~IS_LABELLED).with_columns(judged="subject"))
    return [
        finding(
            judged,
            f"quality_{column}",
            when=pl.col(column) > bound,
            score=pl.col(column),
            detail=pl.format("{} {}", column, pl.lit(unit)),
        )
        for column, bound, unit in (
            ("mojibake", config.max_mojibake, "wrongly decoded sequences"),
            ("replacement_characters", 0, "replacement characters"),
            ("control_characters", 0, "control characters"),
        )
    ]


def find_in_input(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on encoding in prompts and labelled texts."""
    read = pl.when(IS_CHAT).then("prompt").otherwise("text")
    judged = _counted(batch.filter(IS_CHAT | IS_LABELLED).with_columns(judged=read))
    damage = pl.col("mojibake") + pl.col("replacement_characters") + pl.col("control_characters")
    return [
        finding(
            judged,
            "quality_damaged_input",
            when=damage > config.max_mojibake,
            score=damage,
            detail=pl.format("{} damaged places", damage),
        )
    ]


def _counted(batch: pl.DataFrame) -> pl.DataFrame:
    """Those with damage in the column `judged`: counts of mojibake, replacement_characters, control_characters."""
    judged = pl.col("judged")
    is_wide = judged.str.len_bytes() != judged.str.len_chars()
    suspects = batch.filter(is_wide | judged.str.contains(_CONTROL))
    suspects = suspects.filter(judged.str.contains(rf"{_MAY_BE_MOJIBAKE}|{_CONTROL}|{_REPLACED}"))
    return suspects.with_columns(
        mojibake=pl.Series([_badness(text) for text in suspects["judged"]], dtype=pl.Int64),
        replacement_characters=judged.str.count_matches(_REPLACED, literal=True).cast(pl.Int64),
        control_characters=judged.str.count_matches(_CONTROL).cast(pl.Int64),
    )


def _badness(text: str) -> int:
    """ftfy's count of unlikely sequences, without U+FFFD, which is counted by itself."""
    try:
        from ftfy.badness import badness
    except ModuleNotFoundError as error:
        raise MissingPackage(
            "quality needs the package ftfy, which is not installed",
            "pip install 'tuneproof[curation]', or quality.families.encoding=off quality.families.input_encoding=off",
        ) from error
    return 0 if text.isascii() else int(badness(text.replace(_REPLACED, "")))
