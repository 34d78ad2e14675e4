"""How much of a version one value of a column, or synthetic text, may make up."""

from __future__ import annotations

from dataclasses import dataclass, field

from data.errors import ConfigError

# Columns in which every record has a value of its own.
NEVER = ("record_id", "text_hash", "messages", "prompt", "answer", "text", "metadata", "line", "split")


@dataclass(kw_only=True, slots=True)
class BalanceConfig:
    """Settings of the balance stage. Caps only leave records out; see the package for how they are chosen.

    enabled                  whether the stage runs
    column                   source, label, licence, language, or any key of the metadata (`task`, `audience`, ...)
    max_rows                 most records of one value; 0: no such cap
    max_fraction             largest fraction (0 < f <= 1) of the version that one value may make up; 1: no such cap
    min_rows                 a value that is left with fewer records than this is a fact with the outcome WARN;
                             nothing is dropped for it; 0: never
    cap_missing              records without a value are capped too, as if `missing` were a value; otherwise they stay,
                             and count as part of the version
    synthetic_column         column that says whether a record is synthetic, i.e. written by a model; empty: not known
    synthetic_values         its values, in any case, that mean so
    max_synthetic_fraction   largest fraction (0 to 1) of the version that may be synthetic; 1: no such cap
    seed                     of the hash by which records are chosen
    """

    enabled: bool = False
    column: str = "source"
    max_rows: int = 0
    max_fraction: float = 1.0
    min_rows: int = 0
    cap_missing: bool = False
    synthetic_column: str = ""
    synthetic_values: list[str] = field(default_factory=lambda: ["true", "yes", "1", "synthetic"])
    max_synthetic_fraction: float = 1.0
    seed: int = 1

    def __post_init__(self) -> None:
        for key in ("max_rows", "min_rows"):
            if getattr(self, key) < 0:
                raise ConfigError(
                    f"balance.{key}={getattr(self, key)} is below 0",
                    "allowed: 0 (off), or a number of records",
                )
        if not 0 < self.max_fraction <= 1:
            raise ConfigError(
                f"balance.max_fraction={self.max_fraction} is outside its range",
                "allowed: above 0, up to 1 (a fraction of the records), as in balance.max_fraction=0.4",
            )
        if not 0 <= self.max_synthetic_fraction <= 1:
            raise ConfigError(
                f"balance.max_synthetic_fraction={self.max_synthetic_fraction} is outside 0 to 1",
                "a fraction of the records, as in balance.max_synthetic_fraction=0.3",
            )
        if self.max_rows and self.max_rows < self.min_rows:
            raise ConfigError(
                f"balance.max_rows={self.max_rows} is below balance.min_rows={self.min_rows}",
                "raise the one or lower the other",
            )
        for key in ("column", "synthetic_column"):
            if getattr(self, key) in NEVER:
                raise ConfigError(
                    f"balance.{key}={getattr(self, key)} has another value for each record",
                    "take a column with few values: source, label, licence, language, or a key of the metadata",
                )
        if self.enabled:
            self._check_caps()

    @property
    def caps_values(self) -> bool:
        """Whether a value of `column` can be too frequent."""
        return self.max_rows > 0 or self.max_fraction < 1

    @property
    def caps_synthetic(self) -> bool:
        """Whether there can be too much synthetic text."""
        return self.max_synthetic_fraction < 1

    def _check_caps(self) -> None:
        if not (self.caps_values or self.caps_synthetic):
            raise ConfigError(
                "balance.enabled=true, but nothing is capped",
                "set balance.max_rows, balance.max_fraction or balance.max_synthetic_fraction, or take balance=off",
            )
        if self.caps_values and not self.column:
            raise ConfigError("balance.column is empty", "name the column: balance.column=source")
        if self.caps_synthetic and not (self.synthetic_column and self.synthetic_values):
            raise ConfigError(
                f"balance.max_synthetic_fraction={self.max_synthetic_fraction} needs to know what is synthetic",
                "name the column and its values: balance.synthetic_column=origin 'balance.synthetic_values=[model]'",
            )
