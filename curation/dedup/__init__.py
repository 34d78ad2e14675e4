"""Near-duplicate removal: MinHash to find candidates, exact Jaccard similarity to decide.

    judge            the stage
    near_duplicates  the same on plain texts, without a store
    exact_join.join  all pairs at or above a threshold, none missed
    measured_recall  how many planted pairs the configuration finds

Read in this order: alphabet and words (what a word is), kernel (bytes to band keys), buckets (candidates), scan (exact
comparison), near (clusters), decide (what is kept), stage (verdicts).
"""

from __future__ import annotations

from pathlib import Path

from curation.dedup.config import DedupConfig
from curation.dedup.decide import near_duplicates
from curation.dedup.recall import measure, measured_recall
from curation.dedup.stage import REASONS, extend, judge, sketch_batch, sketch_columns, sketch_kind, warm_up

# The files whose content decides the verdicts.
CODE = tuple(sorted(path for path in Path(__file__).parent.glob("*.py")))

__all__ = [
    "CODE",
    "REASONS",
    "DedupConfig",
    "extend",
    "judge",
    "measure",
    "measured_recall",
    "near_duplicates",
    "sketch_batch",
    "sketch_columns",
    "sketch_kind",
    "warm_up",
]
