"""The configuration of `python -m audit`. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conf.app import StoreConfig
from data.errors import ConfigError


class FailOn(StrEnum):
    """From which verdict on the exit code is 10 and not 0: for CI."""

    never = "never"
    FAIL = "FAIL"
    WARN = "WARN"


@dataclass(kw_only=True, slots=True)
class PolicyConfig:
    """What is demanded. Fractions are 0 to 1.

    level                     confidence level of every interval, .5 to .999
    alpha                     chance of any false alarm in a family of group comparisons (Holm), 0 to .5
    min_rows                  fewer rows than this in a version, and shares of it are INSUFFICIENT; 1 or more
    min_group                 smaller groups are not compared; 2 or more
    max_groups                a column with more distinct values than this is not taken for a group column; 2 or more
    min_licensed              share of rows whose licence must be known
    near_duplicate_threshold  Jaccard similarity of word n-grams from which two records are near-duplicates
    near_duplicate_ngram      words in an n-gram; 1 or more
    max_near_duplicates       share of rows that repeat another row, at most
    near_duplicate_rows       rows compared at most, drawn by the seed; 0: all
    max_contaminated          share of rows that hold evaluation items, at most
    min_task_rows             examples a task needs
    min_agreement             agreement (alpha, F1) that annotators need; Krippendorff: .8, or .667 with care
    max_pii_leak              share of rows with personal data left, at most; above 0
    pii_rows                  rows scanned at most, drawn by the seed; 0: all
    pii_planted               planted texts for each stratum (an origin of names and a case, a type); 1 or more
    min_planted_recall        share of planted values that must be found in every stratum
    max_recall_gap            names of one origin may be found by so much more or less often than all others (PII-005)
    pii_clean                 texts without personal data that PII-007 looks at; 1 or more
    max_over_redaction        share of them in which something is masked, at most; above 0
    min_k                     rows that share their values in all group columns, at least (k-anonymity); 1 or more
    max_remnants              share of originals of which something may be left in files, at most; above 0
    pii_pseudonyms            planted names whose pseudonyms are compared (PII-008); 1 or more
    pii_originals             originals that are looked for in files at most; 1 or more
    pii_persons               addresses and numbers from originals that `subject` is asked for (RTS-001); 1 or more
    min_found                 share of them whose record it must find
    min_share                 a group whose share is surely below this is called under-represented
    min_reference_ratio       a group's share must be at least this part of its share in the reference population
    max_gap                   a group's rate may differ from that of all others by this much (FAI-002)
    max_removal_gap           the same for the rate at which stages removed it (FAI-010)
    max_classes               label values compared at most, the most frequent first; 1 or more
    """

    level: float = 0.95
    alpha: float = 0.05
    min_rows: int = 30
    min_group: int = 30
    max_groups: int = 20
    min_licensed: float = 1.0
    near_duplicate_threshold: float = 0.8
    near_duplicate_ngram: int = 5
    max_near_duplicates: float = 0.01
    near_duplicate_rows: int = 200_000
    max_contaminated: float = 0.0
    min_task_rows: int = 500
    min_agreement: float = 0.667
    max_pii_leak: float = 0.01
    pii_rows: int = 2_000
    pii_planted: int = 32
    min_planted_recall: float = 0.8
    max_recall_gap: float = 0.1
    pii_clean: int = 96
    max_over_redaction: float = 0.05
    min_k: int = 5
    max_remnants: float = 0.01
    pii_pseudonyms: int = 300
    pii_originals: int = 2_000
    pii_persons: int = 50
    min_found: float = 0.9
    min_share: float = 0.05
    min_reference_ratio: float = 0.8
    max_gap: float = 0.1
    max_removal_gap: float = 0.05
    max_classes: int = 10

    def __post_init__(self) -> None:
        fractions = ("min_licensed", "near_duplicate_threshold", "max_near_duplicates", "max_contaminated", "min_share",
                     "min_reference_ratio", "max_gap", "max_removal_gap",
                     "min_planted_recall", "max_recall_gap", "min_found", "min_agreement")  # fmt: skip
        for name in fractions:
            _within(name, getattr(self, name), 0, 1)
        _within("level", self.level, 0.5, 0.999)
        _within("alpha", self.alpha, 0, 0.5)
        for name in ("max_pii_leak", "max_over_redaction", "max_remnants"):
            _within(name, getattr(self, name), 1e-6, 1)
        least_of = {
            "min_rows": 1,
            "min_group": 2,
            "max_groups": 2,
            "near_duplicate_ngram": 1,
            "max_classes": 1,
            "pii_planted": 1,
            "pii_clean": 1,
            "min_k": 1,
            "pii_originals": 1,
            "pii_pseudonyms": 1,
            "pii_persons": 1,
        }
        least_of |= dict.fromkeys(("near_duplicate_rows", "pii_rows", "min_task_rows"), 0)
        for name, least in least_of.items():
            _within(name, getattr(self, name), least, 1_000_000_000)


@dataclass(kw_only=True, slots=True)
class TruthConfig:
    """Texts with labelled personal data, against which a detector is scored (PII-011).

    truth   JSON Lines of {text, spans: [{start, end, type}]}, or presidio-research's JSON; empty: not measured
    engine  presidio, best or patterns; empty: the one that scrubbed the version
    """

    truth: str = ""
    engine: str = ""


@dataclass(kw_only=True, slots=True)
class AuditConfig:
    """One audit.

    store             where the version is read and the facts are kept
    version           `latest`, a tag, a version id or its beginning
    checks            ids to run; empty: all. `check` is one more, for short
    groups            columns whose groups are compared; empty: the groups of the ingest, or else every metadata
                      column with few distinct values, and the language
    reference         column -> group -> share (0 to 1) in the population that the data should represent (FAI-001)
    label             column with a class or a score (FAI-002); where it is empty, answer lengths are compared
    task              column that names a record's task (QUA-005); where it is empty, the version is one task
    leak_sample       JSON Lines of record_id and leak (true or false): rows of a sample that a person read (PII-006);
                      empty: the answers of the labelling desk
    evaluation_files  evaluation sets for QUA-002; empty: those that the decontaminate stage was given
    pii               see TruthConfig
    policy            see PolicyConfig
    seed              of samples and bootstraps
    out               folder of the report; empty: runs/audit/<time>-<version>
    fail_on           see FailOn
    """

    store: StoreConfig = field(default_factory=StoreConfig)
    version: str = "latest"
    check: str = ""
    checks: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    # Any, because Hydra lets nobody add keys to a typed dict without a `+`.
    reference: Any = None
    label: str = "label"
    task: str = "task"
    leak_sample: str = ""
    evaluation_files: list[str] = field(default_factory=list)
    pii: TruthConfig = field(default_factory=TruthConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    seed: int = 0
    out: str = ""
    fail_on: FailOn = FailOn.never

    def __post_init__(self) -> None:
        self.reference = {
            str(column): _shares(f"reference.{column}", shares)
            for column, shares in (self.reference or {}).items()
        }


def _shares(key: str, shares: Any) -> dict[str, float]:
    """Group -> share as numbers that sum to 1. Raises ConfigError."""
    hint = "shares of a population, e.g. 'reference={audience: {younger: 0.7, older: 0.3}}'"
    if not isinstance(shares, dict) or not all(isinstance(share, int | float) for share in shares.values()):
        raise ConfigError(f"{key}={shares} does not give a number for each group", hint)
    total = sum(shares.values())
    if min(shares.values(), default=0) < 0 or not 0.98 <= total <= 1.02:
        raise ConfigError(f"{key} sums to {total:.3g}, not to 1", hint)
    return {str(group): float(share) for group, share in shares.items()}


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        allowed = f"{low:g} and above" if high >= 1_000_000_000 else f"{low:g} to {high:g}"
        raise ConfigError(f"policy.{name}={value}", f"allowed: {allowed}")
