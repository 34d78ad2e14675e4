"""The configuration of the split stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from data.errors import ConfigError


@dataclass(kw_only=True, slots=True)
class SplitConfig:
    """How records are divided into train, validation and test.

    enabled                run the stage
    validation, test       fractions of the records (0 to 1); the rest is train
    seed                   of the hash that places a group
    threshold              records whose word n-gram Jaccard is at least this stay together (0 to 1)
    ngram_words            words of an n-gram
    group_by               columns (`campaign`, `user`, ...) whose equal values stay together
    stratify_by            a column (`label`, `task`, ...): of each of its values, validation and test get the same
                           fractions, as nearly as whole groups allow; a value of fewer groups than there are splits
                           is trained on
    folds                  parts of train and validation for cross-validation, of whole groups (0: none, or 2 and more)
    """

    enabled: bool = True
    validation: float = 0.1
    test: float = 0.1
    seed: int = 1
    threshold: float = 0.7
    ngram_words: int = 5
    group_by: list[str] = field(default_factory=list)
    stratify_by: str | None = None
    folds: int = 0

    def __post_init__(self) -> None:
        for name in ("validation", "test"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(
                    f"split.{name}={getattr(self, name)} is outside 0 to 1", f"usual: split.{name}=0.1"
                )
        if self.validation + self.test >= 1:
            raise ConfigError(
                f"split.validation={self.validation} and split.test={self.test} leave nothing to train on",
                "their sum must be below 1",
            )
        if not 0 < self.threshold <= 1:
            raise ConfigError(
                f"split.threshold={self.threshold} is outside 0 to 1", "usual: split.threshold=0.7"
            )
        self.stratify_by = self.stratify_by or None
        if self.folds < 0 or self.folds == 1:
            raise ConfigError(
                f"split.folds={self.folds} divides nothing",
                "allowed: 0 (none), or 2 and more; usual: split.folds=5",
            )
