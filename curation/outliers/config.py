"""How far from the others a record may be, and what happens to one that is farther."""

from __future__ import annotations

from dataclasses import dataclass, field

from curation.balance.config import NEVER
from curation.quality.config import Consequence, consequence
from data.errors import ConfigError

# The families in the order in which they are asked; of a record that several would drop, the first gives the
# reason. Being unlike the others is no fault by itself: a person looks first.
FAMILIES: dict[str, Consequence] = {
    "length": Consequence.tag,
    "numeric": Consequence.tag,
    "constant": Consequence.tag,
    "inconsistent": Consequence.tag,
}


@dataclass(kw_only=True, slots=True)
class OutliersConfig:
    """Settings of the outliers stage. Records are compared with those of the same kind and the same group.

    enabled              whether the stage runs
    families             for each family of rules: drop, tag or off; families not named keep their default
    by                   columns that make the groups: the first that a record has a value of; empty: no groups
    columns              keys of the metadata whose values are numbers to compare
    max_z                largest modified z-score (see `spread.py`), of lengths and numbers, in either direction
    min_spread           least median absolute deviation of the natural log of length: at 0.2 and max_z=5 no length
                         within a factor of exp(0.2 * 5 / 0.6745) = 4.4 of the median is far, however alike the rest
    max_far_fraction     where a larger fraction (0 to 1) of a group is far by length or number, nothing is said of it:
                         that is a second kind of record beside the first, and no outlier
    min_rows             smaller groups are not judged for length, numbers and constant answers
    max_answer_fraction  largest fraction (0 to 1) of a group whose different prompts may have one and the same answer
    min_answer_words     shorter answers are never constant: they are classes, numbers, yes or no
    min_prompts          an answer to fewer different prompts than this is not constant
    """

    enabled: bool = True
    families: dict[str, str] = field(default_factory=dict)
    by: list[str] = field(default_factory=lambda: ["task", "label"])
    columns: list[str] = field(default_factory=list)
    max_z: float = 5.0
    min_spread: float = 0.2
    max_far_fraction: float = 0.1
    min_rows: int = 50
    max_answer_fraction: float = 0.01
    min_answer_words: int = 8
    min_prompts: int = 5

    def __post_init__(self) -> None:
        self.families = {
            **FAMILIES,
            **{n: consequence("outliers", FAMILIES, n, c) for n, c in self.families.items()},
        }
        _check("max_z", self.max_z, self.max_z > 0, "above 0, as in outliers.max_z=3.5")
        _check("min_spread", self.min_spread, self.min_spread >= 0, "0 or more")
        for key in ("max_far_fraction", "max_answer_fraction"):
            _check(key, getattr(self, key), 0 <= getattr(self, key) <= 1, "0 to 1")
        for key, least in {"min_rows": 3, "min_answer_words": 0, "min_prompts": 2}.items():
            value = getattr(self, key)
            _check(key, value, value >= least, f"{least} or more")
        for key in ("by", "columns"):
            for column in getattr(self, key):
                if column in NEVER:
                    raise ConfigError(
                        f"outliers.{key}=[{column}]: a column in which every record has a value of its own",
                        "allowed: keys of the metadata, and source, label, licence, language",
                    )

    def does(self, family: str) -> Consequence:
        """What the findings of `family` do."""
        return Consequence(self.families[family])

    @property
    def reads_texts(self) -> bool:
        """Whether a family is on that looks at texts."""
        return any(self.does(name) is not Consequence.off for name in FAMILIES if name != "numeric")


def _check(key: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise ConfigError(f"outliers.{key}={value} is outside its range", f"allowed: {allowed}")
