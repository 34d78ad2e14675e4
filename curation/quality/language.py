"""Texts in another language than expected: py3langid, whose model lies in its wheel."""

from __future__ import annotations

import polars as pl

from curation.languages import identifier
from curation.quality.config import QualityConfig
from curation.quality.subject import IS_CHAT, finding
from data.errors import ConfigError, closest

REASONS = {"quality_language": "The answer (or text) is in another language than quality.languages."}

# A text of which this share of words is the most common English ones is English: that is seen a hundred times
# as fast as the model sees it.
_ENGLISH_SHARE = 0.18
# A prompt that speaks of translation or of a language may well ask for another one.
_ASKS_FOR_LANGUAGE = (
    r"(?i)translat|\blanguages?\b|\b(?:in|into|to) (?:french|german|spanish|italian|portuguese|dutch|russian|chinese"
    r"|japanese|korean|arabic|hindi|latin|greek|polish|turkish|swedish|danish|norwegian|finnish|czech|hebrew|english)\b"
)


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Texts of at least `min_language_chars` letters that are, by at least `min_language_confidence`, in no
    expected language. Not judged are code, formulas (under half letters) and answers to prompts that speak of a
    language.
    """
    if not config.languages:
        return []
    known = identifier().labels
    for code in config.languages:
        if code not in known:
            raise ConfigError(f"quality.languages=[{code}]: no such language", closest(code, known))
    start = pl.col("subject").str.slice(0, config.max_language_chars)
    letters = start.str.count_matches(r"\p{L}")
    asks = IS_CHAT & pl.col("prompt").str.contains(_ASKS_FOR_LANGUAGE)
    doubtful = batch.filter(
        (pl.col("subject").str.len_bytes() >= config.min_language_chars) & ~pl.col("is_code")
    )
    if "en" in config.languages:
        doubtful = doubtful.filter(pl.col("english_words") < _ENGLISH_SHARE * pl.col("words"))
    is_prose = (letters >= config.min_language_chars) & (letters >= 0.5 * start.str.len_chars())
    doubtful = doubtful.filter(is_prose & ~asks)
    guesses = [identifier().classify(text) for text in doubtful.select(start).to_series()]
    judged = doubtful.with_columns(
        guess=pl.Series([code for code, _ in guesses], dtype=pl.String),
        confidence=pl.Series([confidence for _, confidence in guesses], dtype=pl.Float64),
    )
    return [
        finding(
            judged,
            "quality_language",
            when=~pl.col("guess").is_in(config.languages)
            & (pl.col("confidence") >= config.min_language_confidence),
            score=pl.col("confidence"),
            detail=pl.format("looks like {}", "guess"),
        )
    ]
