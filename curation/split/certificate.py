"""The certificate of a split: how many pairs of similar texts stand on different sides. It should be zero."""

from __future__ import annotations

import numpy as np

from curation.split.config import SplitConfig
from data.facts import Fact, Outcome
from data.records import SPLITS, Records


def measure(before: Records, after: Records, config: SplitConfig) -> list[Fact]:
    """One fact: pairs of texts in different splits with word n-gram Jaccard >= split.threshold.

    Counted on the finished version by the exact join, which misses no pair; nothing of how the split was made is used.
    """
    from curation.dedup.exact_join import join_texts
    from curation.dedup.record_texts import RecordTexts

    frame = after.frame("split").collect()
    side = np.array([SPLITS.index(name) for name in frame["split"]], dtype=np.int64)
    texts = RecordTexts([after], ("text",))
    pairs = join_texts(texts, frame.height, config.threshold, config.ngram_words, only_across=side)
    count = len(pairs.left)
    return [
        Fact(
            subject=after.version,
            subject_kind="version",
            name="split_certificate",
            value=float(count),
            unit="pairs across splits",
            n=frame.height,
            method="exact prefix-filter join: no pair is missed, so there is no interval",
            signature=f"jaccard>={config.threshold}|words:{config.ngram_words}",
            outcome=(Outcome.PASS if count == 0 else Outcome.FAIL).value,
            threshold="0 pairs",
            evidence="python -m audit checks=[QUA-001]",
            detail={"rows": {name: int((side == k).sum()) for k, name in enumerate(SPLITS)}},
        )
    ]
