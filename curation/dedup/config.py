"""What the dedup stage can be told, and the bands that follow from it. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from data.errors import ConfigError


class Method(StrEnum):
    """How candidate pairs are found; every candidate is then compared exactly."""

    minhash = "minhash"
    exact_join = "exact_join"
    off = "off"


class Keep(StrEnum):
    """Which record of a cluster stays. Ties go to the lower record_id."""

    length = "length"
    quality = "quality"
    source_priority = "source_priority"
    oldest = "oldest"
    first = "first"


class Keys(StrEnum):
    """Which text of a record is compared."""

    prompt_and_answer = "prompt_and_answer"
    text = "text"
    prompt = "prompt"
    answer = "answer"


@dataclass(kw_only=True, slots=True)
class DedupConfig:
    """Near-duplicate removal by Jaccard similarity of word n-grams.

    method           minhash (fast), exact_join (no false negatives, for audits and small sets) or off
    threshold        Jaccard similarity in (0, 1]; pairs at or above it are duplicates
    keys             prompt_and_answer: a pair must reach the threshold on the prompt and on the answer;
                     text, prompt, answer: on that one
    ngram_words      words a shingle, >= 1; a character counts as a word in scripts without spaces;
                     a text with fewer words is one shingle
    operators        whether an operator between operands (`a + b`, `x<=y`) counts as a word
    num_perm         MinHash permutations, 1 to 4096; more cost time and allow a higher recall
    seed             of the permutations, as in datasketch, 0 to 2**32 - 1
    recall           wanted chance, in (0, 1), that a pair exactly at the threshold is found (see `bands_and_rows`)
    keep             which record of a cluster stays: length (most characters), quality (highest `quality_column`),
                     source_priority (earliest in that list), oldest (earliest timestamp), first (file and line)
    quality_column   numeric column for keep=quality; rows without a number rank last
    source_priority  sources, best first, for keep=source_priority; others rank last
    store_from       Jaccard similarity in [0.1, 1]; kept records with a kept neighbour between this and the
                     threshold are tagged `dedup_border`; no tags when it is not below the threshold. MinHash finds
                     them with the chance of `found_probability`: by default 0.93 at 0.7, 0.98 at 0.75
    max_reported     most `dedup_border` tags, the nearest to the threshold first, >= 0
    """

    method: Method = Method.minhash
    threshold: float = 0.8
    keys: Keys = Keys.prompt_and_answer
    ngram_words: int = 5
    operators: bool = True
    num_perm: int = 128
    seed: int = 1
    recall: float = 0.995
    keep: Keep = Keep.length
    quality_column: str = "quality"
    source_priority: list[str] = field(default_factory=list)
    store_from: float = 0.7
    max_reported: int = 10_000

    def __post_init__(self) -> None:
        self.method, self.keep, self.keys = Method(self.method), Keep(self.keep), Keys(self.keys)
        _within("threshold", self.threshold, 0 < self.threshold <= 1, "0 < threshold <= 1, e.g. 0.8")
        _within("ngram_words", self.ngram_words, 1 <= self.ngram_words <= 100, "1 to 100, e.g. 5")
        _within("num_perm", self.num_perm, 1 <= self.num_perm <= 4096, "1 to 4096, e.g. 128")
        _within("seed", self.seed, 0 <= self.seed < 2**32, "0 to 4294967295")
        _within("recall", self.recall, 0 < self.recall < 1, "0 < recall < 1, e.g. 0.995")
        _within("store_from", self.store_from, 0.1 <= self.store_from <= 1, "0.1 to 1, e.g. 0.7")
        _within("max_reported", self.max_reported, self.max_reported >= 0, "0 or more, e.g. 10000")
        if self.keep is Keep.source_priority and not self.source_priority:
            raise ConfigError(
                "dedup.keep=source_priority has no sources to rank",
                "list them, best first: dedup.source_priority=[handbook,forum]",
            )
        if self.method is Method.minhash:
            bands_and_rows(self.threshold, self.recall, self.num_perm)

    @property
    def columns(self) -> tuple[str, ...]:
        """The derived record columns that are compared, one a field."""
        return ("prompt", "answer") if self.keys is Keys.prompt_and_answer else (self.keys.value,)


def _within(name: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise ConfigError(f"dedup.{name}={value} is out of range", f"allowed: {allowed}")


def found_probability(jaccard: float, bands: int, rows: int) -> float:
    """Chance that a pair of this Jaccard similarity shares at least one band: 1 - (1 - J^rows)^bands.

    Source: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3rd ed., section 3.4.2.
    """
    return float(1.0 - (1.0 - jaccard**rows) ** bands)


def bands_and_rows(threshold: float, recall: float, num_perm: int) -> tuple[int, int]:
    """The bands and rows a band that find a pair exactly at `threshold` with chance >= `recall`.

    P(found) = 1 - (1 - J^r)^b falls as r grows, and so does the number of false candidates. So: the largest r
    for which b = num_perm // r bands still reach the recall. At J = 0.8, recall 0.995 and 128 permutations:
    r = 7 with b = 18 gives 0.986, too low; r = 6 with b = 21 gives 0.998, hence 21 x 6. The rest of the
    permutations (here two) is not computed. The similarity estimate is not used: candidates are compared
    exactly, so false candidates cost time and nothing else.
    """
    for rows in range(num_perm, 0, -1):
        bands = num_perm // rows
        if found_probability(threshold, bands, rows) >= recall:
            return bands, rows
    best = found_probability(threshold, num_perm, 1)
    raise ConfigError(
        f"dedup.recall={recall} cannot be reached at dedup.threshold={threshold} with dedup.num_perm={num_perm}",
        f"the most it gives is {best:.4f}; raise dedup.num_perm, or use dedup=exact_join, which misses no pair",
    )
