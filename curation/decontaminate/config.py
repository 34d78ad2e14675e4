"""What counts as an evaluation item found in the training data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from curation.decontaminate import suite
from data.errors import ConfigError, closest


class Found(StrEnum):
    """What becomes of a record that holds an evaluation item: left out, or kept with a note."""

    drop = "drop"
    tag = "tag"


@dataclass(kw_only=True, slots=True)
class DecontaminateConfig:
    """Settings of the decontaminate stage.

    enabled        whether the stage runs where `suite` or `against` names something
    suite          an evaluation suite by name (the files of conf/eval/suite), as in `python -m eval suite=NAME`
    against        files of evaluation items, lm-eval task files, or folders of them (see data/suites.py)
    columns        columns that hold the items, by name, or by position from 1 for files without a header
                   line; empty: the column that is known to hold questions
    ngram_words    length of the n-grams that are compared, in words (3 to 50); 13 as in Brown et al. 2020
    min_overlap    fraction (0 < f <= 1) of an item's n-grams that one record must hold to count as the item.
                   Brown et al. take any single one; related questions by the same author share some, so that
                   at .7 a different question of the same template (.54 in GSM8K) is not taken for the item
    contain_words  an item of at least this many words (3 to 50) counts as held by a record whose message
                   contains its words in a row
    contain_chars  and of at least this many letters and digits (for scripts in which a character is a word)
    equal_words    an item of at least this many words (1 to 50) counts as held by a record of which a whole
                   message equals it
    near_threshold an item that may be contained counts as held by a record of which a message has at least this
                   Jaccard similarity to it (word 5-grams, as in the stage dedup), 0.3 to 1; 0: no such rule
    action         drop or tag
    """

    enabled: bool = True
    suite: str = ""
    against: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    ngram_words: int = 13
    min_overlap: float = 0.7
    contain_words: int = 8
    contain_chars: int = 25
    equal_words: int = 3
    near_threshold: float = 0.8
    action: Found = Found.drop

    def __post_init__(self) -> None:
        if self.action not in list(Found):
            raise ConfigError(
                f"decontaminate.action={self.action} is unknown", closest(str(self.action), list(Found))
            )
        self.action = Found(self.action)
        self.suite = "" if self.suite == suite.NONE else self.suite
        if self.suite:
            suite.check(self.suite)
        if not (self.suite or self.against):
            self.enabled = False
        if self.near_threshold != 0 and not 0.3 <= self.near_threshold <= 1:
            raise ConfigError(
                f"decontaminate.near_threshold={self.near_threshold} is outside its range",
                "allowed: 0.3 to 1 (Jaccard similarity), as in decontaminate.near_threshold=0.8; 0 for no such rule",
            )
        if not 0 < self.min_overlap <= 1:
            raise ConfigError(
                f"decontaminate.min_overlap={self.min_overlap} is outside its range",
                "allowed: above 0, up to 1 (a fraction of an item's n-grams), as in decontaminate.min_overlap=0.7",
            )
        for key, low in (("ngram_words", 3), ("contain_words", 3), ("equal_words", 1)):
            if not low <= getattr(self, key) <= 50:
                raise ConfigError(
                    f"decontaminate.{key}={getattr(self, key)} is outside its range",
                    f"allowed: {low} to 50 words",
                )
        if self.contain_chars < 1:
            raise ConfigError(
                f"decontaminate.contain_chars={self.contain_chars} is outside its range",
                "allowed: 1 or more letters and digits",
            )
