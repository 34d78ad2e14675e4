"""datatrove: its signature, bucket and cluster steps in one process, over files in a temporary folder.

The same words, through its interface for a word tokeniser; 16 buckets of 8 (its default of 14 uses 112 permutations)
with its 64-bit hashes. It checks no candidate, and a text under 5 words has no shingle and so no duplicate.
"""

import re
import struct
import tempfile
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupSignature,
)
from datatrove.utils.logging import logger
from datatrove.utils.text import TextNormConfig
from datatrove.utils.word_tokenizers import WordTokenizer
from measure import PERMUTATIONS, SHINGLE, main

BUCKETS = 16


class Words(WordTokenizer):
    """The benchmark's words."""

    def word_tokenize(self, text: str) -> list[str]:
        return re.findall(r"\w+", text)

    def sent_tokenize(self, text: str) -> list[str]:
        return [text]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


def labels(texts: Any) -> list[int]:
    lower_only = TextNormConfig(
        norm_whitespace=False, remove_punctuation=False, norm_unicode_diacritics=False, norm_numbers=False
    )
    config = MinhashConfig(
        n_grams=SHINGLE,
        num_buckets=BUCKETS,
        hashes_per_bucket=PERMUTATIONS // BUCKETS,
        norm_config=lower_only,
    )
    made = list(range(len(texts)))
    with tempfile.TemporaryDirectory() as place:
        signatures, buckets, clusters = (f"{place}/{name}" for name in ("signatures", "buckets", "clusters"))
        documents = (Document(text=text, id=str(row)) for row, text in enumerate(texts.to_pylist()))
        MinhashDedupSignature(signatures, config, language=Words()).run(documents)
        # Each file read whole, which is its fastest.
        for bucket in range(BUCKETS):
            step = MinhashDedupBuckets(signatures, buckets, config=config, lines_to_buffer=-1)
            step.run(None, bucket, BUCKETS)
        MinhashDedupCluster(buckets, clusters, config, save_cluster_id=True, lines_to_buffer=-1).run()
        first: dict[int, int] = {}
        for path in Path(clusters).glob("*.clusters"):
            for row, cluster in struct.iter_unpack("<2I", path.read_bytes()):
                made[row] = first.setdefault(cluster, row)
    return made


if __name__ == "__main__":
    logger.remove()
    main(labels)
